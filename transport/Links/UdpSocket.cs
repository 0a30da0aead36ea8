using System.Buffers.Binary;
using System.Runtime.InteropServices;
using RoceEngine.Interop;
using RoceEngine.Wire;
using static RoceEngine.Interop.SocketConstants;

namespace RoceEngine.Links;

/// <summary>
/// Opens the UDP socket of a device address. It stays unconnected, and path MTU discovery is on: so the kernel sets DF and numbers a
/// datagram's IPv4 identification 0, and the i-th segment of a train i, which the ICRC covers.
/// </summary>
internal static unsafe class UdpSocket
{
    /// <summary>Hop limit that the socket puts into packets by default.</summary>
    public const int DefaultHopLimit = 64;

    /// <summary>Traffic class that the socket puts into packets by default: no DSCP, ECN-capable transport, ECT(0).</summary>
    public const byte DefaultTrafficClass = 2;

    public static int Open(in Gid address, ushort port)
    {
        bool isIPv4 = address.IsIPv4;
        int socket = SystemCallException.Check(
            Sockets.Create(isIPv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), $"socket for {address}");
        try
        {
            if (isIPv4)
                ConfigureIPv4(socket);
            else
                ConfigureIPv6(socket);
            TrySet(socket, SOL_SOCKET, SO_RXQ_OVFL, 1);
            Bind(socket, address, port);
            return socket;
        }
        catch
        {
            Events.Close(socket);
            throw;
        }
    }

    /// <summary>
    /// The interface of an IPv6 address, which groups are joined on; for IPv4 0, since the address itself says it. As the calling
    /// thread's network namespace has them.
    /// </summary>
    public static int InterfaceOf(in Gid address)
    {
        if (address.IsIPv4)
            return 0;
        Span<byte> bytes = stackalloc byte[Gid.Length];
        address.Write(bytes);
        return NetworkInterfaces.IndexOf(bytes);
    }

    /// <summary>Opens a socket that receives what is sent to a group on the interface of <paramref name="address"/>, beside others.</summary>
    public static int OpenGroup(in Gid address, int interfaceIndex, in Gid group, ushort port)
    {
        bool isIPv4 = group.IsIPv4;
        int socket = SystemCallException.Check(
            Sockets.Create(isIPv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), $"socket for {group}");
        try
        {
            Set(socket, SOL_SOCKET, SO_REUSEADDR, 1, nameof(SO_REUSEADDR));
            if (isIPv4)
                ConfigureIPv4(socket);
            else
                ConfigureIPv6(socket);
            TrySet(socket, SOL_SOCKET, SO_RXQ_OVFL, 1);

            // Only what comes by the interface of the membership, not what other sockets joined elsewhere.
            TrySet(socket, isIPv4 ? IPPROTO_IP : IPPROTO_IPV6, isIPv4 ? IP_MULTICAST_ALL : IPV6_MULTICAST_ALL, 0);
            Bind(socket, group, port, interfaceIndex);
            Join(socket, address, group, interfaceIndex);
            return socket;
        }
        catch
        {
            Events.Close(socket);
            throw;
        }
    }

    /// <summary>What goes to a group leaves by the interface of <paramref name="address"/>, and further than the next router.</summary>
    public static void PrepareMulticast(int socket, in Gid address, int interfaceIndex)
    {
        if (address.IsIPv4)
        {
            var request = new MulticastRequest { InterfaceNetworkOrder = BinaryPrimitives.ReverseEndianness(address.IPv4) };
            _ = Sockets.SetOption(socket, IPPROTO_IP, IP_MULTICAST_IF, &request, (uint)sizeof(MulticastRequest));
            TrySet(socket, IPPROTO_IP, IP_MULTICAST_TTL, DefaultHopLimit);
            return;
        }
        TrySet(socket, IPPROTO_IPV6, IPV6_MULTICAST_IF, interfaceIndex);
        TrySet(socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, DefaultHopLimit);
    }

    /// <summary>True when the kernel knows UDP_SEGMENT.</summary>
    public static bool KnowsGso(int socket) => Sockets.GetOption(socket, SOL_UDP, UDP_SEGMENT, out _) == 0;

    /// <summary>Asks for received trains to be delivered whole. False on a kernel that cannot.</summary>
    public static bool TryEnableGro(int socket) => TrySet(socket, SOL_UDP, UDP_GRO, 1);

