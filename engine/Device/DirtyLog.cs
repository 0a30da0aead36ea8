using System.Runtime.CompilerServices;
using RoceEngine.Abi;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <summary>
/// Pages of guest memory that the device wrote: payload and completions as they are written. Pages with ring indices and the response slot are written
/// so often that they count as written always: see <see cref="VrdmaDevice.TakeLastDirtyPages"/>.
/// </summary>
internal sealed unsafe class DirtyLog
{
    private readonly byte* _ram;
    private ulong[] _words;

    public DirtyLog(in GuestRam ram)
    {
        _ram = ram.Start;
        _words = new ulong[((ram.Bytes >> PvrdmaPageDirectory.PageShift) + 63) / 64];
    }

    /// <summary>Memory was written, all of it in guest memory.</summary>
    public void Mark(in SegmentList segments)
    {
        foreach (ref readonly MemorySegment segment in segments.Segments)
        {
            Mark(segment.Address, segment.Bytes);
        }
    }

    /// <summary>Memory was written, all of it in guest memory.</summary>
    public void Mark(byte* address, long bytes)
    {
        long last = (address + bytes - 1 - _ram) >> PvrdmaPageDirectory.PageShift;
        for (long page = (address - _ram) >> PvrdmaPageDirectory.PageShift; page <= last; page++)
        {
            _words[page >> 6] |= 1ul << (int)(page & 63);
        }
    }

    /// <summary>All pages of a range.</summary>
    public void Mark(GuestPages pages, int count)
    {
        for (int i = 0; i < Math.Min(count, pages.Count); i++)
        {
            Mark(pages.At((long)i << PvrdmaPageDirectory.PageShift), 1);
        }
    }

    /// <summary>The indices of a queue, and its entries where they were not written one by one, since it was resized.</summary>
    public void Mark(CompletionQueue queue) => Mark(queue.Pages, queue.WasMoved ? queue.Pages.Count : 1);

    /// <summary>The log so far; a new one begins.</summary>
    public ulong[] Take()
    {
        ulong[] taken = _words;
        _words = new ulong[taken.Length];
        return taken;
    }
}
