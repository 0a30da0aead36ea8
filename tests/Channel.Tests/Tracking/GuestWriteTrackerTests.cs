using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

public unsafe class GuestWriteTrackerTests
{
    private const int PageBytes = SharedMemory.PageBytes;
    private const long RamBytes = 8 << 20;

    [Fact]
    public void A_written_page_is_reported_once_and_again_when_it_is_written_again()
    {
        using var ram = new TrackedRam(RamBytes);
        new Span<byte>(ram.Ram, (int)RamBytes).Fill(1);
        using GuestWriteTracker tracker = ram.Track();
        Assert.Equal(RamBytes / PageBytes, tracker.PageCount);
        Assert.Empty(ram.Collect(tracker));
        ram.Ram[0] = 2;
        ram.Ram[5 * PageBytes + 100] = 2;
        ram.Ram[RamBytes - 1] = 2;
        Assert.Equal([0, 5, (int)ram.PageCount - 1], ram.Collect(tracker));
        Assert.Empty(ram.Collect(tracker));
        ram.Ram[5 * PageBytes] = 3;
        Assert.Equal([5], ram.Collect(tracker));
    }

    [Fact]
    public void The_first_write_ever_to_a_page_is_reported_and_a_read_is_not()
    {
        using var ram = new TrackedRam(RamBytes);
        using GuestWriteTracker tracker = ram.Track();
        Assert.Equal(0, Volatile.Read(ref ram.Ram[7 * PageBytes]));
        Assert.Empty(ram.Collect(tracker));
        ram.Ram[700 * PageBytes] = 1; // never touched
        ram.Ram[7 * PageBytes] = 1; // read before
        ram.Host[9 * PageBytes] = 1; // touched by the host only
        ram.Ram[9 * PageBytes + 1] = 1;
        Assert.Equal([7, 9, 700], ram.Collect(tracker));
    }

    [Fact]
    public void Writes_through_another_mapping_are_not_this_process_writes()
    {
        using var ram = new TrackedRam(RamBytes);
        using GuestWriteTracker tracker = ram.Track();
        ram.Host[3 * PageBytes] = 1;
        Assert.Empty(ram.Collect(tracker));
        Assert.Equal(1, ram.Ram[3 * PageBytes]);
    }

    [Fact]
    public void What_the_kernel_writes_for_the_process_is_reported()
    {
        using var ram = new TrackedRam(RamBytes);
        using GuestWriteTracker tracker = ram.Track();
        int* pair = stackalloc int[2];
        SystemCallException.Check(
            Sockets.CreatePair(SocketConstants.AF_UNIX, SocketConstants.SOCK_STREAM | SocketConstants.SOCK_CLOEXEC, 0, pair), "socketpair");
        byte* sent = stackalloc byte[3 * PageBytes];
        new Span<byte>(sent, 3 * PageBytes).Fill(42);
        Assert.Equal(3 * PageBytes, Events.Write(pair[0], sent, 3 * PageBytes));
        Assert.Equal(PageBytes, Events.Read(pair[1], ram.Ram + 10 * PageBytes, PageBytes));
        Assert.Equal(2 * PageBytes, Sockets.Receive(pair[1], ram.Ram + 20 * PageBytes + 1, 2 * PageBytes, 0));
        Assert.Equal([10, 20, 21, 22], ram.Collect(tracker));
        Assert.Equal(42, ram.Host[22 * PageBytes]);
        Events.Close(pair[0]);
        Events.Close(pair[1]);
    }

    [Fact]
    public void More_written_runs_than_one_scan_holds_are_all_reported()
    {
        using var ram = new TrackedRam(RamBytes * 4);
        using GuestWriteTracker tracker = ram.Track();
        int[] everyOther = [.. Enumerable.Range(0, (int)ram.PageCount / 2).Select(i => i * 2)];
        foreach (int page in everyOther)
            ram.Ram[(long)page * PageBytes] = 1;
        Assert.Equal(everyOther, ram.Collect(tracker));
        Assert.Empty(ram.Collect(tracker));
    }

