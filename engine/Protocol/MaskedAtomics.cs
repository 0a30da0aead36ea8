namespace RoceEngine.Protocol;

/// <summary>
/// The masked (extended) atomics as the kernel's <c>IB_WR_MASKED_ATOMIC_*</c> have them, in terms of the machine's own compare and swap.
/// </summary>
public static class MaskedAtomics
{
    /// <summary>
    /// Where the bits under <paramref name="compareMask"/> equal those of <paramref name="compare"/>, the bits under
    /// <paramref name="swapMask"/> become those of <paramref name="swap"/>. Returns what was there before, swapped or not.
    /// </summary>
    public static ulong CompareSwap(ref ulong word, ulong compare, ulong compareMask, ulong swap, ulong swapMask)
    {
        ulong seen = Volatile.Read(ref word);
        while (true)
        {
            // Written back unchanged when it differs, so that the answer is a value that was there at one moment.
            ulong next = ((seen ^ compare) & compareMask) == 0 ? (seen & ~swapMask) | (swap & swapMask) : seen;
            ulong found = Interlocked.CompareExchange(ref word, next, seen);
            if (found == seen)
            {
                return seen;
            }

            seen = found;
        }
    }

    /// <summary>
    /// Adds field by field: a 1 in <paramref name="boundaries"/> is the most significant bit of a field, and no carry leaves it. Returns
    /// what was there before.
    /// </summary>
    public static ulong FetchAdd(ref ulong word, ulong addend, ulong boundaries)
    {
        ulong seen = Volatile.Read(ref word);
        while (true)
        {
            ulong found = Interlocked.CompareExchange(ref word, AddFields(seen, addend, boundaries), seen);
            if (found == seen)
            {
                return seen;
            }

            seen = found;
        }
    }

    /// <summary>The fields without their top bits are added, so that a carry ends in the top bit; top bits are added without carry.</summary>
    public static ulong AddFields(ulong left, ulong right, ulong boundaries) =>
        unchecked((left & ~boundaries) + (right & ~boundaries)) ^ ((left ^ right) & boundaries);
}
