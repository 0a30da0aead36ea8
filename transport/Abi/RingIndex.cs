namespace RoceEngine.Abi;

/// <summary>
/// The arithmetic of ring indices. An index counts modulo twice the number of slots, so that all slots can be used: equal indices mean
/// empty, indices a whole ring apart mean full, and most accidental values are recognised as impossible.
/// </summary>
/// <remarks>
/// The stock driver masks with <c>2N - 1</c> and <c>N - 1</c> whether or not N is a power of two. Counting up from 0 under such masks never
/// leaves the bits below the lowest one of N: a ring of 1,536 slots works as one of 512, a ring of 3,072 as one of 1,024. So every
/// method here is given <see cref="UsableSlots"/> of the ring, a power of two, and does exactly what the driver does.
/// </remarks>
public static class RingIndex
{
    /// <summary>Slots of a ring of <paramref name="slots"/> that the masking of the stock driver can reach: the lowest one bit. 0 for 0.</summary>
    public static uint UsableSlots(uint slots) => slots & (0 - slots);

    /// <summary>False when a peer wrote an index that no counting leads to.</summary>
    public static bool IsValid(uint index, uint slots) => index < slots << 1;

    /// <summary>The slot that an index names.</summary>
    public static uint Slot(uint index, uint slots) => index & (slots - 1);

    /// <summary>The index after <paramref name="count"/> more entries.</summary>
    public static uint Advance(uint index, uint count, uint slots) => (index + count) & ((slots << 1) - 1);

    /// <summary>The next index.</summary>
    public static uint Next(uint index, uint slots) => Advance(index, 1, slots);

    /// <summary>True when no slot is free.</summary>
    public static bool IsFull(uint producer, uint consumer, uint slots) => producer == (consumer ^ slots);

    /// <summary>Entries between the indices, 0 … slots; more than <paramref name="slots"/> when the pair is impossible.</summary>
    public static uint Used(uint producer, uint consumer, uint slots) => (producer - consumer) & ((slots << 1) - 1);

    /// <summary>
    /// Checks an index that the other side wrote against one's own: false when it is out of range or claims more entries than there are slots.
    /// </summary>
    public static bool TryUsed(uint producer, uint consumer, uint slots, out uint used)
    {
        used = Used(producer, consumer, slots);
        return IsValid(producer, slots) && IsValid(consumer, slots) && used <= slots;
    }
}
