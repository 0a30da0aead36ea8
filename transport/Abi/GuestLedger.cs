using System.Runtime.InteropServices;

namespace RoceEngine.Abi;

/// <summary>
/// What a process guest notes about itself in its own memory, for a process that comes after it: the device looks at none of it. It begins in the first
/// page of guest RAM and goes on in pages linked from there; each is a head and 63 entries.
/// <code>
///   guest RAM
///  ┌──────────────────────────────────────┐      ┌──────────────────────────┐
///  │ page 0: head (where all is) ── next ─┼─────►│ head ── next ─► 0        │
///  │ entry │ entry │ … │ entry            │      │ entry │ entry │ …        │
///  └──────────────────────────────────────┘      └──────────────────────────┘
/// </code>
/// A process that takes a saved device has this from a file that anybody may have written: it copies first and then checks.
/// </summary>
public static class GuestLedger
{
    /// <summary>The first word of guest RAM: "vRDMAgst".</summary>
    public const ulong Magic = 0x7473_6741_4D44_5276;

    /// <summary>Version of this layout. Another one is refused.</summary>
    public const uint Version = 1;

    public const int EntryBytes = 64;

    /// <summary>Entries of a page.</summary>
    public const int EntriesPerPage = (PvrdmaPageDirectory.PageBytes / EntryBytes) - 1;
}

/// <summary>The head of a page of the ledger. What follows <see cref="NextPage"/> stands in the first page alone.</summary>
[StructLayout(LayoutKind.Explicit, Size = GuestLedger.EntryBytes)]
public struct GuestLedgerHead
{
    /// <summary><see cref="GuestLedger.Magic"/>, written when all the rest is.</summary>
    [FieldOffset(0)] public ulong Magic;

    /// <summary>Guest physical address of the next page of the ledger; 0 for none.</summary>
    [FieldOffset(8)] public ulong NextPage;

    [FieldOffset(16)] public uint Version;

    /// <summary>Where guest RAM is mapped in the guest's process: its pointers, and the addresses in its work requests, count from there.</summary>
    [FieldOffset(24)] public ulong RamAddress;

    /// <summary>Guest physical address of the device shared region; the command and the response slot are the next two pages.</summary>
    [FieldOffset(32)] public ulong SharedRegion;

    /// <summary>Guest physical address of the first page of the event ring, all of whose pages are in a row.</summary>
    [FieldOffset(40)] public ulong AsyncRing;

    /// <summary>Guest physical address of the first page of the notification ring.</summary>
    [FieldOffset(48)] public ulong NotificationRing;
}

/// <summary>What an entry of the ledger is about.</summary>
public enum GuestLedgerKind : uint
{
    /// <summary>The entry is free.</summary>
    None = 0,

    /// <summary>Pages that the application allocated.</summary>
    Memory = 1,

    /// <summary>A completion channel. It has no handle: its CQs name the entry by its guest physical address.</summary>
    Channel = 2,

    ProtectionDomain = 3,
    CompletionQueue = 4,
    SharedReceiveQueue = 5,
    QueuePair = 6,
    MemoryRegion = 7,
    FastRegion = 8,
    MemoryWindow = 9,

    /// <summary>An address handle, by the handle of its PD.</summary>
    AddressHandle = 10,
}

/// <summary>An entry of the ledger.</summary>
[StructLayout(LayoutKind.Explicit, Size = GuestLedger.EntryBytes)]
public struct GuestLedgerEntry
{
    /// <summary>A <see cref="GuestLedgerKind"/>, written when all the rest is.</summary>
    [FieldOffset(0)] public uint Kind;

    /// <summary>The device's handle of the object.</summary>
    [FieldOffset(4)] public uint Handle;

    /// <summary>The application's own.</summary>
    [FieldOffset(8)] public ulong Tag;

    /// <summary>Guest physical address: of the memory, of a fast region's page directory, of the entry of a CQ's channel.</summary>
    [FieldOffset(16)] public ulong Address;

    /// <summary>Memory: bytes.</summary>
    [FieldOffset(24)] public ulong Length;

    /// <summary>Address handle: the destination.</summary>
    [FieldOffset(32)] public PvrdmaGid Destination;

    /// <summary>Address handle: the IPv6 flow label.</summary>
    [FieldOffset(48)] public uint FlowLabel;

    [FieldOffset(52)] public byte TrafficClass;
    [FieldOffset(53)] public byte HopLimit;
    [FieldOffset(54)] public byte ServiceLevel;
    [FieldOffset(55)] public byte GidIndex;
}
