using RoceEngine.Abi;

namespace RoceEngine.Verbs.Internals.Restoring;

/// <summary>
/// Makes this process's objects of those that another process left on a device: from what the device lists, and from the ledger in guest RAM what it does not
/// know. What the ledger names and the device does not have was about to be made, or gone; what only the device has is taken without a tag.
/// </summary>
internal sealed unsafe class Restorer
{
    private readonly RdmaContext _context;
    private readonly DeviceDriver _driver;
    private readonly FoundObjects _found;
    private readonly List<FoundEntry> _entries;
    private readonly Dictionary<(GuestLedgerKind Kind, uint Handle), FoundEntry> _byHandle = [];
    private readonly HashSet<(GuestLedgerKind Kind, uint Handle)> _listed = [];
    private readonly Dictionary<uint, PvrdmaNextObjectResponse> _regions;
    private readonly Dictionary<uint, ProtectionDomain> _domains = [];
    private readonly Dictionary<uint, CompletionQueue> _queues = [];
    private readonly Dictionary<uint, SharedReceiveQueue> _shared = [];

    private Restorer(RdmaContext context, LedgerReader ledger)
    {
        _context = context;
        _driver = context.Driver;
        _found = new FoundObjects(_driver);
        _regions = _found.Regions.ToDictionary(region => region.Handle);
        Note(GuestLedgerKind.ProtectionDomain, _found.Domains);
        Note(GuestLedgerKind.CompletionQueue, _found.CompletionQueues);
        Note(GuestLedgerKind.SharedReceiveQueue, _found.SharedReceiveQueues);
        Note(GuestLedgerKind.QueuePair, _found.QueuePairs);
        Note(GuestLedgerKind.MemoryRegion, _found.Regions.Where(region => region.Type == (uint)PvrdmaRegionType.Pages));
        Note(GuestLedgerKind.FastRegion, _found.Regions.Where(region => region.Type == (uint)PvrdmaRegionType.FastRegister));
        Note(GuestLedgerKind.MemoryWindow, _found.Windows);
        foreach (FoundEntry entry in ledger.Entries)
        {
            _ = _byHandle.TryAdd((entry.Kind, entry.Content.Handle), entry);
        }

        _entries = [.. ledger.Entries.Where(IsAlive)];
        var allocator = new GuestAllocator(_driver.Channel.GuestRam, _driver.Channel.GuestRamBytes, Taken(ledger));
        HashSet<long> kept = [.. _entries.Select(entry => entry.Offset)];
        _driver.TakeOver(allocator, driver => new Ledger(driver, ledger.Pages, kept));
    }

    /// <summary>
    /// The objects, in this process. Nothing is written to guest RAM but what the next one to try would write as well.
    /// </summary>
    /// <exception cref="VerbsException">EIO: what is there makes no sense.</exception>
    public static RestoredObjects Run(RdmaContext context, LedgerReader ledger)
    {
        lock (context.Driver.CommandLock)
        {
            return new Restorer(context, ledger).Make();
        }
    }

    private bool IsAlive(FoundEntry entry) => entry.Kind switch
    {
        GuestLedgerKind.Memory or GuestLedgerKind.Channel => true,
        GuestLedgerKind.AddressHandle or GuestLedgerKind.ProtectionDomain => IsListed(GuestLedgerKind.ProtectionDomain, entry),
        _ => IsFirst(entry) && IsListed(entry.Kind, entry),
    };

    private void Note(GuestLedgerKind kind, IEnumerable<PvrdmaNextObjectResponse> objects) => _listed.UnionWith(objects.Select(found => (kind, found.Handle)));

    private bool IsListed(GuestLedgerKind kind, FoundEntry entry) => _listed.Contains((kind, entry.Content.Handle));

    /// <summary>An object has one entry.</summary>
    private bool IsFirst(FoundEntry entry) => _byHandle[(entry.Kind, entry.Content.Handle)].Offset == entry.Offset;

    /// <summary>All of guest RAM that belongs to somebody. Page directories do not: the device has read them.</summary>
    private IEnumerable<(long Offset, long Bytes)> Taken(LedgerReader ledger)
    {
        const long page = GuestAllocator.PageBytes;
        List<(long Offset, long Bytes)> taken =
        [
            ((long)ledger.Head.SharedRegion, DeviceDriver.SharedPages * page),
            ((long)ledger.Head.AsyncRing, DeviceDriver.RingPages * page),
            ((long)ledger.Head.NotificationRing, DeviceDriver.RingPages * page),
            .. ledger.Pages.Skip(1).Select(offset => (offset, page)),
            .. _found.RingPages,
        ];
        foreach (FoundEntry entry in _entries)
        {
            if (entry.Kind == GuestLedgerKind.Memory)
            {
                taken.Add(((long)entry.Content.Address, (long)entry.Content.Length));
            }
            else if (entry.Kind == GuestLedgerKind.FastRegion)
            {
                taken.Add(((long)entry.Content.Address, GuestPages.DirectoryBytes((int)_regions[entry.Content.Handle].PageCount)));
            }
        }

        return taken;
    }

