using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>How a memory region came to its pages.</summary>
internal enum RegionKind : byte
{
    /// <summary>Registered over pages that a directory named.</summary>
    Pages,

    /// <summary>All of guest memory, for the guest's own driver.</summary>
    AllMemory,

    /// <summary>Gets its pages by a work request, and loses them by an invalidation.</summary>
    FastRegister,

    /// <summary>Memory of the process that guest and device share.</summary>
    Process,
}

/// <summary>A memory region. The local and the remote key are the same.</summary>
internal sealed unsafe class MemoryRegion : KeyedMemory
{
    /// <summary>A region over pages; the first byte is at <paramref name="start"/>'s offset in the first page.</summary>
    public MemoryRegion(ProtectionDomain domain, ulong start, ulong bytes, AccessFlags access, GuestPages pages)
        : base(domain)
    {
        PinnedPages = pages.Count;
        Open(start, bytes, access, pages);
    }

    /// <summary>A region over all of guest memory, addressed by guest physical address.</summary>
    public MemoryRegion(ProtectionDomain domain, in GuestRam ram, AccessFlags access)
        : base(domain)
    {
        Kind = RegionKind.AllMemory;
        Open(0, (ulong)ram.Bytes, access, ram.Start);
    }

    /// <summary>A region over memory of the guest's own process, which is this one. It counts against no quota: nothing is kept for its pages.</summary>
    public MemoryRegion(ProtectionDomain domain, ulong start, ulong bytes, AccessFlags access, byte* memory)
        : base(domain)
    {
        Kind = RegionKind.Process;
        Open(start, bytes, access, memory);
    }

    /// <summary>A region for fast registration of up to so many pages: closed until then.</summary>
    public MemoryRegion(ProtectionDomain domain, int pagesMax)
        : base(domain)
    {
        Kind = RegionKind.FastRegister;
        PinnedPages = pagesMax;
    }

    /// <summary>A region that is about to be loaded.</summary>
    private MemoryRegion(ProtectionDomain domain, RegionKind kind)
        : base(domain) => Kind = kind;

    public RegionKind Kind { get; }

    /// <summary>Pages that count against the device's quota; of a fast registration region, pages at most.</summary>
    public int PinnedPages { get; private set; }

    /// <summary>The pages that it is open over; null where it is closed or has none.</summary>
    public GuestPages? OpenedPages => Pages;

    /// <summary>Windows bound to it: while there are any, the region cannot change or go.</summary>
    public int WindowCount { get; set; }

    /// <summary>Fast registration: opens the region under a new tag.</summary>
    public void Register(uint key, ulong start, ulong bytes, AccessFlags access, GuestPages pages)
    {
        Key = key;
        Open(start, bytes, access, pages);
    }

    /// <summary>Takes a fast registration away.</summary>
    public void Invalidate() => CloseRange();

    /// <summary>Re-registration over other pages.</summary>
    public void Reregister(ulong start, ulong bytes, GuestPages pages)
    {
        PinnedPages = pages.Count;
        Open(start, bytes, Access, pages);
    }

    /// <summary>Re-registration over other memory of the process.</summary>
    public void Reregister(ulong start, ulong bytes, byte* memory) => Open(start, bytes, Access, memory);

    /// <summary>The region as part of a device's state, its key included; when loading, makes it.</summary>
    /// <exception cref="StateException">It is over memory of this process, which another has not.</exception>
    public static MemoryRegion Transfer(StateCursor state, MemoryRegion? region, DeviceObjects objects, in GuestRam ram)
    {
        if (region is { Kind: RegionKind.Process })
        {
            throw new StateException("the device cannot be saved or moved: its program registered memory of its own process, which no other process has");
        }

        ProtectionDomain? domain = objects.Domains[state.Value(region?.Domain.Handle ?? 0)];
        var kind = (RegionKind)state.Value((byte)(region?.Kind ?? 0));
        uint key = state.Value(region?.Key ?? 0);
        int pinnedPages = state.Count(region?.PinnedPages ?? 0, PvrdmaPageDirectory.PagesMax);
        ulong start = state.Value(region?.Start ?? 0);
        ulong bytes = state.Value(region?.Bytes ?? 0);
        var access = (AccessFlags)state.Value((uint)(region?.Access ?? 0));
        GuestPages? pages = GuestPages.Transfer(state, ram, region?.Pages, Math.Min(pinnedPages, objects.PinnedPagesLeft));
        if (!state.IsLoading)
        {
            return region!;
        }

        state.Check(domain is not null && kind <= RegionKind.FastRegister, "a region has no protection domain");
        var loaded = new MemoryRegion(domain, kind) { PinnedPages = pinnedPages };
        if (kind == RegionKind.AllMemory)
        {
            loaded.Open(0, (ulong)ram.Bytes, access, ram.Start);
        }
        else if (pages is not null)
        {
            ulong room = ((ulong)pages.Count << PvrdmaPageDirectory.PageShift) - (start & (PvrdmaPageDirectory.PageBytes - 1));
            state.Check(bytes != 0 && bytes <= room && start + (bytes - 1) >= start, "a region is longer than its pages");
            loaded.Open(start, bytes, access, pages);
        }

        domain.References++;
        objects.PinnedPages += pinnedPages;
        state.Check(objects.TryPutKey(loaded, key), "two keys are the same, or one is none");
        return loaded;
    }

    /// <summary>Re-registration with other rights.</summary>
    public void Reregister(AccessFlags access) => SetAccess(access);
}
