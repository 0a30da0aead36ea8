using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Device.Tests;

public sealed unsafe class MemoryRegionTests
{
    private const AccessFlags All = AccessFlags.LocalWrite | AccessFlags.RemoteRead | AccessFlags.RemoteWrite | AccessFlags.RemoteAtomic;

    private static readonly ProtectionDomain Domain = new();

    [Theory]
    [InlineData(0ul, 10_000u, true)]
    [InlineData(9_999ul, 1u, true)]
    [InlineData(10_000ul, 0u, true)]
    [InlineData(10_000ul, 1u, false)]
    [InlineData(1ul, 10_000u, false)]
    [InlineData(0ul, uint.MaxValue, false)]
    [InlineData(ulong.MaxValue, 1u, false)]
    [InlineData(ulong.MaxValue, 2u, false)]
    [InlineData(0x8000_0000_0000_0000ul, 1u, false)]
    public void A_range_is_granted_when_all_of_it_lies_in_the_region(ulong offset, uint bytes, bool granted)
    {
        foreach (bool scattered in new[] { false, true })
        {
            using var memory = new GuestMemory(64, scattered);
            MemoryRegion region = Region(memory, 0xFFFF_FFFF_0000_0123, 10_000, All);
            var into = new SegmentList(new MemorySegment[8]);
            AccessVerdict verdict = region.Translate(region.Start + offset, bytes, AccessFlags.None, ref into);
            Assert.Equal(granted ? AccessVerdict.Granted : AccessVerdict.Denied, verdict);
        }
    }

    [Theory]
    [InlineData(AccessFlags.None, AccessFlags.None, true)]
    [InlineData(AccessFlags.None, AccessFlags.LocalWrite, false)]
    [InlineData(AccessFlags.LocalWrite, AccessFlags.RemoteWrite, false)]
    [InlineData(AccessFlags.RemoteRead, AccessFlags.RemoteRead, true)]
    [InlineData(AccessFlags.RemoteRead | AccessFlags.LocalWrite, AccessFlags.RemoteAtomic, false)]
    [InlineData(All, AccessFlags.RemoteAtomic, true)]
    public void A_range_is_granted_when_the_region_allows_what_is_needed(AccessFlags has, AccessFlags need, bool granted)
    {
        using var memory = new GuestMemory(64, scattered: false);
        var into = new SegmentList(new MemorySegment[8]);
        AccessVerdict verdict = Region(memory, 0, 100, has).Translate(0, 100, need, ref into);
        Assert.Equal(granted ? AccessVerdict.Granted : AccessVerdict.Denied, verdict);
    }

    [Fact]
    public void Pages_in_a_row_are_one_piece_and_scattered_ones_a_piece_each()
    {
        using var row = new GuestMemory(64, scattered: false);
        using var falling = new GuestMemory(64, scattered: true);
        var into = new SegmentList(new MemorySegment[8]);
        Assert.Equal(AccessVerdict.Granted, Region(row, 0x1100, 20_000, All).Translate(0x1200, 16_384, AccessFlags.None, ref into));
        Assert.Equal(1, into.Count);
        Assert.Equal(16_384, into.Segments[0].Bytes);

        into.Clear();
        MemoryRegion region = Region(falling, 0x1100, 20_000, All);
        Assert.Equal(AccessVerdict.Granted, region.Translate(0x1200, 16_384, AccessFlags.None, ref into));
        int[] pieces = [.. into.Segments.ToArray().Select(segment => segment.Bytes)];
        Assert.Equal([0xE00, 4096, 4096, 4096, 0x200], pieces);

        var two = new SegmentList(new MemorySegment[2]);
        Assert.Equal(AccessVerdict.TooManyPieces, region.Translate(0x1200, 16_384, AccessFlags.None, ref two));
        two.Clear();
        Assert.Equal(AccessVerdict.Granted, region.Translate(0x1200, 0xE00 + 4096, AccessFlags.None, ref two));
    }

    /// <summary>A message may be 2^31 bytes, which the length of one piece cannot say: the pieces must not be merged into one.</summary>
    [Fact]
    public void A_range_of_two_gigabytes_is_more_than_one_piece()
    {
        // Addresses alone: nothing is read there.
        var ram = new GuestRam((byte*)0x10_0000_0000, 1L << 32);
        var region = new MemoryRegion(Domain, ram, AccessFlags.LocalWrite);
        var into = new SegmentList(new MemorySegment[8]);
        Assert.Equal(AccessVerdict.Granted, region.Translate(4096, 1u << 31, AccessFlags.LocalWrite, ref into));
        Assert.All(into.Segments.ToArray(), segment => Assert.True(segment.Bytes > 0));
        Assert.Equal(1L << 31, into.Segments.ToArray().Sum(segment => (long)segment.Bytes));
        Assert.Equal(0x10_0000_1000ul, (ulong)into.Segments[0].Address);
    }

    [Fact]
    public void Memory_beyond_the_guest_cannot_be_named()
    {
        var ram = new GuestRam((byte*)0x1000, 8192);
        Assert.True(ram.TryResolve(0, 8192, out _));
        Assert.True(ram.TryResolve(8192, 0, out _));
        Assert.False(ram.TryResolve(8192, 1, out _));
        Assert.False(ram.TryResolve(1, 8192, out _));
        Assert.False(ram.TryResolve(ulong.MaxValue, 2, out _));
        Assert.False(ram.TryResolve(4096, ulong.MaxValue, out byte* pointer));
        Assert.True(pointer == null);
    }

    [Fact]
    public void The_counters_have_a_place_for_each_status_and_each_fault()
    {
        Assert.Equal(CompletionStatusCounts.Length, Enum.GetValues<CompletionStatus>().Length);
        Assert.Equal(GuestFaultCounts.Length, Enum.GetValues<GuestFault>().Length);
    }

    private static MemoryRegion Region(GuestMemory memory, ulong start, int bytes, AccessFlags access)
    {
        ulong[] pages = memory.AllocatePages((int)(((start & 4095) + (ulong)bytes + 4095) / 4096));
        Assert.True(GuestPages.TryRead(memory.Ram, memory.Directory(pages), pages.Length, out GuestPages? read));
        return new MemoryRegion(Domain, start, (ulong)bytes, access, read!);
    }
}
