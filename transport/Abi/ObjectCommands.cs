using System.Runtime.InteropServices;

namespace RoceEngine.Abi;

/// <summary>What <see cref="PvrdmaCommand.NextObject"/> lists.</summary>
public enum PvrdmaObjectKind : uint
{
    ProtectionDomain = 1,
    MemoryRegion = 2,
    CompletionQueue = 3,
    SharedReceiveQueue = 4,
    QueuePair = 5,
    MemoryWindow = 6,
}

/// <summary>How a region came to its pages, in <see cref="PvrdmaNextObjectResponse.Type"/>.</summary>
public enum PvrdmaRegionType : uint
{
    /// <summary>By a page directory.</summary>
    Pages = 0,

    /// <summary>It is all of guest memory.</summary>
    AllMemory = 1,

    /// <summary>By work requests.</summary>
    FastRegister = 2,

    /// <summary>It is memory of the process that guest and device share.</summary>
    Process = 3,
}

/// <summary>Bits of <see cref="PvrdmaNextObjectResponse.Flags"/>.</summary>
[Flags]
public enum PvrdmaObjectFlags : uint
{
    None = 0,

    /// <summary>The object has pages, and they lie in a row.</summary>
    PagesInRow = 1,

    /// <summary>Every send of the QP writes a CQE.</summary>
    SignalAll = 2,
}

/// <summary>
/// NEXT_OBJECT (extension): the object of a kind with the lowest handle that is not below <see cref="Handle"/>. A guest that takes a device which another
/// process made learns thereby what is there.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaNextObject
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;

    /// <summary>A <see cref="PvrdmaObjectKind"/>.</summary>
    [FieldOffset(16)] public uint Kind;

    [FieldOffset(20)] public uint Handle;
}

/// <summary>Response to NEXT_OBJECT. What the kind has no use for is 0.</summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
public struct PvrdmaNextObjectResponse
{
    [FieldOffset(0)] public PvrdmaResponseHeader Header;

    /// <summary>0 when there is no further object.</summary>
    [FieldOffset(16)] public uint Handle;

    [FieldOffset(20)] public uint PdHandle;

    /// <summary>Guest physical address of the first page.</summary>
    [FieldOffset(24)] public ulong FirstPage;

    /// <summary>Pages; of a region for fast registration, pages at most.</summary>
    [FieldOffset(32)] public uint PageCount;

    /// <summary>A <see cref="PvrdmaObjectFlags"/>.</summary>
    [FieldOffset(36)] public uint Flags;

    /// <summary>QP: its number. MR, MW: the key in force.</summary>
    [FieldOffset(40)] public uint Number;

    /// <summary>QP: a <see cref="PvrdmaQpType"/>. MR: a <see cref="PvrdmaRegionType"/>. MW: 1 or 2.</summary>
    [FieldOffset(44)] public uint Type;

    /// <summary>MR, MW: the first address; both 0 while it is closed.</summary>
    [FieldOffset(48)] public ulong Start;

    [FieldOffset(56)] public ulong Length;

    /// <summary>MR, MW: a <see cref="PvrdmaAccess"/>.</summary>
    [FieldOffset(64)] public uint Access;

    /// <summary>CQ: entries. SRQ: receives that it holds.</summary>
    [FieldOffset(68)] public uint EntryCount;

    [FieldOffset(72)] public uint SendCqHandle;
    [FieldOffset(76)] public uint ReceiveCqHandle;

    /// <summary>0 for a QP with a receive queue of its own.</summary>
    [FieldOffset(80)] public uint SrqHandle;

    /// <summary>QP: a <see cref="PvrdmaQpState"/>.</summary>
    [FieldOffset(84)] public uint State;

    /// <summary>QP: sizes as granted; SRQ: scatter/gather entries of a receive.</summary>
    [FieldOffset(88)] public PvrdmaQpCapabilities Capabilities;

    /// <summary>QP: pages of the send queue.</summary>
    [FieldOffset(112)] public uint SendPageCount;
}
