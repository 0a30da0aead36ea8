using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>struct sockaddr_ll, packet(7). The protocol is an EtherType in network order.</summary>
[StructLayout(LayoutKind.Explicit, Size = 20)]
public unsafe struct SockaddrLinkLayer
{
    public const int AddressBytes = 8;

    [FieldOffset(0)] public ushort Family;
    [FieldOffset(2)] public ushort ProtocolNetworkOrder;
    [FieldOffset(4)] public int InterfaceIndex;
    [FieldOffset(8)] public ushort HardwareType;
    [FieldOffset(10)] public byte PacketType;
    [FieldOffset(11)] public byte AddressLength;
    [FieldOffset(12)] public fixed byte Address[AddressBytes];
}

/// <summary>Constants of packet(7), and of raw ICMPv6 sockets (RFC 3542).</summary>
public static class PacketConstants
{
    public const int AF_PACKET = 17;

    public const ushort ETH_P_ALL = 0x0003;
    public const ushort ETH_P_ARP = 0x0806;

    public const int IPPROTO_ICMPV6 = 58;
    public const int IPV6_MULTICAST_LOOP = 19;

    public const int SO_BINDTOIFINDEX = 62;
}
