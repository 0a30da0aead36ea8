namespace RoceEngine.Wire;

/// <summary>Fills pieces of memory from front to back with payload, and sums it on its way.</summary>
public unsafe ref struct SegmentWriter
{
    private MemorySegment* _segment;
    private int _offset;

    /// <param name="segments">The pieces, none of them empty; the writer believes that they have room for all that is written.</param>
    public SegmentWriter(MemorySegment* segments) => _segment = segments;

    /// <summary>Copies the bytes to the next place; returns the ICRC's state after them.</summary>
    public uint Write(uint state, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int count = Math.Min(bytes.Length, _segment->Bytes - _offset);
            state = Icrc.UpdateAndCopy(state, bytes[..count], new Span<byte>(_segment->Address + _offset, count));
            bytes = bytes[count..];
            _offset += count;
            if (_offset == _segment->Bytes)
            {
                _segment++;
                _offset = 0;
            }
        }

        return state;
    }
}