    [Fact]
    public void Collecting_adds_to_what_the_bitmap_holds()
    {
        using var ram = new TrackedRam(RamBytes);
        using GuestWriteTracker tracker = ram.Track();
        var bitmap = new ulong[WrittenPages.Words(ram.PageCount)];
        bitmap[0] = 1;
        ram.Ram[PageBytes] = 1;
        tracker.Collect(bitmap);
        Assert.Equal(3UL, bitmap[0]);
        Assert.Throws<ArgumentException>(() => tracker.Collect(new ulong[bitmap.Length - 1]));
    }

    [Fact]
    public void A_copy_made_in_rounds_beside_writing_threads_ends_equal()
    {
        using var ram = new TrackedRam(RamBytes);
        using GuestWriteTracker tracker = ram.Track();
        byte* copy = SharedMemory.MapAnonymous(RamBytes);
        using (var writers = new RamWriters(ram.Ram, RamBytes, 3))
        {
            for (int round = 0; round < 200; round++)
            {
                ram.Collect(tracker);
                TrackedRam.CopyPages(ram.Host, copy, ram.Bitmap);
                Thread.Sleep(2);
            }
            writers.StopAndCheck();
            Assert.True(writers.Writes > 1000);
        }
        ram.Collect(tracker);
        TrackedRam.CopyPages(ram.Host, copy, ram.Bitmap);
        Assert.True(new ReadOnlySpan<byte>(copy, (int)RamBytes).SequenceEqual(new ReadOnlySpan<byte>(ram.Ram, (int)RamBytes)));
        Assert.Equal(0, SharedMemory.Unmap(copy, (nuint)RamBytes));
    }

    [Fact]
    public void Huge_pages_are_tracked_in_small_ones()
    {
        int descriptor = HugeFile.TryCreate(RamBytes);
        Assert.SkipWhen(descriptor < 0, "a tmpfs with huge pages cannot be made here");
        using var ram = new TrackedRam(descriptor, RamBytes);
        new Span<byte>(ram.Ram, (int)RamBytes).Fill(1);
        bool isHuge = File.ReadLines("/proc/self/smaps").Any(line => line.StartsWith("ShmemPmdMapped:", StringComparison.Ordinal)
            && !line.EndsWith(" 0 kB", StringComparison.Ordinal));
        Assert.SkipUnless(isHuge, "the kernel had no huge page to give");
        using GuestWriteTracker tracker = ram.Track();
        Assert.Empty(ram.Collect(tracker));
        ram.Ram[600 * PageBytes] = 2;
        ram.Ram[1800 * PageBytes] = 2;
        Assert.Equal([600, 1800], ram.Collect(tracker));
        Assert.Empty(ram.Collect(tracker));
    }

    [Fact]
    public void Disposing_leaves_the_memory_as_it_is_and_a_new_tracker_may_start()
    {
        using var ram = new TrackedRam(RamBytes);
        GuestWriteTracker tracker = ram.Track();
        ram.Ram[0] = 1;
        tracker.Dispose();
        tracker.Dispose();
        Assert.False(tracker.IsTracking);
        Assert.Throws<ObjectDisposedException>(() => tracker.Collect(ram.Bitmap));
        ram.Ram[PageBytes] = 1;
        using GuestWriteTracker second = ram.Track();
        Assert.Empty(ram.Collect(second));
        ram.Ram[2 * PageBytes] = 1;
        Assert.Equal([2], ram.Collect(second));
        Assert.Equal((1, 1, 1), (ram.Host[0], ram.Host[PageBytes], ram.Host[2 * PageBytes]));
    }

    [Fact]
    public void Memory_that_cannot_be_tracked_is_refused_with_a_reason()
    {
        using var ram = new TrackedRam(RamBytes);
        using GuestWriteTracker tracker = ram.Track();
        Assert.Null(GuestWriteTracker.TryStart(ram.Ram, RamBytes, out string? whyNot));
        Assert.Contains("cannot protect this memory", whyNot, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => GuestWriteTracker.TryStart(ram.Ram + 1, PageBytes, out _));
        Assert.Throws<ArgumentException>(() => GuestWriteTracker.TryStart(ram.Ram, 100, out _));
    }
}
