using System.Runtime.InteropServices;

namespace RoceEngine.Abi;

/// <summary>Object flags of CREATE_MR.</summary>
public static class PvrdmaMrFlags
{
    /// <summary>All guest physical memory, addressed by guest physical address.</summary>
    public const uint Dma = 1;

    /// <summary>Pages are given later, by a fast registration work request.</summary>
    public const uint FastRegister = 2;

    /// <summary>
    /// Extension: no pages are named. <see cref="PvrdmaCreateMr.DirectoryAddress"/> is the address of the first byte in the process that guest and
    /// device share. Offered only where they do.
    /// </summary>
    public const uint ProcessMemory = 4;
}

/// <summary>Access rights, with the values of <c>enum ibv_access_flags</c>.</summary>
[Flags]
public enum PvrdmaAccess : uint
{
    None = 0,
    LocalWrite = 1,
    RemoteWrite = 2,
    RemoteRead = 4,
    RemoteAtomic = 8,
    WindowBind = 16,
    ZeroBased = 32,
    OnDemand = 64,

    /// <summary>Extension.</summary>
    FlushGlobal = 256,

    /// <summary>Extension.</summary>
    FlushPersistent = 512,
}

/// <summary>CREATE_MR.</summary>
[StructLayout(LayoutKind.Explicit, Size = 56)]
public struct PvrdmaCreateMr
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;

    /// <summary>First address by which work requests and peers will name the region; its offset in a page is that of the first byte in the first page.</summary>
    [FieldOffset(16)] public ulong Start;

    /// <summary>Bytes.</summary>
    [FieldOffset(24)] public ulong Length;

    /// <summary>Guest physical address of the page directory.</summary>
    [FieldOffset(32)] public ulong DirectoryAddress;

    [FieldOffset(40)] public uint PdHandle;

    /// <summary>A <see cref="PvrdmaAccess"/>.</summary>
    [FieldOffset(44)] public uint Access;

    /// <summary><see cref="PvrdmaMrFlags"/>.</summary>
    [FieldOffset(48)] public uint Flags;

    /// <summary>Pages in the directory.</summary>
    [FieldOffset(52)] public uint PageCount;
}

/// <summary>Response to CREATE_MR.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
public struct PvrdmaCreateMrResponse
{
    [FieldOffset(0)] public PvrdmaResponseHeader Header;
    [FieldOffset(16)] public uint MrHandle;
    [FieldOffset(20)] public uint LocalKey;
    [FieldOffset(24)] public uint RemoteKey;
}

/// <summary>CREATE_CQ. The directory's first page is the <see cref="CompletionQueuePage"/>, the entries begin at the second.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
public struct PvrdmaCreateCq
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public ulong DirectoryAddress;
    [FieldOffset(24)] public uint ContextHandle;

    /// <summary>Entries, a power of two.</summary>
    [FieldOffset(28)] public uint EntryCount;

    [FieldOffset(32)] public uint PageCount;
}

/// <summary>Response to CREATE_CQ.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaCreateCqResponse
{
    [FieldOffset(0)] public PvrdmaResponseHeader Header;
    [FieldOffset(16)] public uint CqHandle;
    [FieldOffset(20)] public uint EntryCount;
}

/// <summary>RESIZE_CQ.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaResizeCq
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public uint CqHandle;
    [FieldOffset(20)] public uint EntryCount;
}

/// <summary>Attributes of an SRQ.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct PvrdmaSrqAttributes
{
    [FieldOffset(0)] public uint MaxWr;
    [FieldOffset(4)] public uint MaxSge;
    [FieldOffset(8)] public uint Limit;
}

/// <summary>CREATE_SRQ. The directory's first page is the ring state, work requests begin at the second.</summary>
[StructLayout(LayoutKind.Explicit, Size = 56)]
public struct PvrdmaCreateSrq
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public ulong DirectoryAddress;
    [FieldOffset(24)] public uint PdHandle;
    [FieldOffset(28)] public uint PageCount;
    [FieldOffset(32)] public PvrdmaSrqAttributes Attributes;
    [FieldOffset(48)] public byte SrqType;
}

/// <summary>MODIFY_SRQ.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
public struct PvrdmaModifySrq
{
    /// <summary>Bit of <see cref="AttributeMask"/> that names the number of work requests.</summary>
    public const uint MaxWrMask = 1;

    /// <summary>Bit of <see cref="AttributeMask"/> that names the limit.</summary>
    public const uint LimitMask = 2;

    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public uint SrqHandle;
    [FieldOffset(20)] public uint AttributeMask;
    [FieldOffset(24)] public PvrdmaSrqAttributes Attributes;
}

/// <summary>Response to QUERY_SRQ.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
public struct PvrdmaQuerySrqResponse
{
    [FieldOffset(0)] public PvrdmaResponseHeader Header;
    [FieldOffset(16)] public PvrdmaSrqAttributes Attributes;
}
