using RoceEngine.Interop;
using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>
/// RoCEv2 of one device address over UDP port 4791: packets leave and come in batches, trains of equal-sized datagrams as one message
/// each (UDP_SEGMENT, UDP_GRO). One thread owns it. After construction it allocates only when it meets a new route.
/// </summary>
public sealed class UdpLink : ILink
{
    private readonly UdpTransmitter _transmitter;
    private readonly UdpReceiver _receiver;
    private readonly UdpGroups _groups;
    private readonly bool _groActive;
    private readonly bool _gsoWanted;
    private int _socket;

    /// <summary>Binds the address's port 4791. IPv4-mapped and IPv6 addresses alike.</summary>
    /// <exception cref="SystemCallException">
    /// The address is not of this machine (EADDRNOTAVAIL), its port is taken (EADDRINUSE), or the kernel refused an option.
    /// </exception>
    public UdpLink(in Gid address, UdpLinkOptions? options = null)
        : this(address, UdpSocket.Open(address, RoceUdp.Port), options)
    {
    }

    /// <summary>Takes over a socket that is bound, with what has arrived there.</summary>
    internal UdpLink(in Gid address, int socket, UdpLinkOptions? options)
    {
        options ??= new UdpLinkOptions();
        Address = address;
        _socket = socket;
        _groActive = options.UseGro && UdpSocket.TryEnableGro(_socket);
        _gsoWanted = options.UseGso;
        ReceiveBufferBytes = UdpSocket.SetBuffer(_socket, receive: true, options.ReceiveBufferBytes);
        SendBufferBytes = UdpSocket.SetBuffer(_socket, receive: false, options.SendBufferBytes);
        _receiver = new UdpReceiver(_socket, address, options, Statistics);
        _groups = new UdpGroups(address, _socket, options, Statistics);
        _transmitter = new UdpTransmitter(_socket, address, options, Statistics, _groups.PrepareToSend);
    }

    /// <summary>The device address that the link serves.</summary>
    public Gid Address { get; }

    /// <summary>Counters of datagrams, drops by reason and malformed datagrams by reason.</summary>
    public UdpLinkStatistics Statistics { get; } = new();

    /// <summary>
    /// SO_RCVBUF as the kernel reports it: twice what it granted, since it counts its own overhead. A datagram takes 1.1 times
    /// (train) to 2.5 times (1 KiB datagrams one by one) its payload.
    /// </summary>
    public int ReceiveBufferBytes { get; }

    /// <summary>SO_SNDBUF as the kernel reports it.</summary>
    public int SendBufferBytes { get; }

    /// <summary>True while trains leave as one message. May turn false when the kernel or the device refuses one.</summary>
    public bool GsoActive => _transmitter.GsoActive;

    /// <summary>True when received trains are delivered whole.</summary>
    public bool GroActive => _groActive;

    /// <summary>One line for a log: how the link sends and receives.</summary>
    public string Description
    {
        get
        {
            string send = GsoActive ? "UDP_SEGMENT" : _gsoWanted ? "single datagrams, for UDP_SEGMENT was refused" : "single datagrams, as asked";
            string receive = _groActive ? "UDP_GRO" : "single datagrams";
            return $"{Address} port {RoceUdp.Port}: sends {send}, receives {receive}, receive buffer {ReceiveBufferBytes} B";
        }
    }

    /// <summary>Sees every datagram that comes or goes; null costs nothing.</summary>
    public IPacketTap? Tap
    {
        get => _receiver.Tap;
        set
        {
            _receiver.Tap = value;
            _transmitter.Tap = value;
            _groups.Tap = value;
        }
    }

    /// <inheritdoc/>
    public bool HasRoom => _transmitter.HasRoom;

    /// <inheritdoc/>
    public int RunPackets(Route route, int payloadBytes) => _transmitter.RunPackets(route, payloadBytes);

    /// <inheritdoc/>
    public int PollDescriptor => _groups.PollDescriptor;

    /// <inheritdoc/>
    public void Emit(in Packet packet, Route route)
    {
        ObjectDisposedException.ThrowIf(_socket < 0, this);
        _transmitter.Emit(packet, route);
    }

    /// <inheritdoc/>
    public void Flush()
    {
        ObjectDisposedException.ThrowIf(_socket < 0, this);
        _transmitter.Flush();
    }

    /// <inheritdoc/>
    public int Receive(IPacketReceiver receiver, int packetsMax)
    {
        ObjectDisposedException.ThrowIf(_socket < 0, this);
        int handled = _receiver.Receive(receiver, packetsMax);
        return _groups.IsEmpty ? handled : handled + _groups.Receive(receiver, packetsMax);
    }

    /// <inheritdoc/>
    public int JoinMulticast(in Gid group)
    {
        ObjectDisposedException.ThrowIf(_socket < 0, this);
        return _groups.Join(group, _receiver.Tap);
    }

    /// <inheritdoc/>
    public void LeaveMulticast(in Gid group) => _groups.Leave(group);

    /// <summary>Closes the sockets. What was emitted and not flushed is lost.</summary>
    public void Dispose()
    {
        if (_socket < 0)
            return;
        _ = Events.Close(_socket);
        _socket = -1;
        _transmitter.Dispose();
        _receiver.Dispose();
        _groups.Dispose();
    }
}
