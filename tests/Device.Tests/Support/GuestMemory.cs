using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Interop;

namespace Device.Tests;

/// <summary>
/// Guest memory and a page allocator that never frees. Pages come in a row, or in falling order for a guest whose memory is scattered.
/// Memory of its own lies between guards: a device that reads or writes a byte outside of it ends the test process.
/// </summary>
internal sealed unsafe class GuestMemory : IDisposable
{
    private const int PageBytes = PvrdmaPageDirectory.PageBytes;

    private const long GuardBytes = 1 << 20;

    private readonly bool _scattered;
    private readonly byte* _mapping;
    private ulong _next = PageBytes;

    public GuestMemory(int pages, bool scattered)
    {
        Bytes = (long)pages * PageBytes;
        _mapping = SharedMemory.MapAnonymous(Bytes + (2 * GuardBytes));
        Start = _mapping + GuardBytes;
        SystemCallException.Check(SharedMemory.Protect(_mapping, (nuint)GuardBytes, SharedMemory.PROT_NONE), "mprotect");
        SystemCallException.Check(SharedMemory.Protect(Start + Bytes, (nuint)GuardBytes, SharedMemory.PROT_NONE), "mprotect");
        _scattered = scattered;
    }

    /// <summary>Memory that somebody else mapped and unmaps.</summary>
    public GuestMemory(byte* start, long bytes, bool scattered)
    {
        Start = start;
        Bytes = bytes;
        _scattered = scattered;
    }

    public byte* Start { get; }

    public long Bytes { get; }

    public GuestRam Ram => new(Start, Bytes);

    public byte* At(ulong address) => Start + address;

    public ulong AllocatePage() => AllocateRow(1);

    /// <summary>Zeroed pages, as their addresses.</summary>
    public ulong[] AllocatePages(int count)
    {
        ulong first = AllocateRow(count);
        var pages = new ulong[count];
        for (int i = 0; i < count; i++)
        {
            pages[_scattered ? count - 1 - i : i] = first + ((ulong)i * PageBytes);
        }

        return pages;
    }

    /// <summary>A page directory over pages; its address.</summary>
    public ulong Directory(ReadOnlySpan<ulong> pages)
    {
        ulong directory = AllocatePage();
        for (int table = 0; table * PvrdmaPageDirectory.EntriesPerPage < pages.Length; table++)
        {
            ulong tablePage = AllocatePage();
            *(ulong*)At(directory + ((ulong)table * sizeof(ulong))) = tablePage;
            for (int i = 0; i < PvrdmaPageDirectory.EntriesPerPage && (table * PvrdmaPageDirectory.EntriesPerPage) + i < pages.Length; i++)
            {
                *(ulong*)At(tablePage + ((ulong)i * sizeof(ulong))) = pages[(table * PvrdmaPageDirectory.EntriesPerPage) + i];
            }
        }

        return directory;
    }

    public void Dispose()
    {
        if (_mapping != null)
        {
            _ = SharedMemory.Unmap(_mapping, (nuint)(Bytes + (2 * GuardBytes)));
        }
    }

    private ulong AllocateRow(int count)
    {
        ulong first = _next;
        _next += (ulong)count * PageBytes;
        return _next <= (ulong)Bytes ? first : throw new OutOfMemoryException("the test guest's memory is used up");
    }
}
