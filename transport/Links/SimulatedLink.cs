using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>One address of a <see cref="SimulatedNetwork"/>. Emitted packets leave at <see cref="Flush"/>, in order.</summary>
public sealed unsafe partial class SimulatedLink : ILink
{
    private readonly SimulatedNetwork _network;
    private readonly Queue<SimulatedDatagram> _outbox = new();
    private readonly Queue<SimulatedDatagram> _inbox = new();
    private readonly long[] _malformed = new long[Enum.GetValues<MalformedReason>().Length];

    internal SimulatedLink(SimulatedNetwork network, Gid address)
    {
        _network = network;
        Address = address;
    }

    /// <summary>The address of the link.</summary>
    public Gid Address { get; }

    /// <summary>Packets that may wait for <see cref="Flush"/>.</summary>
    public int BatchPacketsMax { get; init; } = 1024;

    /// <summary>Datagrams that may wait for <see cref="Receive"/>; more are dropped, as a full socket buffer does.</summary>
    public int InboxDatagramsMax { get; set; } = int.MaxValue;

    /// <summary>Datagrams dropped at a full inbox.</summary>
    public long InboxDrops { get; private set; }

    /// <inheritdoc/>
    public bool HasRoom => _outbox.Count < BatchPacketsMax;

    /// <inheritdoc/>
    public int RunPackets(Route route, int payloadBytes) => UdpTransmitter.RunPacketsMax;

    /// <summary>-1: nothing to poll, time is virtual.</summary>
    public int PollDescriptor => -1;

    /// <summary>Received datagrams dropped for that reason.</summary>
    public long Malformed(MalformedReason reason) => _malformed[(int)reason];

    /// <inheritdoc/>
    public void Emit(in Packet packet, Route route)
    {
        if (packet.PsnCount > 1 && packet.PayloadBytes != 0)
            EmitRun(packet, route);
        else
            EmitOne(packet, route);
    }

    private void EmitOne(in Packet packet, Route route)
    {
        SimulatedDatagram datagram = _network.TakeSpare();
        datagram.Source = Address;
        datagram.Destination = route.Destination;
        datagram.Tos = route.TrafficClass;
        datagram.HopLimit = route.HopLimit;
        datagram.Bytes = DatagramEncoder.Encode(packet, new IcrcPseudo(Address, route.Destination, RoceUdp.Port), 0, datagram.Buffer);
        _outbox.Enqueue(datagram);
    }

    /// <inheritdoc/>
    public void Flush()
    {
        while (_outbox.TryDequeue(out SimulatedDatagram? datagram))
        {
            _network.Tap?.OnDatagram(
                datagram.Source, datagram.Destination, RoceUdp.Port, datagram.Tos, 0,
                datagram.Buffer.AsSpan(0, datagram.Bytes), outgoing: true, _network.NowNs);
            _network.Send(datagram);
        }
    }

    /// <inheritdoc/>
    public int Receive(IPacketReceiver receiver, int packetsMax)
    {
        int handled = 0;
        while (handled < packetsMax && _inbox.Count > 0)
        {
            int run = TakeRun(receiver, packetsMax - handled);
            if (run > 0)
            {
                handled += run;
                continue;
            }
            SimulatedDatagram datagram = _inbox.Dequeue();
            Handle(datagram, receiver);
            _network.Recycle(datagram);
            handled++;
        }
        return handled;
    }

    /// <inheritdoc/>
    public int JoinMulticast(in Gid group)
    {
        const int invalidArgument = 22;
        bool fits = group.IsMulticast && group.IsIPv4 == Address.IsIPv4;
        return fits && _network.Join(this, group) ? 0 : invalidArgument;
    }

    /// <inheritdoc/>
    public void LeaveMulticast(in Gid group) => _network.Leave(this, group);

    /// <summary>Takes the address off the network; what is under way to it is lost.</summary>
    public void Dispose() => _network.Remove(this);

    internal void Arrive(SimulatedDatagram datagram)
    {
        if (_inbox.Count < InboxDatagramsMax)
        {
            _inbox.Enqueue(datagram);
            return;
        }
        InboxDrops++;
        _network.Recycle(datagram);
    }

    /// <summary>
    /// No identification but 0 is sent here. Asking for it makes the check as strong as a socket's, where the kernel has looked at the
    /// UDP checksum as well.
    /// </summary>
    private bool IsIntact(SimulatedDatagram datagram, ReadOnlySpan<byte> bytes) =>
        IcrcVerifier.TryVerify(datagram.Source, datagram.Destination, RoceUdp.Port, bytes, out ushort identification, out bool dontFragment)
        && identification == 0 && dontFragment;

    private void Handle(SimulatedDatagram datagram, IPacketReceiver receiver)
    {
        ReadOnlySpan<byte> bytes = datagram.Buffer.AsSpan(0, datagram.Bytes);
        if (PacketCodec.TryDecode(bytes, out Packet packet, out MalformedReason reason) && !IsIntact(datagram, bytes))
            reason = MalformedReason.IcrcMismatch;
        if (reason != MalformedReason.None)
        {
            _malformed[(int)reason]++;
            return;
        }

        packet.TrafficClass = datagram.Tos;
        packet.HopLimit = datagram.HopLimit;
        if (HasSeenCongestion(datagram))
            packet.Flags |= PacketFlags.CongestionExperienced;
        fixed (byte* first = datagram.Buffer)
        {
            var payload = new MemorySegment(first + OpcodeTable.For(packet.Opcode).HeaderBytes, packet.PayloadBytes);
            packet.Segments = &payload;
            packet.SegmentCount = packet.PayloadBytes == 0 ? 0 : 1;
            receiver.OnPacket(packet, datagram.Source, datagram.Destination);
        }
    }
}
