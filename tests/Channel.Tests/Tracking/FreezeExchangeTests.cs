using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

public unsafe class FreezeExchangeTests
{
    private const int PageBytes = SharedMemory.PageBytes;
    private const long RamBytes = 2 << 20;
    private const int TimeoutMs = 5_000;

    private static (int Left, int Right) UnixPair()
    {
        int* pair = stackalloc int[2];
        SystemCallException.Check(
            Sockets.CreatePair(SocketConstants.AF_UNIX, SocketConstants.SOCK_STREAM | SocketConstants.SOCK_CLOEXEC, 0, pair), "socketpair");
        return (pair[0], pair[1]);
    }

    private static int NewCopy(long bytes)
    {
        int descriptor = SharedMemory.CreateMemfd("copy\0"u8, bytes);
        SharedMemory.AddSeals(descriptor, SharedMemory.F_SEAL_SHRINK);
        return descriptor;
    }

    /// <summary>A guest, its tracker, and a host in another process that knows both and has a copy.</summary>
    private static (TrackedRam Ram, GuestWriteTracker Tracker, FreezePeerProcess Peer) Attach()
    {
        var ram = new TrackedRam(RamBytes);
        GuestWriteTracker tracker = ram.Track();
        var peer = new FreezePeerProcess();
        int copy = NewCopy(RamBytes);
        peer.ShareMemory(ram, tracker, copy);
        Events.Close(copy);
        return (ram, tracker, peer);
    }

    [Fact]
    public void Two_hundred_replacements_beside_writers_and_collections_lose_no_write()
    {
        (TrackedRam ram, GuestWriteTracker tracker, FreezePeerProcess peer) = Attach();
        int collectionsBefore = GC.CollectionCount(0);
        using (ram)
        using (peer)
        using (new CollectorPressure())
        using (var writers = new RamWriters(ram.Ram, RamBytes, 3))
        {
            for (int i = 0; i < 200; i++)
            {
                // A copy beside the writers, then the pages written meanwhile; the peer does the last ones and compares.
                int copy = NewCopy(RamBytes);
                peer.ShareMemory(ram, tracker, copy);
                byte* into = SharedMemory.MapShared(copy, RamBytes);
                Buffer.MemoryCopy(ram.Host, into, RamBytes, RamBytes);
                ram.Collect(tracker);
                TrackedRam.CopyPages(ram.Host, into, ram.Bitmap);
                _ = SharedMemory.Unmap(into, (nuint)RamBytes);
                Events.Close(copy);

                FreezeOutcome outcome = peer.Exchange(tracker, PeerCommand.Replace, TimeoutMs, out int descriptor);
                Assert.Equal((FreezeResult.Replaced, FreezePeer.Right), (outcome.Result, peer.Verdict));
                Assert.False(tracker.IsTracking);
                Assert.Throws<InvalidOperationException>(() => tracker.Collect(ram.Bitmap));
                tracker.Dispose();
                ram.Adopt(descriptor);
                Assert.Equal(0, writers.Lost);
                tracker = ram.Track();
            }
            writers.StopAndCheck();
            Assert.True(writers.Writes > 10_000);
        }
        tracker.Dispose();
        Assert.True(GC.CollectionCount(0) - collectionsBefore > 100);
    }

    [Fact]
    public void Three_hundred_freezes_beside_writers_and_collections_stop_every_write_and_lose_none()
    {
        (TrackedRam ram, GuestWriteTracker tracker, FreezePeerProcess peer) = Attach();
        int collectionsBefore = GC.CollectionCount(0);
        using (ram)
        using (tracker)
        using (peer)
        using (new CollectorPressure())
        using (var writers = new RamWriters(ram.Ram, RamBytes, 3))
        {
            for (int i = 0; i < 300; i++)
            {
                FreezeOutcome outcome = peer.Exchange(tracker, PeerCommand.Watch, TimeoutMs, out int descriptor);
                Assert.Equal((FreezeResult.Refused, FreezePeer.Right, -1), (outcome.Result, peer.Verdict, descriptor));
                Assert.True(outcome.FrozenNs >= 2_000_000, $"{outcome.FrozenNs}");
                Assert.True(tracker.IsTracking);
            }
            writers.StopAndCheck();
        }
        Assert.True(GC.CollectionCount(0) - collectionsBefore > 100);
    }

