using System.Runtime.InteropServices;
using RoceEngine.Abi;
using RoceEngine.Device;

namespace Device.Tests;

/// <summary>Guest memory and a page allocator that never frees. Pages come in a row, or in falling order for a guest whose memory is scattered.</summary>
internal sealed unsafe class GuestMemory : IDisposable
{
    private const int PageBytes = PvrdmaPageDirectory.PageBytes;

    private readonly bool _scattered;
    private ulong _next = PageBytes;

    public GuestMemory(int pages, bool scattered)
    {
        Bytes = (long)pages * PageBytes;
        Start = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes, PageBytes);
        NativeMemory.Clear(Start, (nuint)Bytes);
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

    public void Dispose() => NativeMemory.AlignedFree(Start);

    private ulong AllocateRow(int count)
    {
        ulong first = _next;
        _next += (ulong)count * PageBytes;
        return _next <= (ulong)Bytes ? first : throw new OutOfMemoryException("the test guest's memory is used up");
    }
}
