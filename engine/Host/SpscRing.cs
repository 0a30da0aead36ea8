using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RoceEngine.Host;

/// <summary>
/// A bounded ring of variable records from one producer thread to one consumer thread, in native memory. The producer never waits:
/// a record that does not fit is refused. A record is a 4-byte length, and that many bytes, rounded up to 8; a length of -1 means
/// "go on at the start".
/// </summary>
internal sealed unsafe class SpscRing : IDisposable
{
    private const int WrapMark = -1;

    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Indices
    {
        [FieldOffset(128)] public long Tail;
        [FieldOffset(256)] public long Head;
    }

    private readonly long _bytes;
    private byte* _memory;
    private Indices _indices;
    private long _producerHeadSeen;

    /// <param name="bytes">A power of two.</param>
    public SpscRing(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes & (bytes - 1), 0);
        _bytes = bytes;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 128);
    }

    /// <summary>Producer: room for a record of so many bytes, to be filled and then published; null when there is none.</summary>
    public byte* TryClaim(int recordBytes)
    {
        long needed = Stride(recordBytes);
        long tail = _indices.Tail;
        long toEnd = _bytes - (tail & (_bytes - 1));
        long total = needed <= toEnd ? needed : toEnd + needed;
        if (tail + total - _producerHeadSeen > _bytes)
        {
            _producerHeadSeen = Volatile.Read(ref _indices.Head);
            if (tail + total - _producerHeadSeen > _bytes)
                return null;
        }
        if (needed > toEnd)
        {
            *(int*)(_memory + (tail & (_bytes - 1))) = WrapMark;
            tail += toEnd;
            Volatile.Write(ref _indices.Tail, tail);
        }
        byte* record = _memory + (tail & (_bytes - 1));
        *(int*)record = recordBytes;
        return record + sizeof(long);
    }

    /// <summary>Producer: the record claimed last becomes visible, with all of its bytes (release store).</summary>
    public void Publish(int recordBytes) => Volatile.Write(ref _indices.Tail, _indices.Tail + Stride(recordBytes));

    /// <summary>Consumer: the oldest record, which stays until <see cref="Release"/>.</summary>
    public bool TryPeek(out ReadOnlySpan<byte> record)
    {
        long head = _indices.Head;
        while (head != Volatile.Read(ref _indices.Tail))
        {
            byte* at = _memory + (head & (_bytes - 1));
            int length = *(int*)at;
            if (length != WrapMark)
            {
                record = new ReadOnlySpan<byte>(at + sizeof(long), length);
                return true;
            }
            head += _bytes - (head & (_bytes - 1));
            Volatile.Write(ref _indices.Head, head);
        }
        record = default;
        return false;
    }

    /// <summary>Consumer: done with the record that was peeked.</summary>
    public void Release(ReadOnlySpan<byte> record) => Volatile.Write(ref _indices.Head, _indices.Head + Stride(record.Length));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long Stride(int recordBytes) => sizeof(long) + ((recordBytes + 7L) & ~7L);

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }
}
