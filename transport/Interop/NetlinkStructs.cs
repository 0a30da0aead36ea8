using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>struct sockaddr_nl, netlink(7). Port 0 is the kernel.</summary>
[StructLayout(LayoutKind.Explicit, Size = 12)]
public struct SockaddrNetlink
{
    [FieldOffset(0)] public ushort Family;
    [FieldOffset(4)] public uint PortId;
    [FieldOffset(8)] public uint Groups;
}

/// <summary>struct nlmsghdr, netlink(7). The length counts the header; the next message begins at a multiple of four.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct NetlinkMessageHeader
{
    [FieldOffset(0)] public uint Length;
    [FieldOffset(4)] public ushort Type;
    [FieldOffset(6)] public ushort Flags;
    [FieldOffset(8)] public uint Sequence;
    [FieldOffset(12)] public uint PortId;
}

/// <summary>struct rtattr, rtnetlink(3). The length counts these four bytes; the value follows, padded to a multiple of four.</summary>
[StructLayout(LayoutKind.Explicit, Size = 4)]
public struct NetlinkAttribute
{
    [FieldOffset(0)] public ushort Length;
    [FieldOffset(2)] public ushort Type;
}

/// <summary>struct ifaddrmsg, rtnetlink(7): the address of an interface; attributes follow.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct InterfaceAddressMessage
{
    [FieldOffset(0)] public byte Family;
    [FieldOffset(1)] public byte PrefixLength;
    [FieldOffset(2)] public byte Flags;
    [FieldOffset(3)] public byte Scope;
    [FieldOffset(4)] public uint InterfaceIndex;
}

/// <summary>struct ifinfomsg, rtnetlink(7): an interface; attributes follow.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct InterfaceInfoMessage
{
    [FieldOffset(0)] public byte Family;
    [FieldOffset(2)] public ushort HardwareType;
    [FieldOffset(4)] public int InterfaceIndex;
    [FieldOffset(8)] public uint Flags;
    [FieldOffset(12)] public uint ChangeMask;
}
