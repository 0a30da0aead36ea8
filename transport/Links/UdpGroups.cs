using System.Runtime.InteropServices;
using RoceEngine.Interop;
using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>
/// The multicast groups of a <see cref="UdpLink"/>. Each has a socket of its own, bound to the group's port 4791, which other links and
/// other programs of the machine may bind as well: the kernel gives every one of them a copy.
/// </summary>
internal sealed class UdpGroups : IDisposable
{
    private readonly Gid _address;
    private readonly int _unicastSocket;
    private readonly UdpLinkOptions _options;
    private readonly UdpLinkStatistics _statistics;
    private readonly int _interfaceIndex;
    private readonly List<Member> _members = [];
    private int _poll = -1;

    /// <param name="address">The link's own; decides the interface.</param>
    /// <param name="unicastSocket">The link's other socket, to be waited for as well.</param>
    /// <param name="options">How sockets are used.</param>
    /// <param name="statistics">Counts what groups receive, too.</param>
    public UdpGroups(in Gid address, int unicastSocket, UdpLinkOptions options, UdpLinkStatistics statistics)
    {
        _address = address;
        _unicastSocket = unicastSocket;
        _options = options;
        _statistics = statistics;
        _interfaceIndex = UdpSocket.InterfaceOf(address);
    }

    private readonly record struct Member(Gid Group, int Socket, UdpReceiver Receiver);

    public bool IsEmpty => _members.Count == 0;

    /// <summary>Readable when any socket of the link is: an epoll instance once a group was joined.</summary>
    public int PollDescriptor => _poll >= 0 ? _poll : _unicastSocket;

    /// <summary>Sees every datagram of every group.</summary>
    public IPacketTap? Tap
    {
        set
        {
            foreach (Member member in _members)
                member.Receiver.Tap = value;
        }
    }

    /// <summary>Makes ready to send to groups: they need not be joined for that.</summary>
    public void PrepareToSend() => UdpSocket.PrepareMulticast(_unicastSocket, _address, _interfaceIndex);

    /// <summary>Returns 0 or an error number.</summary>
    public int Join(in Gid group, IPacketTap? tap)
    {
        if (!group.IsMulticast || group.IsIPv4 != _address.IsIPv4 || IndexOf(group) >= 0)
            return Errno.EINVAL;
        int socket = -1;
        try
        {
            socket = UdpSocket.OpenGroup(_address, _interfaceIndex, group, RoceUdp.Port);
            _ = _options.UseGro && UdpSocket.TryEnableGro(socket);
            _ = UdpSocket.SetBuffer(socket, receive: true, _options.ReceiveBufferBytes);
            Watch(socket);
        }
        catch (SystemCallException e)
        {
            if (socket >= 0)
                _ = Events.Close(socket);
            return e.Errno;
        }
        _members.Add(new Member(group, socket, new UdpReceiver(socket, group, _options, _statistics) { Tap = tap }));
        return 0;
    }

    public void Leave(in Gid group)
    {
        int index = IndexOf(group);
        if (index < 0)
            return;
        Close(_members[index]);
        _members.RemoveAt(index);
    }

    /// <summary>Takes what waits at the groups' sockets; returns how many datagrams it handled.</summary>
    public int Receive(IPacketReceiver receiver, int packetsMax)
    {
        int handled = 0;
        for (int i = 0; i < _members.Count && handled < packetsMax; i++)
            handled += _members[i].Receiver.Receive(receiver, packetsMax - handled);
        return handled;
    }

    public void Dispose()
    {
        foreach (Member member in _members)
            Close(member);
        _members.Clear();
        if (_poll >= 0)
            _ = Events.Close(_poll);
        _poll = -1;
    }

    private int IndexOf(in Gid group)
    {
        for (int i = 0; i < _members.Count; i++)
        {
            if (_members[i].Group == group)
                return i;
        }
        return -1;
    }

    // A closed descriptor leaves the epoll instance by itself.
    private static void Close(Member member)
    {
        _ = Events.Close(member.Socket);
        member.Receiver.Dispose();
    }

    private void Watch(int socket)
    {
        if (_poll < 0)
        {
            _poll = SystemCallException.Check(EventPolls.Create(EventPolls.EPOLL_CLOEXEC), "epoll_create1");
            SystemCallException.Check(EventPolls.Add(_poll, _unicastSocket), "epoll_ctl");
        }
        SystemCallException.Check(EventPolls.Add(_poll, socket), "epoll_ctl");
    }
}
