using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// Where a translation puts the pieces it found: a caller's buffer of fixed capacity, filled in order. Adjacent pieces are merged.
/// </summary>
public unsafe ref struct SegmentList
{
    private readonly Span<MemorySegment> _segments;

    public SegmentList(Span<MemorySegment> buffer) => _segments = buffer;

    public int Count { get; private set; }

    public readonly Span<MemorySegment> Segments => _segments[..Count];

    /// <summary>Appends a piece; false when there is no room.</summary>
    public bool TryAdd(byte* address, int bytes)
    {
        if (Count > 0)
        {
            ref MemorySegment last = ref _segments[Count - 1];
            if (last.Address + last.Bytes == address && bytes <= int.MaxValue - last.Bytes)
            {
                last.Bytes += bytes;
                return true;
            }
        }

        if (Count == _segments.Length)
        {
            return false;
        }

        _segments[Count++] = new MemorySegment(address, bytes);
        return true;
    }

    /// <summary>Forgets all pieces.</summary>
    public void Clear() => Count = 0;
}
