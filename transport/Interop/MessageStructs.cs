using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>struct iovec, readv(2).</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public unsafe struct IoVector
{
    [FieldOffset(0)] public byte* Base;
    [FieldOffset(8)] public nuint Length;
}

/// <summary>struct msghdr of 64-bit Linux, recvmsg(2).</summary>
[StructLayout(LayoutKind.Explicit, Size = 56)]
public unsafe struct MessageHeader
{
    [FieldOffset(0)] public void* Name;
    [FieldOffset(8)] public uint NameLength;
    [FieldOffset(16)] public IoVector* Vectors;
    [FieldOffset(24)] public nuint VectorCount;
    [FieldOffset(32)] public byte* Control;
    [FieldOffset(40)] public nuint ControlLength;
    [FieldOffset(48)] public int Flags;
}

/// <summary>struct mmsghdr: a message header and the bytes that were moved. sendmmsg(2).</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
public struct MultipleMessageHeader
{
    [FieldOffset(0)] public MessageHeader Header;
    [FieldOffset(56)] public uint Length;
}

/// <summary>struct cmsghdr of 64-bit Linux; the data follows. cmsg(3).</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct ControlMessageHeader
{
    [FieldOffset(0)] public nuint Length;
    [FieldOffset(8)] public int Level;
    [FieldOffset(12)] public int Type;
}

/// <summary>struct ucred: who is at the other end of a Unix socket. unix(7), SO_PEERCRED.</summary>
[StructLayout(LayoutKind.Explicit, Size = 12)]
public struct PeerCredentials
{
    [FieldOffset(0)] public int ProcessId;
    [FieldOffset(4)] public uint UserId;
    [FieldOffset(8)] public uint GroupId;
}
