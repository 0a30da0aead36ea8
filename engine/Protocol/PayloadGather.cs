using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>Finds the memory of a packet's payload in a send work request.</summary>
internal static unsafe class PayloadGather
{
    /// <summary>
    /// Fills the packet's segments, for which it has room for <see cref="Placement.SegmentsMax"/>, with <paramref name="bytes"/> of data from
    /// <paramref name="offset"/> on. A run that has more pieces than there is room for is made shorter, to a multiple of the path MTU.
    /// False when a scatter/gather entry is not good.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryGather(QueuePair qp, SendSlot* slot, uint offset, ref uint bytes, int mtuShift, ref Packet packet)
    {
        var segments = new SegmentList(new Span<MemorySegment>(packet.Segments, Placement.SegmentsMax));
        if ((slot->Request.Flags & SendFlags.Inline) != 0)
        {
            // The slot is pinned, and stays until the request is complete.
            byte* data = (byte*)Unsafe.AsPointer(ref slot->Request.Sges);
            if (bytes != 0)
            {
                segments.TryAdd(data + offset, (int)bytes);
            }
        }
        else
        {
            uint mtuBytes = 1u << mtuShift;
            while (SgeRange.Translate(qp, ref slot->Request.Sges, slot->Request.SgeCount, offset, bytes, AccessFlags.None, ref segments)
                is var verdict and not AccessVerdict.Granted)
            {
                if (verdict == AccessVerdict.Denied || bytes <= mtuBytes)
                {
                    return false;
                }

                bytes = Math.Max(bytes / 2 >> mtuShift << mtuShift, mtuBytes);
                segments.Clear();
            }
        }

        packet.SegmentCount = segments.Count;
        packet.PayloadBytes = (int)bytes;
        return true;
    }
}
