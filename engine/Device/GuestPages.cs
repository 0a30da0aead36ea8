using System.Runtime.CompilerServices;
using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>
/// Guest pages that a page directory named, as one range of this process: a pointer when they lie in a row, which is the usual case, else
/// one address per page. Read from the directory once; the guest's later changes to it mean nothing.
/// </summary>
internal sealed unsafe class GuestPages
{
    private readonly byte* _linear;
    private readonly nint[]? _pages;

    private GuestPages(byte* linear, nint[]? pages, int count)
    {
        _linear = linear;
        _pages = pages;
        Count = count;
    }

    public int Count { get; }

    /// <summary>Pointer to the first byte when all pages lie in a row, else null.</summary>
    public byte* Linear => _linear;

    /// <summary>The byte at an offset below Count * 4096; what is read there must not cross into the next page.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* At(long offset) => _linear != null ? _linear + offset : AtScattered(offset);

    /// <summary>
    /// Walks a directory. False when the directory, one of its tables or one of its pages is outside guest memory or not aligned.
    /// </summary>
    public static bool TryRead(in GuestRam ram, ulong directoryAddress, int count, out GuestPages? result)
    {
        result = null;
        int tables = PvrdmaPageDirectory.TablesFor(count);
        if (count <= 0 || count > PvrdmaPageDirectory.PagesMax || (directoryAddress & 7) != 0
            || !ram.TryResolve(directoryAddress, (ulong)tables * sizeof(ulong), out byte* directory))
        {
            return false;
        }

        byte* first = null;
        nint[]? scattered = null;
        for (int table = 0, page = 0; table < tables; table++)
        {
            int entries = Math.Min(PvrdmaPageDirectory.EntriesPerPage, count - page);
            ulong tableAddress = Volatile.Read(ref ((ulong*)directory)[table]);
            if ((tableAddress & 7) != 0 || !ram.TryResolve(tableAddress, (ulong)entries * sizeof(ulong), out byte* addresses))
            {
                return false;
            }

            for (int entry = 0; entry < entries; entry++, page++)
            {
                ulong address = Volatile.Read(ref ((ulong*)addresses)[entry]);
                if ((address & (PvrdmaPageDirectory.PageBytes - 1)) != 0
                    || !ram.TryResolve(address, PvrdmaPageDirectory.PageBytes, out byte* pointer))
                {
                    return false;
                }

                if (page == 0)
                {
                    first = pointer;
                }

                if (scattered is null && pointer != first + ((long)page << PvrdmaPageDirectory.PageShift))
                {
                    scattered = Scatter(first, page, count);
                }

                if (scattered is not null)
                {
                    scattered[page] = (nint)pointer;
                }
            }
        }

        result = new GuestPages(scattered is null ? first : null, scattered, count);
        return true;
    }

    /// <summary>The pages as part of a device's state: runs of guest physical page numbers. Null stays null.</summary>
    /// <param name="state">Where they go, or come from.</param>
    /// <param name="ram">Guest memory.</param>
    /// <param name="pages">The pages when saving.</param>
    /// <param name="pagesMax">More are refused when loading, before room is made for them.</param>
    public static GuestPages? Transfer(StateCursor state, in GuestRam ram, GuestPages? pages, int pagesMax)
    {
        if (!state.Flag(pages is not null))
        {
            return null;
        }

        int count = state.Count(pages?.Count ?? 0, PvrdmaPageDirectory.PagesMax);
        state.Check(count > 0, "a range has no pages");
        state.Check(!state.IsLoading || count <= pagesMax, "the guest names more pages than this host allows");
        return state.IsLoading ? Load(state, ram, count) : pages!.Save(state, ram);
    }

    private GuestPages Save(StateCursor state, in GuestRam ram)
    {
        for (int page = 0; page < Count;)
        {
            byte* first = At((long)page << PvrdmaPageDirectory.PageShift);
            int run = 1;
            while (page + run < Count && At((long)(page + run) << PvrdmaPageDirectory.PageShift) == first + ((long)run << PvrdmaPageDirectory.PageShift))
            {
                run++;
            }

            state.Value((first - ram.Start) >> PvrdmaPageDirectory.PageShift);
            state.Value(run);
            page += run;
        }

        return this;
    }

    private static GuestPages Load(StateCursor state, in GuestRam ram, int count)
    {
        byte* first = null;
        nint[]? scattered = null;
        for (int page = 0; page < count;)
        {
            long number = state.Value(0L);
            int run = state.Value(0);
            state.Check(run > 0 && run <= count - page && number >= 0 && number <= ram.Bytes >> PvrdmaPageDirectory.PageShift, "a run of pages is impossible");
            bool isInside = ram.TryResolve(
                (ulong)number << PvrdmaPageDirectory.PageShift, (ulong)run << PvrdmaPageDirectory.PageShift, out byte* pointer);
            state.Check(isInside, "a page lies outside of guest memory");
            if (page == 0)
            {
                first = pointer;
            }

            if (run < count && scattered is null)
            {
                scattered = new nint[count];
            }

            for (int i = 0; scattered is not null && i < run; i++)
            {
                scattered[page + i] = (nint)(pointer + ((long)i << PvrdmaPageDirectory.PageShift));
            }

            page += run;
        }

        return new GuestPages(scattered is null ? first : null, scattered, count);
    }

    private static nint[] Scatter(byte* first, int contiguous, int count)
    {
        var pages = new nint[count];
        for (int i = 0; i < contiguous; i++)
        {
            pages[i] = (nint)(first + ((long)i << PvrdmaPageDirectory.PageShift));
        }

        return pages;
    }

    private byte* AtScattered(long offset) =>
        (byte*)_pages![offset >> PvrdmaPageDirectory.PageShift] + (offset & (PvrdmaPageDirectory.PageBytes - 1));
}
