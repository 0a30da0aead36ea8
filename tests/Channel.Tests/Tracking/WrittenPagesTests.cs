using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

public unsafe class WrittenPagesTests
{
    private const ulong Start = 0x7000_0000_0000;

    private static PageRegion Region(ulong firstPage, ulong endPage) =>
        new() { Start = Start + firstPage * SharedMemory.PageBytes, End = Start + endPage * SharedMemory.PageBytes };

    private static bool TryAdd(ulong[] bitmap, long pages, params PageRegion[] regions)
    {
        fixed (PageRegion* first = regions)
            return WrittenPages.TryAdd(first, regions.Length, Start, pages, bitmap);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1)]
    [InlineData(63, 2)]
    [InlineData(1, 190)]
    [InlineData(64, 64)]
    [InlineData(191, 1)]
    public void A_run_of_pages_sets_its_bits_and_no_others(int first, int count)
    {
        var bitmap = new ulong[3];
        WrittenPages.Add(bitmap, first, count);
        for (int page = 0; page < 192; page++)
            Assert.Equal(page >= first && page < first + count, (bitmap[page / 64] >> (page % 64) & 1) != 0);
    }

    [Fact]
    public void A_run_beyond_the_bitmap_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => WrittenPages.Add(new ulong[1], 60, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => WrittenPages.Add(new ulong[1], -1, 1));
    }

    [Fact]
    public void Regions_of_a_guest_are_added_up_to_the_empty_one()
    {
        var bitmap = new ulong[2];
        Assert.True(TryAdd(bitmap, 100, Region(0, 2), Region(2, 3), Region(99, 100), default, Region(50, 60)));
        Assert.Equal([7UL, 1UL << 35], bitmap);
    }

    [Fact]
    public void Impossible_regions_are_refused_and_write_nothing_outside()
    {
        PageRegion[] impossible =
        [
            Region(99, 101), Region(5, 5), Region(6, 5), Region(ulong.MaxValue / 4096, 3), new() { Start = 1, End = 2 },
            new() { Start = Start + 1, End = Start + 4096 }, new() { Start = Start, End = Start + 4095 },
            new() { Start = 0, End = Start + 4096 },
        ];
        foreach (PageRegion region in impossible)
        {
            var bitmap = new ulong[2];
            Assert.False(TryAdd(bitmap, 100, region, default));
            Assert.Equal([0UL, 0UL], bitmap);
        }
        Assert.False(TryAdd(new ulong[2], 100, Region(4, 6), Region(5, 7), default)); // overlapping
        Assert.False(TryAdd(new ulong[2], 100, Region(4, 6), Region(1, 2), default)); // descending
        Assert.False(TryAdd(new ulong[2], 100, Region(4, 6))); // no end
        Assert.Throws<ArgumentException>(() => TryAdd(new ulong[1], 100, default(PageRegion)));
    }
}
