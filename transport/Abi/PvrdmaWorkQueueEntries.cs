using System.Numerics;
using System.Runtime.InteropServices;

namespace RoceEngine.Abi;

/// <summary>Work request opcodes in a <see cref="PvrdmaSendWqe"/>.</summary>
public enum PvrdmaWrOpcode : uint
{
    RdmaWrite = 0,
    RdmaWriteWithImmediate = 1,
    Send = 2,
    SendWithImmediate = 3,
    RdmaRead = 4,
    AtomicCompareSwap = 5,
    AtomicFetchAdd = 6,
    LargeSendOffload = 7,
    SendWithInvalidate = 8,
    RdmaReadWithInvalidate = 9,
    LocalInvalidate = 10,
    FastRegisterMr = 11,
    MaskedAtomicCompareSwap = 12,
    MaskedAtomicFetchAdd = 13,
    BindMemoryWindow = 14,
    RegisterSignatureMr = 15,
    Error = 16,

    /// <summary>Extension (<see cref="ExtensionBits.ExtendedVerbs"/>).</summary>
    Flush = 0x100,

    /// <summary>Extension (<see cref="ExtensionBits.ExtendedVerbs"/>): 8 bytes, from one entry or inline.</summary>
    AtomicWrite = 0x101,
}

/// <summary>Flags in a <see cref="PvrdmaSendWqe"/>. <see cref="Inline"/> is an extension.</summary>
[Flags]
public enum PvrdmaSendFlags : uint
{
    None = 0,
    Fence = 1,
    Signaled = 2,
    Solicited = 4,
    Inline = 8,
    IpChecksum = 16,
}

/// <summary>Scatter/gather entry: guest virtual address, bytes, local key.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct PvrdmaSge
{
    [FieldOffset(0)] public ulong Address;
    [FieldOffset(8)] public uint Length;
    [FieldOffset(12)] public uint LocalKey;
}

/// <summary>Address vector of a datagram.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
public struct PvrdmaAddressVector
{
    /// <summary>Port in bits 24-31, PD in bits 0-23.</summary>
    [FieldOffset(0)] public uint PortAndPd;

    /// <summary>Service level in bits 28-31, traffic class in bits 20-27, flow label in bits 0-19.</summary>
    [FieldOffset(4)] public uint ServiceLevelClassFlow;

    [FieldOffset(8)] public PvrdmaGid DestinationGid;
    [FieldOffset(24)] public byte SourcePathBits;
    [FieldOffset(25)] public byte GidIndex;
    [FieldOffset(26)] public byte StaticRate;
    [FieldOffset(27)] public byte HopLimit;
    [FieldOffset(28)] public PvrdmaMac DestinationMac;
}

/// <summary>
/// Head of a send work request; the scatter/gather entries (or, with <see cref="PvrdmaSendFlags.Inline"/>, the data) follow it.
/// From offset 32 on the fields of the different operations overlap.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 80)]
public struct PvrdmaSendWqe
{
    [FieldOffset(0)] public ulong WorkRequestId;
    [FieldOffset(8)] public uint SgeCount;

    /// <summary>Inline sends: bytes of data. Otherwise not looked at.</summary>
    [FieldOffset(12)] public uint TotalBytes;

    /// <summary>A <see cref="PvrdmaWrOpcode"/>.</summary>
    [FieldOffset(16)] public uint Opcode;

    /// <summary>A <see cref="PvrdmaSendFlags"/>.</summary>
    [FieldOffset(20)] public uint Flags;

    /// <summary>Immediate data, in network order in memory; or, in host order, the key to invalidate.</summary>
    [FieldOffset(24)] public uint ImmediateOrKey;

    /// <summary>WRITE, READ, atomics.</summary>
    [FieldOffset(32)] public ulong RemoteAddress;

    /// <summary>WRITE, READ.</summary>
    [FieldOffset(40)] public uint RdmaRemoteKey;

    [FieldOffset(40)] public ulong AtomicCompareOrAdd;
    [FieldOffset(48)] public ulong AtomicSwap;
    [FieldOffset(56)] public uint AtomicRemoteKey;