    [Fact]
    public void The_kernel_waits_too_when_it_writes_for_a_thread()
    {
        (TrackedRam ram, GuestWriteTracker tracker, FreezePeerProcess peer) = Attach();
        using (ram)
        using (tracker)
        using (peer)
        {
            using var writer = new KernelWriter(ram.Ram, RamBytes);
            for (int i = 0; i < 10; i++)
            {
                FreezeOutcome outcome = peer.Exchange(tracker, PeerCommand.WatchLonger, TimeoutMs, out _);
                Assert.Equal((FreezeResult.Refused, FreezePeer.Right), (outcome.Result, peer.Verdict));
                Assert.NotEmpty(ram.Collect(tracker));
            }
            writer.StopAndCheck();
        }
    }

    [Fact]
    public void After_a_thaw_every_page_counts_as_written_once_and_tracking_goes_on()
    {
        (TrackedRam ram, GuestWriteTracker tracker, FreezePeerProcess peer) = Attach();
        using (ram)
        using (tracker)
        using (peer)
        {
            ram.Ram[0] = 1;
            Assert.Equal(FreezeResult.Refused, peer.Exchange(tracker, PeerCommand.Watch, TimeoutMs, out _).Result);
            Assert.Equal(ram.PageCount, ram.Collect(tracker).Length);
            Assert.Empty(ram.Collect(tracker));
            ram.Ram[8 * PageBytes] = 1;
            Assert.Equal([8], ram.Collect(tracker));
            Assert.Equal(1, ram.Host[0]);
        }
    }

    [Fact]
    public void A_full_page_table_of_writes_is_among_the_last_written_pages()
    {
        (TrackedRam ram, GuestWriteTracker tracker, FreezePeerProcess peer) = Attach();
        ram.Dispose();
        tracker.Dispose();
        const long bytes = 8 << 20;
        using var large = new TrackedRam(bytes);
        using GuestWriteTracker largeTracker = large.Track();
        using (peer)
        {
            int copy = NewCopy(bytes);
            peer.ShareMemory(large, largeTracker, copy);
            Events.Close(copy);
            new Span<byte>(large.Ram + PageBytes, (int)bytes - 2 * PageBytes).Fill(3);
            FreezeOutcome outcome = peer.Exchange(largeTracker, PeerCommand.Replace, TimeoutMs, out int descriptor);
            Assert.Equal((FreezeResult.Replaced, FreezePeer.Right), (outcome.Result, peer.Verdict));
            Assert.Equal(1, outcome.WrittenRegions);
            large.Adopt(descriptor);
            Assert.Equal((0, 3), (large.Ram[0], large.Ram[PageBytes]));
            large.Ram[0] = 9;
            Assert.Equal(9, large.Host[0]);
        }
    }

    [Fact]
    public void Without_an_answer_the_old_memory_goes_on_after_the_time()
    {
        (TrackedRam ram, GuestWriteTracker tracker, FreezePeerProcess peer) = Attach();
        using (ram)
        using (tracker)
        using (peer)
        {
            FreezeOutcome outcome = peer.Exchange(tracker, PeerCommand.Ignore, 30, out int descriptor);
            Assert.Equal((FreezeResult.NoAnswer, -1, 0), (outcome.Result, descriptor, peer.Answered));
            Assert.InRange(outcome.FrozenNs, 29_000_000, 5_000_000_000);
            ram.Ram[0] = 5;
            Assert.Equal(5, ram.Host[0]);
            Assert.Equal(FreezeResult.Refused, peer.Exchange(tracker, PeerCommand.Watch, TimeoutMs, out _).Result);
        }
    }

    [Theory]
    [InlineData((byte)PeerCommand.OfferSmall)]
    [InlineData((byte)PeerCommand.OfferUnsealed)]
    public void Memory_that_could_be_missing_is_not_mapped(byte command)
    {
        (TrackedRam ram, GuestWriteTracker tracker, FreezePeerProcess peer) = Attach();
        using (ram)
        using (tracker)
        using (peer)
        {
            FreezeOutcome outcome = peer.Exchange(tracker, (PeerCommand)command, TimeoutMs, out int descriptor);
            Assert.Equal(FreezeResult.UnusableMemory, outcome.Result);
            Assert.True(descriptor >= 0);
            Events.Close(descriptor);
            ram.Ram[0] = 5;
            Assert.Equal(5, ram.Host[0]);
            Assert.True(tracker.IsTracking);
        }
    }

