using System.Runtime.InteropServices;
using CsCheck;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs.Tests;

public sealed unsafe class GuestAllocatorTests : IDisposable
{
    private const int Pages = 64;
    private const long Page = GuestAllocator.PageBytes;
    private readonly byte* _ram = (byte*)NativeMemory.AllocZeroed((nuint)(Pages * Page));

    public void Dispose() => NativeMemory.Free(_ram);

    [Fact]
    public void Address_zero_is_never_given_out_and_all_the_rest_is()
    {
        var allocator = new GuestAllocator(_ram, Pages * Page);
        Assert.Equal((Pages - 1) * Page, allocator.FreeBytes);
        Assert.True(allocator.TryAllocate((Pages - 1) * Page, out long offset));
        Assert.Equal(Page, offset);
        Assert.False(allocator.TryAllocate(1, out _));
        Assert.Equal(0, allocator.FreeBytes);
    }

    [Fact]
    public void Released_neighbours_merge_in_every_order()
    {
        int[][] orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        foreach (int[] order in orders)
        {
            var allocator = new GuestAllocator(_ram, Pages * Page);
            var offsets = new long[3];
            foreach (ref long offset in offsets.AsSpan())
                Assert.True(allocator.TryAllocate(2 * Page, out offset));
            foreach (int i in order)
                allocator.Release(offsets[i], 2 * Page);
            Assert.True(allocator.TryAllocate((Pages - 1) * Page, out long whole), string.Join(',', order));
            Assert.Equal(Page, whole);
        }
    }

    [Fact]
    public void Memory_that_was_used_comes_back_zeroed()
    {
        var allocator = new GuestAllocator(_ram, Pages * Page);
        Assert.True(allocator.TryAllocate(3 * Page, out long first));
        new Span<byte>(_ram + first, (int)(3 * Page)).Fill(0xEE);
        allocator.Release(first, 3 * Page);

        // Reaches over the used part into the fresh one.
        Assert.True(allocator.TryAllocate(5 * Page, out long second));
        Assert.Equal(first, second);
        Assert.Equal(-1, new Span<byte>(_ram + second, (int)(5 * Page)).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void A_double_release_is_an_error_not_a_corruption()
    {
        var allocator = new GuestAllocator(_ram, Pages * Page);
        Assert.True(allocator.TryAllocate(Page, out long offset));
        Assert.True(allocator.TryAllocate(Page, out _));
        allocator.Release(offset, Page);
        Assert.Throws<InvalidOperationException>(() => allocator.Release(offset, Page));
    }

    [Fact]
    public void Sizes_round_up_to_pages_and_absurd_ones_are_refused()
    {
        Assert.Equal(Page, GuestAllocator.RoundUpToPages(1));
        Assert.Equal(Page, GuestAllocator.RoundUpToPages(Page));
        Assert.Equal(2 * Page, GuestAllocator.RoundUpToPages(Page + 1));
        Assert.Throws<OverflowException>(() => GuestAllocator.RoundUpToPages(long.MaxValue));
    }

    [Fact]
    public void Random_allocations_never_overlap_and_everything_can_be_given_back()
    {
        // A positive number allocates so many bytes, a negative one releases the allocation of that rank.
        Gen.Int[-8, (int)(9 * Page)].Array[1, 120].Sample(operations =>
        {
            var allocator = new GuestAllocator(_ram, Pages * Page);
            var live = new List<(long Offset, long Bytes)>();
            foreach (int operation in operations)
            {
                if (operation > 0)
                {
                    if (allocator.TryAllocate(operation, out long offset))
                    {
                        long bytes = GuestAllocator.RoundUpToPages(operation);
                        if (offset < Page || offset + bytes > Pages * Page || live.Exists(other => offset < other.Offset + other.Bytes && other.Offset < offset + bytes))
                            return false;
                        live.Add((offset, bytes));
                    }
                }
                else if (live.Count > 0)
                {
                    (long offset, long bytes) = live[-operation % live.Count];
                    live.Remove((offset, bytes));
                    allocator.Release(offset, bytes);
                }

                if (allocator.FreeBytes + live.Sum(one => one.Bytes) != (Pages - 1) * Page)
                    return false;
            }

            foreach ((long offset, long bytes) in live)
                allocator.Release(offset, bytes);
            return allocator.TryAllocate((Pages - 1) * Page, out _);
        }, iter: 300);
    }

    [Fact]
    public void Threads_share_it_without_overlap()
    {
        var allocator = new GuestAllocator(_ram, Pages * Page);
        Parallel.For(0, 4, thread =>
        {
            for (int i = 0; i < 2_000; i++)
            {
                if (!allocator.TryAllocate(3 * Page, out long offset))
                    continue;
                // Were two owners of one page possible, one would see the other's mark.
                new Span<byte>(_ram + offset, (int)(3 * Page)).Fill((byte)(thread + 1));
                Assert.Equal(-1, new Span<byte>(_ram + offset, (int)(3 * Page)).IndexOfAnyExcept((byte)(thread + 1)));
                allocator.Release(offset, 3 * Page);
            }
        });
        Assert.Equal((Pages - 1) * Page, allocator.FreeBytes);
    }
}
