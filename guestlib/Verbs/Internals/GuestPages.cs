using RoceEngine.Abi;

namespace RoceEngine.Verbs.Internals;

/// <summary>
/// A contiguous run of guest RAM together with the page directory by which the device knows it: rings, and memory regions.
/// </summary>
internal sealed unsafe class GuestPages : IDisposable
{
    private readonly GuestAllocator _allocator;
    private readonly long _directoryOffset;
    private readonly long _directoryBytes;
    private readonly long _ownedOffset;
    private readonly long _ownedBytes;
    private readonly ulong* _entries;
    private Action? _onDispose;
    private bool _disposed;

    private GuestPages(GuestAllocator allocator, byte* ram, long firstPage, int pageCount, long ownedBytes)
    {
        _allocator = allocator;
        _ownedOffset = firstPage;
        _ownedBytes = ownedBytes;
        PageCount = pageCount;
        Memory = ram + firstPage;

        int tables = PvrdmaPageDirectory.TablesFor(pageCount);
        _directoryBytes = DirectoryBytes(pageCount);
        if (!allocator.TryAllocate(_directoryBytes, out _directoryOffset))
        {
            if (ownedBytes > 0)
            {
                allocator.Release(firstPage, ownedBytes);
            }

            throw new VerbsException(Errno.NoMemory, $"guest RAM has no {_directoryBytes} contiguous bytes left for a page directory");
        }

        // The tables follow the directory page, so the entries of all tables are one array.
        ulong* directory = (ulong*)(ram + _directoryOffset);
        _entries = (ulong*)(ram + _directoryOffset + GuestAllocator.PageBytes);
        for (int table = 0; table < tables; table++)
        {
            directory[table] = (ulong)(_directoryOffset + ((1 + table) * GuestAllocator.PageBytes));
        }

        Rewrite(firstPage, pageCount);
    }

    /// <summary>Pages that the device knows already; of their directory nothing is left.</summary>
    private GuestPages(GuestAllocator allocator, byte* ram, long firstPage, int pageCount)
    {
        _allocator = allocator;
        _ownedOffset = firstPage;
        _ownedBytes = pageCount * GuestAllocator.PageBytes;
        PageCount = pageCount;
        Memory = ram + firstPage;
    }

    /// <summary>A directory alone, whose tables follow it.</summary>
    private GuestPages(GuestAllocator allocator, ulong* entries, long directoryOffset, int pageCount)
    {
        _allocator = allocator;
        _directoryOffset = directoryOffset;
        _directoryBytes = DirectoryBytes(pageCount);
        _entries = entries;
        PageCount = pageCount;
    }

    /// <summary>The first page in this process.</summary>
    public byte* Memory { get; }

    /// <summary>Pages in the directory.</summary>
    public int PageCount { get; }

    /// <summary>Guest physical address of the page directory.</summary>
    public ulong DirectoryAddress => (ulong)_directoryOffset;

    /// <summary>Guest physical address that the directory has for the first page.</summary>
    public ulong FirstEntry => Volatile.Read(ref *_entries);

    /// <summary>New zeroed pages of their own.</summary>
    /// <exception cref="VerbsException">ENOMEM, or EINVAL for more than a directory can hold.</exception>
    public static GuestPages Allocate(GuestAllocator allocator, byte* ram, long pageCount, string purpose)
    {
        CheckCount(pageCount, purpose);
        long bytes = pageCount * GuestAllocator.PageBytes;
        long offset = allocator.Allocate(bytes, purpose);
        return new GuestPages(allocator, ram, offset, (int)pageCount, bytes);
    }

    /// <summary>A directory over pages that somebody else owns.</summary>
    /// <exception cref="VerbsException">ENOMEM, or EINVAL for more than a directory can hold.</exception>
    public static GuestPages Describe(GuestAllocator allocator, byte* ram, long firstPage, long pageCount, string purpose)
    {
        CheckCount(pageCount, purpose);
        return new GuestPages(allocator, ram, firstPage, (int)pageCount, ownedBytes: 0);
    }

    /// <summary>A directory over pages that lie anywhere in guest RAM; <paramref name="onDispose"/> is told when they are no longer named.</summary>
    /// <exception cref="VerbsException">ENOMEM, or EINVAL for more than a directory can hold.</exception>
    public static GuestPages Describe(GuestAllocator allocator, byte* ram, long[] pages, string purpose, Action onDispose)
    {
        CheckCount(pages.Length, purpose);
        var described = new GuestPages(allocator, ram, pages[0], pages.Length, ownedBytes: 0) { _onDispose = onDispose };
        for (int page = 0; page < pages.Length; page++)
        {
            described._entries[page] = (ulong)pages[page];
        }

        return described;
    }

    /// <summary>Pages of its own that another process allocated and the device knows; they are taken in <paramref name="allocator"/> already.</summary>
    public static GuestPages Continue(GuestAllocator allocator, byte* ram, long firstPage, int pageCount) => new(allocator, ram, firstPage, pageCount);

    /// <summary>Bytes of the directory over so many pages, with its tables.</summary>
    public static long DirectoryBytes(int pageCount) => (1 + PvrdmaPageDirectory.TablesFor(pageCount)) * GuestAllocator.PageBytes;

    /// <summary>A directory that another process wrote, to be written again; it is taken in <paramref name="allocator"/> already.</summary>
    public static GuestPages ContinueDirectory(GuestAllocator allocator, byte* ram, long directoryOffset, int pageCount) =>
        new(allocator, (ulong*)(ram + directoryOffset + GuestAllocator.PageBytes), directoryOffset, pageCount);

    /// <summary>The first entries of the directory name these pages from now on; at most as many as it was made for.</summary>
    public void Rewrite(long firstPage, int pageCount)
    {
        for (int page = 0; page < Math.Min(pageCount, PageCount); page++)
        {
            _entries[page] = (ulong)(firstPage + (page * GuestAllocator.PageBytes));
        }
    }

    /// <summary>Gives the directory and the own pages back. Only after the device has forgotten them.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (_directoryBytes > 0)
        {
            _allocator.Release(_directoryOffset, _directoryBytes);
        }

        if (_ownedBytes > 0)
        {
            _allocator.Release(_ownedOffset, _ownedBytes);
        }

        _onDispose?.Invoke();
    }

    private static void CheckCount(long pageCount, string purpose)
    {
        if (pageCount is < 1 or > PvrdmaPageDirectory.PagesMax)
        {
            throw new VerbsException(Errno.Invalid, $"{purpose} needs {pageCount} pages; a page directory holds {PvrdmaPageDirectory.PagesMax}");
        }
    }
}
