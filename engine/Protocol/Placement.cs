using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>Reads a packet's payload from front to back.</summary>
internal unsafe ref struct PayloadReader
{
    private MemorySegment* _segment;
    private int _offset;

    public PayloadReader(in Packet packet, int skipBytes)
    {
        _segment = packet.Segments;
        while (skipBytes > 0 && skipBytes >= _segment->Bytes)
        {
            skipBytes -= _segment->Bytes;
            _segment++;
        }

        _offset = skipBytes;
    }

    /// <summary>
    /// Copies the next <paramref name="bytes"/> to memory; the caller knows that the payload has them. What lies there already stays
    /// (<see cref="IPacketReceiver.TryFindPlace"/>).
    /// </summary>
    public void CopyTo(byte* target, int bytes)
    {
        while (bytes > 0)
        {
            int piece = Math.Min(bytes, _segment->Bytes - _offset);
            byte* source = _segment->Address + _offset;
            if (source != target)
            {
                PayloadCopy.Copy(source, target, piece);
            }

            Advance(piece);
            target += piece;
            bytes -= piece;
        }
    }

    /// <summary>
    /// Like <see cref="CopyTo"/>, for the last piece of a message: an application that polls the last byte must find all others there.
    /// </summary>
    public void CopyLastTo(byte* target, int bytes)
    {
        byte* end = target + bytes;
        if (bytes >= 8 && ((nuint)end & 7) == 0 && _segment->Bytes - _offset == bytes)
        {
            byte* source = _segment->Address + _offset;
            PayloadCopy.Copy(source, target, bytes - 8);
            Volatile.Write(ref *(ulong*)(end - 8), Unsafe.ReadUnaligned<ulong>(source + bytes - 8));
            return;
        }

        CopyTo(target, bytes - 1);
        while (_segment->Bytes == _offset)
        {
            _segment++;
            _offset = 0;
        }

        Volatile.Write(ref *(end - 1), _segment->Address[_offset]);
        Advance(1);
    }

    private void Advance(int bytes)
    {
        _offset += bytes;
        if (_offset == _segment->Bytes)
        {
            _segment++;
            _offset = 0;
        }
    }
}

/// <summary>Puts received payload into guest memory.</summary>
internal static unsafe class Placement
{
    /// <summary>Pieces that a translation is offered room for at once.</summary>
    public const int SegmentsMax = 128;

    /// <summary>
    /// Fills the segments from the payload. With <paramref name="endsMessage"/> the last bytes become visible after all others
    /// (release order).
    /// </summary>
    public static void Fill(QueuePair qp, ref PayloadReader payload, in SegmentList segments, bool endsMessage)
    {
        Span<MemorySegment> pieces = segments.Segments;
        int whole = endsMessage ? pieces.Length - 1 : pieces.Length;
        for (int i = 0; i < whole; i++)
        {
            payload.CopyTo(pieces[i].Address, pieces[i].Bytes);
        }

        if (endsMessage && pieces.Length > 0)
        {
            payload.CopyLastTo(pieces[^1].Address, pieces[^1].Bytes);
        }

        qp.Host.MemoryWritten(qp, segments);
    }

    /// <summary>
    /// Places <paramref name="bytes"/> of payload at <paramref name="offset"/> of a work request's data, through its local keys.
    /// <see cref="AccessVerdict.Denied"/> when a key or range is not good (any more); some bytes may have been placed then.
    /// </summary>
    public static AccessVerdict Scatter(
        QueuePair qp, ref PayloadReader payload, ref ScatterGatherList entries, int entryCount, uint offset, uint bytes, bool endsMessage)
    {
        MemorySegment* room = stackalloc MemorySegment[SegmentsMax];
        var segments = new SegmentList(new Span<MemorySegment>(room, SegmentsMax));
        uint step = bytes;
        while (bytes > 0)
        {
            step = Math.Min(step, bytes);
            AccessVerdict verdict = SgeRange.Translate(qp, ref entries, entryCount, offset, step, AccessFlags.LocalWrite, ref segments);
            if (verdict == AccessVerdict.Granted)
            {
                Fill(qp, ref payload, segments, endsMessage && step == bytes);
                offset += step;
                bytes -= step;
            }
            else if (!TryHalve(verdict, ref step))
            {
                return AccessVerdict.Denied;
            }

            segments.Clear();
        }

        return AccessVerdict.Granted;
    }

    /// <summary>Places <paramref name="bytes"/> of payload at a remote address, through a remote key with the right to write.</summary>
    public static AccessVerdict Write(QueuePair qp, ref PayloadReader payload, uint remoteKey, ulong address, uint bytes, bool endsMessage)
    {
        MemorySegment* room = stackalloc MemorySegment[SegmentsMax];
        var segments = new SegmentList(new Span<MemorySegment>(room, SegmentsMax));
        uint step = bytes;
        while (bytes > 0)
        {
            step = Math.Min(step, bytes);
            AccessVerdict verdict = qp.Host.TranslateRemote(qp, remoteKey, address, step, AccessFlags.RemoteWrite, ref segments);
            if (verdict == AccessVerdict.Granted)
            {
                Fill(qp, ref payload, segments, endsMessage && step == bytes);
                address += step;
                bytes -= step;
            }
            else if (!TryHalve(verdict, ref step))
            {
                return AccessVerdict.Denied;
            }

            segments.Clear();
        }

        return AccessVerdict.Granted;
    }

    private static bool TryHalve(AccessVerdict verdict, ref uint step)
    {
        if (verdict != AccessVerdict.TooManyPieces || step == 1)
        {
            return false;
        }

        step = (step + 1) / 2;
        return true;
    }
}
