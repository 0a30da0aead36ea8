using RoceEngine.Abi;
using RoceEngine.Channel;

namespace RoceEngine.Verbs.Internals.Restoring;

/// <summary>An entry as it was found, and its guest physical address.</summary>
internal readonly record struct FoundEntry(long Offset, GuestLedgerEntry Content)
{
    public GuestLedgerKind Kind => (GuestLedgerKind)Content.Kind;
}

/// <summary>
/// Reads the <see cref="GuestLedger"/> that another process has left. Whoever wrote the snapshot's file may have written it, so everything is copied once, and
/// looked at then.
/// </summary>
internal sealed unsafe class LedgerReader
{
    private readonly byte* _ram;
    private readonly ulong _ramBytes;

    /// <exception cref="VerbsException">EIO: it makes no sense.</exception>
    public LedgerReader(DeviceChannel channel)
    {
        _ram = channel.GuestRam;
        _ramBytes = (ulong)channel.GuestRamBytes;
        Head = *(GuestLedgerHead*)_ram;
        Check(Head.Magic == GuestLedger.Magic && Head.Version == GuestLedger.Version && Head.RamAddress == (ulong)_ram, "its head is wrong");
        CheckPages(Head.SharedRegion, DeviceDriver.SharedPages);
        CheckPages(Head.AsyncRing, DeviceDriver.RingPages);
        CheckPages(Head.NotificationRing, DeviceDriver.RingPages);
        HashSet<ulong> seen = [];
        for (ulong page = 0; ;)
        {
            Check(seen.Add(page), "it has no end");
            Pages.Add((long)page);
            ReadEntries(page);
            page = ((GuestLedgerHead*)(_ram + page))->NextPage;
            if (page == 0)
            {
                break;
            }

            CheckPages(page, 1);
        }
    }

    /// <summary>Where everything is.</summary>
    public GuestLedgerHead Head { get; }

    /// <summary>Its pages, page 0 first.</summary>
    public List<long> Pages { get; } = [];

    /// <summary>The entries in use.</summary>
    public List<FoundEntry> Entries { get; } = [];

    private void ReadEntries(ulong page)
    {
        for (int i = 1; i <= GuestLedger.EntriesPerPage; i++)
        {
            long offset = (long)page + (i * GuestLedger.EntryBytes);
            GuestLedgerEntry content = *(GuestLedgerEntry*)(_ram + offset);
            if (content.Kind != (uint)GuestLedgerKind.None)
            {
                Entries.Add(new FoundEntry(offset, content));
            }
        }
    }

    private void CheckPages(ulong address, ulong count)
    {
        const ulong page = (ulong)GuestAllocator.PageBytes;
        Check(address != 0 && address % page == 0 && address <= _ramBytes && count * page <= _ramBytes - address, "it leaves guest RAM");
    }

    private static void Check(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new VerbsException(Errno.InputOutput, $"what the last process of the device noted about itself is damaged: {otherwise}");
        }
    }
}
