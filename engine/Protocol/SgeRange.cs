using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>Finds the memory of a range of a work request's data, which its scatter/gather entries hold one after the other.</summary>
internal static class SgeRange
{
    /// <summary>
    /// Appends the pieces of bytes <paramref name="offset"/> … <paramref name="offset"/> + <paramref name="bytes"/> - 1 of the data.
    /// <see cref="AccessVerdict.Denied"/> also when the entries hold less than that.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AccessVerdict Translate(
        QueuePair qp, ref ScatterGatherList entries, int entryCount, uint offset, uint bytes, AccessFlags need, ref SegmentList into)
    {
        if (bytes == 0)
        {
            return AccessVerdict.Granted;
        }

        ref ScatterGatherEntry first = ref entries[0];
        return entryCount >= 1 && (ulong)offset + bytes <= first.Length
            ? qp.Host.TranslateLocal(qp, first.LocalKey, first.Address + offset, bytes, need, ref into)
            : TranslateAcross(qp, ref entries, entryCount, offset, bytes, need, ref into);
    }

    private static AccessVerdict TranslateAcross(
        QueuePair qp, ref ScatterGatherList entries, int entryCount, uint offset, uint bytes, AccessFlags need, ref SegmentList into)
    {
        for (int i = 0; i < entryCount && bytes > 0; i++)
        {
            ref ScatterGatherEntry entry = ref entries[i];
            if (offset >= entry.Length)
            {
                offset -= entry.Length;
                continue;
            }

            uint piece = Math.Min(bytes, entry.Length - offset);
            AccessVerdict verdict = qp.Host.TranslateLocal(qp, entry.LocalKey, entry.Address + offset, piece, need, ref into);
            if (verdict != AccessVerdict.Granted)
            {
                return verdict;
            }

            offset = 0;
            bytes -= piece;
        }

        return bytes == 0 ? AccessVerdict.Granted : AccessVerdict.Denied;
    }
}