    private RestoredObjects Make()
    {
        foreach (PvrdmaNextObjectResponse domain in _found.Domains)
        {
            _domains.Add(domain.Handle, new ProtectionDomain(_context, domain.Handle, Entry(GuestLedgerKind.ProtectionDomain, domain.Handle)));
        }

        List<GuestMemory> memories = [.. Of(GuestLedgerKind.Memory).OrderBy(entry => entry.Content.Address).Select(entry =>
            new GuestMemory(_context, (long)entry.Content.Address, (long)entry.Content.Length, Known(entry)))];
        Dictionary<long, CompletionChannel> channels = Of(GuestLedgerKind.Channel).ToDictionary(
            entry => entry.Offset, entry => _context.Add(new CompletionChannel(_context, Known(entry))));
        foreach (PvrdmaNextObjectResponse queue in _found.CompletionQueues)
        {
            _queues.Add(queue.Handle, MakeQueue(queue, channels));
        }

        foreach (PvrdmaNextObjectResponse queue in _found.SharedReceiveQueues)
        {
            _shared.Add(queue.Handle, new SharedReceiveQueue(
                Domain(queue), queue, Pages(queue), Entry(GuestLedgerKind.SharedReceiveQueue, queue.Handle)));
        }

        List<QueuePair> pairs = [.. _found.QueuePairs.Select(MakeQueuePair)];
        List<MemoryWindow> windows = [.. _found.Windows.Select(window =>
            new MemoryWindow(Domain(window), window, Entry(GuestLedgerKind.MemoryWindow, window.Handle)))];
        var places = new MemoryPlaces(_driver.Channel, memories);
        List<FastMemoryRegion> fast = [.. Of(GuestLedgerKind.FastRegion).Select(entry => MakeFast(entry, places))];
        List<MemoryRegion> regions = [.. _found.Regions.Where(region => region.Type == (uint)PvrdmaRegionType.Pages).Select(region => MakeRegion(region, places))];
        new PostedKeys(windows, fast, places).Apply(pairs);
        return new RestoredObjects
        {
            Memories = memories,
            ProtectionDomains = [.. _domains.Values],
            CompletionChannels = [.. channels.Values],
            CompletionQueues = [.. _queues.Values],
            SharedReceiveQueues = [.. _shared.Values],
            QueuePairs = pairs,
            MemoryRegions = regions,
            FastRegions = fast,
            MemoryWindows = windows,
            AddressHandles = [.. Of(GuestLedgerKind.AddressHandle).Select(entry =>
                new AddressHandle(_domains[entry.Content.Handle], entry.Content, Known(entry)))],
        };
    }

    private IEnumerable<FoundEntry> Of(GuestLedgerKind kind) => _entries.Where(entry => entry.Kind == kind);

    private static LedgerEntry Known(FoundEntry entry) => new(entry.Offset) { Tag = entry.Content.Tag };

    /// <summary>The entry of an object; a new one where the process that made it did not get so far.</summary>
    private LedgerEntry Entry(GuestLedgerKind kind, uint handle)
    {
        if (_byHandle.TryGetValue((kind, handle), out FoundEntry found))
        {
            return Known(found);
        }

        LedgerEntry entry = _driver.Ledger.Reserve();
        _driver.Ledger.Write(entry, kind, handle);
        return entry;
    }

    private GuestPages Pages(in PvrdmaNextObjectResponse ring) =>
        GuestPages.Continue(_driver.Allocator, _driver.Channel.GuestRam, (long)ring.FirstPage, (int)ring.PageCount);

    private ProtectionDomain Domain(in PvrdmaNextObjectResponse found) => _domains.GetValueOrDefault(found.PdHandle) ?? throw Lacks(found, "a protection domain");

    private CompletionQueue MakeQueue(PvrdmaNextObjectResponse queue, Dictionary<long, CompletionChannel> channels)
    {
        LedgerEntry entry = Entry(GuestLedgerKind.CompletionQueue, queue.Handle);
        FoundEntry noted = _byHandle.GetValueOrDefault((GuestLedgerKind.CompletionQueue, queue.Handle));
        return new CompletionQueue(_context, channels.GetValueOrDefault((long)noted.Content.Address), queue, Pages(queue), entry);
    }

    private QueuePair MakeQueuePair(PvrdmaNextObjectResponse qp)
    {
        SharedReceiveQueue? shared = _shared.GetValueOrDefault(qp.SrqHandle);
        if ((shared is null) != (qp.SrqHandle == 0))
        {
            throw Lacks(qp, "a shared receive queue");
        }

        return new QueuePair(
            Domain(qp),
            _queues.GetValueOrDefault(qp.SendCqHandle) ?? throw Lacks(qp, "a completion queue"),
            _queues.GetValueOrDefault(qp.ReceiveCqHandle) ?? throw Lacks(qp, "a completion queue"),
            shared,
            qp,
            Pages(qp),
            Entry(GuestLedgerKind.QueuePair, qp.Handle));
    }

    private MemoryRegion MakeRegion(PvrdmaNextObjectResponse region, MemoryPlaces places) => new(
        Domain(region),
        MemoryOf(region, places) ?? throw Lacks(region, "memory that its program allocated"),
        region,
        Entry(GuestLedgerKind.MemoryRegion, region.Handle));

    private FastMemoryRegion MakeFast(FoundEntry entry, MemoryPlaces places)
    {
        PvrdmaNextObjectResponse region = _regions[entry.Content.Handle];
        var directory = GuestPages.ContinueDirectory(_driver.Allocator, _driver.Channel.GuestRam, (long)entry.Content.Address, (int)region.PageCount);
        GuestMemory? memory = region.Length == 0 ? null : MemoryOf(region, places) ?? throw Lacks(region, "memory that its program allocated");
        return new FastMemoryRegion(Domain(region), region, directory, memory, Known(entry));
    }

    private static GuestMemory? MemoryOf(in PvrdmaNextObjectResponse region, MemoryPlaces places) =>
        places.Find(region.FirstPage + (region.Start % (ulong)GuestAllocator.PageBytes), region.Length);

    private static VerbsException Lacks(in PvrdmaNextObjectResponse found, string what) =>
        new(Errno.InputOutput, $"the device's object with handle {found.Handle} lacks {what}");
}