    /// <summary>Sets a buffer's size, beyond the system's limit where permitted. Returns the kernel's own figure, which counts overhead.</summary>
    public static int SetBuffer(int socket, bool receive, int bytes)
    {
        if (!TrySet(socket, SOL_SOCKET, receive ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, bytes))
            TrySet(socket, SOL_SOCKET, receive ? SO_RCVBUF : SO_SNDBUF, bytes);
        return Sockets.GetOption(socket, SOL_SOCKET, receive ? SO_RCVBUF : SO_SNDBUF, out int effective) == 0 ? effective : 0;
    }

    /// <summary>Writes a sockaddr for an address and returns its length.</summary>
    public static int WriteAddress(byte* into, in Gid address, ushort port)
    {
        ushort portNetworkOrder = BinaryPrimitives.ReverseEndianness(port);
        if (address.IsIPv4)
        {
            *(SockaddrIn*)into = new SockaddrIn
            {
                Family = AF_INET,
                PortNetworkOrder = portNetworkOrder,
                AddressNetworkOrder = BinaryPrimitives.ReverseEndianness(address.IPv4),
            };
            return sizeof(SockaddrIn);
        }
        var name = new SockaddrIn6 { Family = AF_INET6, PortNetworkOrder = portNetworkOrder };
        address.Write(new Span<byte>(name.Address, Gid.Length));
        *(SockaddrIn6*)into = name;
        return sizeof(SockaddrIn6);
    }

    private static void ConfigureIPv4(int socket)
    {
        Set(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, nameof(IP_MTU_DISCOVER));
        Set(socket, IPPROTO_IP, IP_RECVTOS, 1, nameof(IP_RECVTOS));
        Set(socket, IPPROTO_IP, IP_RECVTTL, 1, nameof(IP_RECVTTL));
        Set(socket, IPPROTO_IP, IP_TTL, DefaultHopLimit, nameof(IP_TTL));
        Set(socket, IPPROTO_IP, IP_TOS, DefaultTrafficClass, nameof(IP_TOS));
    }

    /// <summary>Soft-RoCE peers send UDP checksum 0 over IPv6 as well, which a socket drops unless told otherwise.</summary>
    private static void ConfigureIPv6(int socket)
    {
        Set(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1, nameof(IPV6_V6ONLY));
        Set(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO, nameof(IPV6_MTU_DISCOVER));
        Set(socket, IPPROTO_IPV6, IPV6_RECVTCLASS, 1, nameof(IPV6_RECVTCLASS));
        Set(socket, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, nameof(IPV6_RECVHOPLIMIT));
        Set(socket, IPPROTO_IPV6, IPV6_UNICAST_HOPS, DefaultHopLimit, nameof(IPV6_UNICAST_HOPS));
        Set(socket, IPPROTO_IPV6, IPV6_TCLASS, DefaultTrafficClass, nameof(IPV6_TCLASS));
        Set(socket, SOL_UDP, UDP_NO_CHECK6_RX, 1, nameof(UDP_NO_CHECK6_RX));
    }

    private static void Join(int socket, in Gid address, in Gid group, int interfaceIndex)
    {
        int status;
        if (group.IsIPv4)
        {
            var request = new MulticastRequest
            {
                GroupNetworkOrder = BinaryPrimitives.ReverseEndianness(group.IPv4),
                InterfaceNetworkOrder = BinaryPrimitives.ReverseEndianness(address.IPv4),
            };
            status = Sockets.SetOption(socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, (uint)sizeof(MulticastRequest));
        }
        else
        {
            var request = new MulticastRequest6 { InterfaceIndex = interfaceIndex };
            group.Write(new Span<byte>(request.Group, Gid.Length));
            status = Sockets.SetOption(socket, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, (uint)sizeof(MulticastRequest6));
        }
        SystemCallException.Check(status, $"join {group}");
    }

    private static void Bind(int socket, in Gid address, ushort port, int interfaceIndex = 0)
    {
        byte* name = stackalloc byte[sizeof(SockaddrIn6)];
        int bytes = WriteAddress(name, address, port);
        if (interfaceIndex != 0)
            ((SockaddrIn6*)name)->ScopeId = (uint)interfaceIndex;
        if (Sockets.Bind(socket, name, (uint)bytes) < 0)
            SystemCallException.ThrowLast(address.IsIPv4 ? $"bind to {address}:{port}" : $"bind to [{address}]:{port}");
    }

    private static bool TrySet(int socket, int level, int name, int value) => Sockets.SetOption(socket, level, name, value) == 0;

    private static void Set(int socket, int level, int name, int value, string what)
    {
        if (!TrySet(socket, level, name, value))
            throw new SystemCallException($"setsockopt({what})", Marshal.GetLastPInvokeError());
    }
}
