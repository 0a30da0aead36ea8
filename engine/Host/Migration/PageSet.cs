using System.Numerics;
using RoceEngine.Abi;
using RoceEngine.Interop;

namespace RoceEngine.Host.Migration;

/// <summary>Pages of guest RAM, a bit each.</summary>
internal sealed class PageSet(long guestRamBytes)
{
    private readonly ulong[] _words = new ulong[WordsFor(guestRamBytes)];

    public long PageCount { get; } = guestRamBytes >> PvrdmaPageDirectory.PageShift;

    /// <summary>Pages in the set.</summary>
    public long Count => _words.Sum(word => (long)BitOperations.PopCount(word));

    public long Bytes => Count << PvrdmaPageDirectory.PageShift;

    public static int WordsFor(long guestRamBytes) => (int)(((guestRamBytes >> PvrdmaPageDirectory.PageShift) + 63) / 64);

    /// <summary>Takes in a bitmap, lowest bit first; bits beyond the last page, and bytes beyond the last word, mean nothing.</summary>
    public void Add(ReadOnlySpan<byte> bitmap)
    {
        for (int i = 0; i < bitmap.Length && i / sizeof(ulong) < _words.Length; i++)
            _words[i / sizeof(ulong)] |= (ulong)bitmap[i] << (8 * (i % sizeof(ulong)));
    }

    public void Add(ReadOnlySpan<ulong> words)
    {
        for (int i = 0; i < Math.Min(words.Length, _words.Length); i++)
            _words[i] |= words[i];
    }

    public void AddRange(long firstPage, long pages)
    {
        for (long page = firstPage; page < firstPage + pages; page++)
            _words[page >> 6] |= 1ul << (int)(page & 63);
    }

    /// <summary>Adds what was ever written to a memfd.</summary>
    public void AddUsed(int descriptor)
    {
        long bytes = PageCount << PvrdmaPageDirectory.PageShift;
        for (long from = 0; SharedMemory.TryFindUsed(descriptor, from, bytes, out long start, out long length); from = start + length)
            AddRange(start >> PvrdmaPageDirectory.PageShift, (length + PvrdmaPageDirectory.PageBytes - 1) >> PvrdmaPageDirectory.PageShift);
    }

    /// <summary>Runs of pages that lie in a row, each at most <paramref name="pagesMax"/> long.</summary>
    public IEnumerable<(long FirstPage, int Pages)> Runs(int pagesMax)
    {
        long page = 0;
        while ((page = Next(page)) < PageCount)
        {
            long first = page;
            while (page < PageCount && page - first < pagesMax && Has(page))
                page++;
            yield return (first, (int)(page - first));
        }
    }

    private bool Has(long page) => (_words[page >> 6] >> (int)(page & 63) & 1) != 0;

    private long Next(long page)
    {
        while (page < PageCount)
        {
            ulong rest = _words[page >> 6] >> (int)(page & 63);
            if (rest != 0)
                return page + BitOperations.TrailingZeroCount(rest);
            page = (page | 63) + 1;
        }
        return PageCount;
    }
}
