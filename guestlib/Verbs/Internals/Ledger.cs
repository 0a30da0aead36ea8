using RoceEngine.Abi;

namespace RoceEngine.Verbs.Internals;

/// <summary>An entry of the <see cref="Ledger"/>: its place in guest RAM, and the tag that stands there.</summary>
internal sealed class LedgerEntry(long offset)
{
    /// <summary>Guest physical address.</summary>
    public long Offset { get; } = offset;

    public ulong Tag { get; set; }
}

/// <summary>
/// Writes the <see cref="GuestLedger"/>: what a process that takes the device after this one cannot learn from the device. Written when objects come and go,
/// never on the datapath. Thread-safe, under the command lock.
/// </summary>
internal sealed unsafe class Ledger
{
    private readonly DeviceDriver _driver;
    private readonly byte* _ram;
    private readonly Dictionary<long, int> _used = [];
    private readonly List<long> _pages = [];

    private Stack<long> _free = new();

    /// <summary>An empty ledger over the first page of guest RAM, which nobody else uses.</summary>
    public Ledger(DeviceDriver driver)
    {
        _driver = driver;
        _ram = driver.Channel.GuestRam;
        AddPage(0);
    }

    /// <summary>A ledger that another process has left, with the entries of it that stay in use; the others are struck out.</summary>
    public Ledger(DeviceDriver driver, IEnumerable<long> pages, IReadOnlySet<long> kept)
    {
        _driver = driver;
        _ram = driver.Channel.GuestRam;
        foreach (long page in pages)
        {
            AddPage(page, kept);
        }
    }

    /// <summary>Notes where everything is, when the device is up.</summary>
    public void WriteHead(in GuestLedgerHead head)
    {
        var first = (GuestLedgerHead*)_ram;
        ulong next = first->NextPage;
        *first = head;
        first->NextPage = next;
        first->Version = GuestLedger.Version;
        first->RamAddress = (ulong)_ram;
        Volatile.Write(ref first->Magic, GuestLedger.Magic);
    }

    /// <summary>Room for an object that is about to be made; nobody who looks sees it before it is written.</summary>
    /// <exception cref="VerbsException">ENOMEM.</exception>
    public LedgerEntry Reserve()
    {
        lock (_driver.CommandLock)
        {
            long offset = TakeFree();
            _used[PageOf(offset)]++;
            return new LedgerEntry(offset);
        }
    }

    /// <summary>Notes an object that was made.</summary>
    public void Write(LedgerEntry entry, GuestLedgerKind kind, in GuestLedgerEntry content)
    {
        lock (_driver.CommandLock)
        {
            var place = (GuestLedgerEntry*)(_ram + entry.Offset);
            *place = content with { Kind = (uint)GuestLedgerKind.None, Tag = entry.Tag };

            // Release: whoever finds the kind finds all of it.
            Volatile.Write(ref place->Kind, (uint)kind);
        }
    }

    /// <summary>Notes an object of which there is no more to say than its handle.</summary>
    public void Write(LedgerEntry entry, GuestLedgerKind kind, uint handle) => Write(entry, kind, new GuestLedgerEntry { Handle = handle });

    /// <summary>The object is gone, or was never made.</summary>
    public void Remove(LedgerEntry? entry)
    {
        if (entry is null)
        {
            return;
        }

        lock (_driver.CommandLock)
        {
            if (_driver.IsDisposed)
            {
                return;
            }

            Volatile.Write(ref ((GuestLedgerEntry*)(_ram + entry.Offset))->Kind, (uint)GuestLedgerKind.None);
            _free.Push(entry.Offset);
            long page = PageOf(entry.Offset);
            if (--_used[page] == 0 && page != 0)
            {
                GiveBack(page);
            }
        }
    }

    /// <summary>Gives the object another tag.</summary>
    public void SetTag(LedgerEntry entry, ulong tag)
    {
        lock (_driver.CommandLock)
        {
            ObjectDisposedException.ThrowIf(_driver.IsDisposed, typeof(RdmaContext));
            Volatile.Write(ref ((GuestLedgerEntry*)(_ram + entry.Offset))->Tag, tag);
            entry.Tag = tag;
        }
    }

    private static long PageOf(long offset) => offset & -GuestAllocator.PageBytes;

    private void AddPage(long page, IReadOnlySet<long>? kept = null)
    {
        _used.Add(page, 0);
        _pages.Add(page);
        for (int i = GuestLedger.EntriesPerPage; i >= 1; i--)
        {
            long offset = page + (i * GuestLedger.EntryBytes);
            if (kept?.Contains(offset) ?? false)
            {
                _used[page]++;
                continue;
            }

            Volatile.Write(ref ((GuestLedgerEntry*)(_ram + offset))->Kind, (uint)GuestLedgerKind.None);
            _free.Push(offset);
        }
    }

    private long TakeFree()
    {
        if (_free.TryPop(out long offset))
        {
            return offset;
        }

        long page = _driver.Allocator.Allocate(GuestAllocator.PageBytes, "the ledger");
        long last = _pages[^1];
        AddPage(page);
        Volatile.Write(ref ((GuestLedgerHead*)(_ram + last))->NextPage, (ulong)page);
        return _free.Pop();
    }

    private void GiveBack(long page)
    {
        int index = _pages.IndexOf(page);
        Volatile.Write(ref ((GuestLedgerHead*)(_ram + _pages[index - 1]))->NextPage, ((GuestLedgerHead*)(_ram + page))->NextPage);
        _pages.RemoveAt(index);
        _free = new Stack<long>(_free.Where(offset => PageOf(offset) != page).Reverse());
        _ = _used.Remove(page);
        _driver.Allocator.Release(page, GuestAllocator.PageBytes);
    }
}