    [Fact]
    public void A_host_that_dies_thaws_its_guest()
    {
        (TrackedRam ram, GuestWriteTracker tracker, FreezePeerProcess peer) = Attach();
        using (ram)
        using (tracker)
        using (peer)
        {
            Assert.Equal(FreezeResult.PeerClosed, peer.Exchange(tracker, PeerCommand.Die, TimeoutMs, out _).Result);
            FreezeOutcome again = peer.Exchange(tracker, PeerCommand.Watch, TimeoutMs, out _);
            Assert.Equal((FreezeResult.Failed, "sendmsg", Errno.EPIPE), (again.Result, again.FailedCall, again.Errno));
            ram.Ram[0] = 5;
            Assert.Equal(5, ram.Host[0]);
        }
    }

    [Fact]
    public void Disposing_during_a_freeze_thaws()
    {
        (TrackedRam ram, GuestWriteTracker tracker, FreezePeerProcess peer) = Attach();
        using (ram)
        using (peer)
        using (new CollectorPressure())
        using (var waiting = new KernelWriter(ram.Ram, RamBytes / 2))
        {
            // Managed code that waited would hold up the first collection, and with it the disposer.
            var disposer = new Thread(() =>
            {
                Thread.Sleep(50);
                tracker.Dispose();
            });
            disposer.Start();
            FreezeOutcome outcome = peer.Exchange(tracker, PeerCommand.Ignore, 20_000, out _);
            Assert.Equal(FreezeResult.Interrupted, outcome.Result);
            Assert.InRange(outcome.FrozenNs, 0, 10_000_000_000);
            disposer.Join();
            Assert.Throws<ObjectDisposedException>(() => peer.Exchange(tracker, PeerCommand.Watch, TimeoutMs, out _));
            long before = waiting.Writes;
            using var writers = new RamWriters(ram.Ram + RamBytes / 2, RamBytes / 2, 2);
            Assert.True(SpinWait.SpinUntil(() => waiting.Writes > before && writers.Writes > 0, TimeoutMs));
            writers.StopAndCheck();
            waiting.StopAndCheck();
        }
    }

    [Fact]
    public void An_answer_that_waits_already_needs_no_time()
    {
        using var ram = new TrackedRam(RamBytes);
        using GuestWriteTracker tracker = ram.Track();
        (int guest, int host) = UnixPair();
        int copy = NewCopy(RamBytes);
        Assert.Equal(3, DescriptorPassing.Send(host, "yes"u8, [copy, guest]));
        Span<byte> answer = stackalloc byte[8];
        Span<int> descriptors = stackalloc int[4];
        FreezeOutcome outcome = tracker.Exchange("now"u8, guest, 0, answer, out int bytes, descriptors, out int count);
        Assert.Equal((FreezeResult.Replaced, 3, 2), (outcome.Result, bytes, count));
        Assert.True(answer[..3].SequenceEqual("yes"u8));
        Span<byte> message = stackalloc byte[8];
        Assert.Equal(3, DescriptorPassing.Receive(host, message, [], out _));
        Assert.True(message[..3].SequenceEqual("now"u8));
        ram.Ram[0] = 7;
        ram.Adopt(descriptors[0]);
        Assert.Equal(7, ram.Host[0]);
        foreach (int descriptor in (ReadOnlySpan<int>)[guest, host, copy, descriptors[1]])
            Events.Close(descriptor);
    }

    [Fact]
    public void An_exchange_without_message_or_room_for_the_answer_is_refused()
    {
        using var ram = new TrackedRam(RamBytes);
        using GuestWriteTracker tracker = ram.Track();
        Assert.Throws<ArgumentException>(() => tracker.Exchange([], 0, 1, new byte[1], out _, [], out _));
        Assert.Throws<ArgumentException>(() => tracker.Exchange([1], 0, 1, [], out _, [], out _));
        Assert.Throws<ArgumentException>(() => tracker.Exchange([1], 0, -1, new byte[1], out _, [], out _));
    }
}
