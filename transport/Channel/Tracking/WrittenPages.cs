using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>
/// Bitmaps of written pages: bit (n % 64) of word (n / 64) is page n of guest RAM, <see cref="SharedMemory.PageBytes"/> each.
/// </summary>
public static unsafe class WrittenPages
{
    /// <summary>Words that a bitmap of so many pages takes.</summary>
    public static int Words(long pageCount) => checked((int)((pageCount + 63) / 64));

    /// <summary>Sets <paramref name="count"/> bits from <paramref name="first"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The bitmap is too short.</exception>
    public static void Add(Span<ulong> bitmap, long first, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, bitmap.Length * 64L - first);
        long end = first + count;
        while (first < end)
        {
            int bit = (int)(first % 64);
            int bits = (int)Math.Min(64 - bit, end - first);
            bitmap[(int)(first / 64)] |= ulong.MaxValue >> (64 - bits) << bit;
            first += bits;
        }
    }

    /// <summary>
    /// Adds what a guest wrote last before it was frozen: the array behind <see cref="GuestWriteTracker.WrittenDescriptor"/>, which
    /// ends with an empty region. Made for a host that does not trust the guest: each entry is read once, and only regions that follow
    /// each other within guest RAM are taken.
    /// </summary>
    /// <param name="regions">The array as mapped.</param>
    /// <param name="regionsMax">Entries that are mapped.</param>
    /// <param name="guestStart">Address of guest RAM in the guest's process.</param>
    /// <param name="pageCount">Pages of guest RAM.</param>
    /// <param name="bitmap">At least <see cref="Words"/> of the pages.</param>
    /// <returns>False when an entry is impossible, or the end is missing; the bitmap then has those before it.</returns>
    /// <exception cref="ArgumentException">The bitmap is too short.</exception>
    public static bool TryAdd(PageRegion* regions, long regionsMax, ulong guestStart, long pageCount, Span<ulong> bitmap)
    {
        if (bitmap.Length < Words(pageCount))
            throw new ArgumentException($"a bitmap of {pageCount} pages has {Words(pageCount)} words, not {bitmap.Length}");
        ulong bytes = (ulong)pageCount * SharedMemory.PageBytes;
        ulong reached = 0;
        for (long i = 0; i < regionsMax; i++)
        {
            ulong start = Volatile.Read(ref regions[i].Start);
            ulong end = Volatile.Read(ref regions[i].End);
            if (start == 0 && end == 0)
                return true;
            ulong from = unchecked(start - guestStart);
            ulong to = unchecked(end - guestStart);
            if (from < reached || from >= to || to > bytes || (from | to) % SharedMemory.PageBytes != 0)
                return false;
            Add(bitmap, (long)(from / SharedMemory.PageBytes), (long)((to - from) / SharedMemory.PageBytes));
            reached = to;
        }
        return false;
    }
}
