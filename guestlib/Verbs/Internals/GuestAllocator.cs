using System.Runtime.InteropServices;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Internals;

/// <summary>
/// Gives out whole pages of guest RAM: first fit over free extents kept in address order, merged with their neighbours on release.
/// Offsets are guest physical addresses. Thread-safe.
/// </summary>
internal sealed unsafe class GuestAllocator
{
    private readonly Lock _lock = new();
    private readonly List<Extent> _free = [];
    private readonly byte* _ram;

    // Pages from here on were never given out, and shared memory starts as zeroes.
    private long _touchedEnd;

    /// <summary>All of guest RAM is free, except its first page: address 0 stays unused, so that it can mean "nothing".</summary>
    public GuestAllocator(byte* ram, long bytes)
    {
        _ram = ram;
        long usable = bytes & -PageBytes;
        _touchedEnd = PageBytes;
        if (usable > PageBytes)
        {
            _free.Add(new Extent(PageBytes, usable - PageBytes));
        }
    }

    /// <summary>Guest RAM that another process used before: all is free but these ranges of whole pages, and nothing is known to be zero.</summary>
    /// <exception cref="VerbsException">EIO: two of them overlap, or one is not within guest RAM.</exception>
    public GuestAllocator(byte* ram, long bytes, IEnumerable<(long Offset, long Bytes)> taken)
    {
        _ram = ram;
        long usable = bytes & -PageBytes;
        _touchedEnd = usable;
        long free = PageBytes;
        foreach ((long offset, long length) in taken.OrderBy(range => range.Offset))
        {
            if (offset < free || offset % PageBytes != 0 || length < 1 || length > usable - offset)
            {
                throw new VerbsException(Errno.InputOutput, $"guest RAM is in disorder: {length} bytes at 0x{offset:x} cannot belong to one object alone");
            }

            if (offset > free)
            {
                _free.Add(new Extent(free, offset - free));
            }

            free = offset + RoundUpToPages(length);
        }

        if (usable > free)
        {
            _free.Add(new Extent(free, usable - free));
        }
    }

    public const long PageBytes = PvrdmaPageDirectory.PageBytes;

    /// <summary>Bytes that are free, not necessarily in one piece.</summary>
    public long FreeBytes
    {
        get
        {
            lock (_lock)
            {
                return _free.Sum(extent => extent.Bytes);
            }
        }
    }

    /// <summary>Rounds up to whole pages; throws for sizes that no memory has.</summary>
    public static long RoundUpToPages(long bytes) => checked(bytes + PageBytes - 1) & -PageBytes;

    /// <summary>Takes contiguous zeroed pages. False when no extent is large enough.</summary>
    public bool TryAllocate(long bytes, out long offset)
    {
        long needed = RoundUpToPages(bytes);
        long dirtyBytes;
        lock (_lock)
        {
            int index = _free.FindIndex(extent => extent.Bytes >= needed);
            if (index < 0)
            {
                offset = 0;
                return false;
            }

            Extent found = _free[index];
            offset = found.Offset;
            if (found.Bytes == needed)
            {
                _free.RemoveAt(index);
            }
            else
            {
                _free[index] = new Extent(found.Offset + needed, found.Bytes - needed);
            }

            dirtyBytes = Math.Clamp(_touchedEnd - offset, 0, needed);
            _touchedEnd = Math.Max(_touchedEnd, offset + needed);
        }

        // Outside the lock: the pages are already ours.
        NativeMemory.Clear(_ram + offset, (nuint)dirtyBytes);
        return true;
    }

    /// <summary>Takes contiguous zeroed pages.</summary>
    /// <exception cref="VerbsException">ENOMEM.</exception>
    public long Allocate(long bytes, string purpose) =>
        TryAllocate(bytes, out long offset)
            ? offset
            : throw new VerbsException(Errno.NoMemory, $"guest RAM has no {bytes} contiguous bytes left for {purpose}; attach with more memory");

    /// <summary>Gives back what <see cref="TryAllocate"/> took, with the same size.</summary>
    public void Release(long offset, long bytes)
    {
        var released = new Extent(offset, RoundUpToPages(bytes));
        lock (_lock)
        {
            int next = _free.BinarySearch(released);
            next = next < 0 ? ~next : throw new InvalidOperationException("these pages are already free");
            bool mergesNext = next < _free.Count && released.End == _free[next].Offset;
            if (mergesNext)
            {
                released = new Extent(released.Offset, released.Bytes + _free[next].Bytes);
            }

            bool mergesPrevious = next > 0 && _free[next - 1].End == released.Offset;
            if (mergesPrevious)
            {
                released = new Extent(_free[next - 1].Offset, _free[next - 1].Bytes + released.Bytes);
            }

            int first = mergesPrevious ? next - 1 : next;
            _free.RemoveRange(first, (mergesPrevious ? 1 : 0) + (mergesNext ? 1 : 0));
            _free.Insert(first, released);
        }
    }

    private readonly record struct Extent(long Offset, long Bytes) : IComparable<Extent>
    {
        public long End => Offset + Bytes;

        public int CompareTo(Extent other) => Offset.CompareTo(other.Offset);
    }
}