    [FieldOffset(40)] public uint MaskedLogArgumentBytes;
    [FieldOffset(44)] public uint MaskedRemoteKey;

    /// <summary>Masked compare-and-swap: the new value. Masked fetch-and-add: the addend.</summary>
    [FieldOffset(48)] public ulong MaskedSwapOrAdd;

    /// <summary>Masked compare-and-swap: the value to compare with. Masked fetch-and-add: the field boundaries.</summary>
    [FieldOffset(56)] public ulong MaskedCompareOrBoundary;

    [FieldOffset(64)] public ulong MaskedSwapMask;
    [FieldOffset(72)] public ulong MaskedCompareMask;

    /// <summary>FLUSH (with <see cref="RemoteAddress"/> and <see cref="RdmaRemoteKey"/>): bytes.</summary>
    [FieldOffset(44)] public uint FlushLength;

    /// <summary>FLUSH: bit 0 global visibility, bit 1 persistence, bit 4 whole region.</summary>
    [FieldOffset(48)] public uint FlushOptions;

    /// <summary>Bind: first address of the window (extension).</summary>
    [FieldOffset(32)] public ulong BindAddress;

    [FieldOffset(40)] public ulong BindLength;

    /// <summary>Bind: local key of the region below.</summary>
    [FieldOffset(48)] public uint BindRegionKey;

    /// <summary>Bind: a <see cref="PvrdmaAccess"/> of remote rights.</summary>
    [FieldOffset(52)] public uint BindAccess;

    /// <summary>Bind: the window's key from now on; its upper 24 bits name the window.</summary>
    [FieldOffset(56)] public uint BindKey;

    [FieldOffset(32)] public ulong FastRegisterIova;
    [FieldOffset(40)] public ulong FastRegisterDirectoryAddress;
    [FieldOffset(48)] public uint FastRegisterPageShift;
    [FieldOffset(52)] public uint FastRegisterPageCount;
    [FieldOffset(56)] public uint FastRegisterLength;
    [FieldOffset(60)] public uint FastRegisterAccess;
    [FieldOffset(64)] public uint FastRegisterRemoteKey;

    [FieldOffset(32)] public uint DatagramQpn;
    [FieldOffset(36)] public uint DatagramQkey;
    [FieldOffset(40)] public PvrdmaAddressVector DatagramAddress;
}

/// <summary>Head of a receive work request; the scatter/gather entries follow it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct PvrdmaReceiveWqe
{
    [FieldOffset(0)] public ulong WorkRequestId;
    [FieldOffset(8)] public uint SgeCount;
    [FieldOffset(12)] public uint TotalBytes;
}

/// <summary>How large the slots of work queues are. Guest and device compute them alike from the sizes in CREATE_QP.</summary>
public static class PvrdmaWqeLayout
{
    public const int SendHeaderBytes = 80;
    public const int ReceiveHeaderBytes = 16;
    public const int SgeBytes = 16;

    /// <summary>
    /// Bytes of a send queue slot: header and the larger of the entries and the inline data, rounded up to a power of two.
    /// The stock driver passes no inline bytes.
    /// </summary>
    public static uint SendSlotBytes(uint maxSge, uint maxInlineBytes) =>
        BitOperations.RoundUpToPowerOf2(SendHeaderBytes + Math.Max(Math.Max(maxSge, 1) * SgeBytes, maxInlineBytes));

    /// <summary>Bytes of a receive queue slot: header and entries, rounded up to a power of two.</summary>
    public static uint ReceiveSlotBytes(uint maxSge) =>
        BitOperations.RoundUpToPowerOf2(ReceiveHeaderBytes + (Math.Max(maxSge, 1) * SgeBytes));

    /// <summary>Pages that a queue of <paramref name="slots"/> takes.</summary>
    public static ulong PagesFor(uint slots, uint slotBytes) =>
        (((ulong)slots * slotBytes) + PvrdmaPageDirectory.PageBytes - 1) / PvrdmaPageDirectory.PageBytes;
}
