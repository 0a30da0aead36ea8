using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>struct sockaddr_in, ip(7). Port and address in network order.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct SockaddrIn
{
    [FieldOffset(0)] public ushort Family;
    [FieldOffset(2)] public ushort PortNetworkOrder;
    [FieldOffset(4)] public uint AddressNetworkOrder;
}

/// <summary>struct sockaddr_in6, ipv6(7). Port, flow information and address in network order.</summary>
[StructLayout(LayoutKind.Explicit, Size = 28)]
public unsafe struct SockaddrIn6
{
    [FieldOffset(0)] public ushort Family;
    [FieldOffset(2)] public ushort PortNetworkOrder;
    [FieldOffset(4)] public uint FlowInfo;
    [FieldOffset(8)] public fixed byte Address[16];
    [FieldOffset(24)] public uint ScopeId;
}

/// <summary>struct sockaddr_un, unix(7).</summary>
[StructLayout(LayoutKind.Explicit, Size = 110)]
public unsafe struct SockaddrUn
{
    public const int PathBytes = 108;

    [FieldOffset(0)] public ushort Family;
    [FieldOffset(2)] public fixed byte Path[PathBytes];
}

/// <summary>struct ip_mreqn, ip(7). Addresses in network order.</summary>
[StructLayout(LayoutKind.Explicit, Size = 12)]
public struct MulticastRequest
{
    [FieldOffset(0)] public uint GroupNetworkOrder;
    [FieldOffset(4)] public uint InterfaceNetworkOrder;
    [FieldOffset(8)] public int InterfaceIndex;
}

/// <summary>struct ipv6_mreq, ipv6(7). Address in network order.</summary>
[StructLayout(LayoutKind.Explicit, Size = 20)]
public unsafe struct MulticastRequest6
{
    [FieldOffset(0)] public fixed byte Group[16];
    [FieldOffset(16)] public int InterfaceIndex;
}
