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
        Set(socket, IPPROTO_IP, IP_TTL, DefaultHopLimit, nameof(IP_TTL));
    }

    /// <summary>Soft-RoCE peers send UDP checksum 0 over IPv6 as well, which a socket drops unless told otherwise.</summary>
    private static void ConfigureIPv6(int socket)
    {
        Set(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1, nameof(IPV6_V6ONLY));
        Set(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO, nameof(IPV6_MTU_DISCOVER));
        Set(socket, IPPROTO_IPV6, IPV6_RECVTCLASS, 1, nameof(IPV6_RECVTCLASS));
        Set(socket, IPPROTO_IPV6, IPV6_UNICAST_HOPS, DefaultHopLimit, nameof(IPV6_UNICAST_HOPS));
        Set(socket, SOL_UDP, UDP_NO_CHECK6_RX, 1, nameof(UDP_NO_CHECK6_RX));
    }

    private static void Bind(int socket, in Gid address, ushort port)
    {
        byte* name = stackalloc byte[sizeof(SockaddrIn6)];
        int bytes = WriteAddress(name, address, port);
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
