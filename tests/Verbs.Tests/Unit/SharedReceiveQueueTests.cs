using CsCheck;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

public sealed class SharedReceiveQueueTests
{
    [Fact]
    public void A_receive_is_laid_out_as_the_abi_says_and_rings_no_doorbell()
    {
        using var bench = new FakeBench();
        using SharedReceiveQueue queue = bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = 5, Sges = 2 });
        Assert.Equal((8, 2), (queue.Depth, queue.Sges));
        bench.Device.SetNeedWakeup(true);
        _ = bench.Device.KicksTaken;
        queue.PostReceive(77, [new(0x1000, 10, 7), new(0x2000, 20, 8)]);
        queue.PostReceive(78, new ScatterGatherEntry(0x3000, 30, 9));
        FakeSharedReceiveQueue device = Assert.Single(bench.Device.SharedReceiveQueues.Values);
        Assert.Equal((8u, 2u), (device.Created.Attributes.MaxWr, device.Created.Attributes.MaxSge));
        Assert.Equal(2, device.Pending);
        Assert.Equal(77ul, device.Take(out PvrdmaSge[] entries).WorkRequestId);
        Assert.Equal([(0x1000ul, 10u, 7u), (0x2000ul, 20u, 8u)], entries.Select(entry => (entry.Address, entry.Length, entry.LocalKey)));
        Assert.Equal(78ul, device.Take(out entries).WorkRequestId);
        Assert.Equal(30u, Assert.Single(entries).Length);
        Assert.Empty(bench.Device.TakeDoorbells(1));
        Assert.Equal(0, bench.Device.KicksTaken);
    }

    [Fact]
    public void The_queue_wraps_for_ever_keeps_the_order_and_says_when_it_is_full()
    {
        Gen.Int[-9, 9].Array[1, 100].Sample(steps =>
        {
            using var bench = new FakeBench();
            using SharedReceiveQueue queue = bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = 8 });
            FakeSharedReceiveQueue device = bench.Device.SharedReceiveQueues.Values.Single();
            ulong posted = 0, taken = 0;
            foreach (int step in steps)
            {
                for (int i = 0; i < Math.Abs(step); i++)
                {
                    if (step > 0)
                    {
                        bool room = posted - taken < 8;
                        if (queue.TryPostReceive(posted, []) != room)
                            return false;
                        posted += room ? 1u : 0;
                    }
                    else if (taken < posted && device.Take(out _).WorkRequestId != taken++)
                    {
                        return false;
                    }
                }
            }

            return device.Pending == (int)(posted - taken);
        }, iter: 40);
    }

    [Fact]
    public void Impossible_sizes_posts_and_limits_are_refused()
    {
        using var bench = new FakeBench();
        using SharedReceiveQueue queue = bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = 4, Sges = 1 });
        Action[] bad =
        [
            () => bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = 0 }),
            () => bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = 1025 }),
            () => bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Sges = 5 }),
            () => queue.PostReceive(1, [default, default]),
            () => queue.SetLimit(-1),
            () => queue.SetLimit(5),
        ];
        Assert.All(bad, verb => Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(verb).Errno));
        for (ulong i = 0; i < 4; i++)
            queue.PostReceive(i, []);
        Assert.Equal(Errno.NoMemory, Assert.Throws<VerbsException>(() => queue.PostReceive(9, [])).Errno);
    }

    [Fact]
    public void The_limit_is_set_and_asked_for()
    {
        using var bench = new FakeBench();
        using SharedReceiveQueue queue = bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = 16, Sges = 3 });
        Assert.Equal(new SharedReceiveQueueAttributes(16, 3, 0), queue.Query());
        queue.SetLimit(5);
        Assert.Equal(new SharedReceiveQueueAttributes(16, 3, 5), queue.Query());
    }

    [Fact]
    public void A_queue_pair_on_it_has_no_receive_queue_of_its_own()
    {
        using var bench = new FakeBench();
        SharedReceiveQueue queue = bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions());
        QueuePair queuePair = bench.CreateDatagramQueuePair(queue);
        PvrdmaCreateQp created = bench.Device.QueuePairs[queuePair.Handle].Created;
        Assert.Equal((1, queue.Handle, 0u, 0u), (created.UsesSrq, created.SrqHandle, created.MaxReceiveWr, created.MaxReceiveSge));
        Assert.Equal(1 + created.SendPageCount, created.TotalPageCount);
        Assert.Equal((0, 0, queue), (queuePair.ReceiveDepth, queuePair.ReceiveSges, queuePair.SharedReceiveQueue));
        Assert.Equal(queue, queuePair.Options.SharedReceiveQueue);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => queuePair.PostReceive(1, [])).Errno);
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(queue.Dispose).Errno);
        queuePair.Dispose();
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(bench.Domain.Dispose).Errno);
        queue.Dispose();
        queue.Dispose();
        Assert.Empty(bench.Device.SharedReceiveQueues);
        Assert.Throws<ObjectDisposedException>(() => queue.PostReceive(1, []));
        Assert.Throws<ObjectDisposedException>(() => queue.Query());
        Assert.Throws<ObjectDisposedException>(() => bench.CreateDatagramQueuePair(queue));
    }

    [Fact]
    public void Another_devices_queue_is_refused_and_a_failed_creation_leaves_nothing_behind()
    {
        using var bench = new FakeBench();
        using var other = new FakeBench();
        SharedReceiveQueue foreign = other.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions());
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.CreateDatagramQueuePair(foreign)).Errno);
        foreign.Dispose();

        SharedReceiveQueue own = bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions());
        bench.Device.Errors[PvrdmaCommand.CreateQp] = Errno.NoMemory;
        Assert.Equal(Errno.NoMemory, Assert.Throws<VerbsException>(() => bench.CreateDatagramQueuePair(own)).Errno);
        own.Dispose();
        long free = bench.Context.Driver.Allocator.FreeBytes;
        bench.Device.Errors[PvrdmaCommand.CreateSrq] = Errno.NoMemory;
        Assert.Equal(
            Errno.NoMemory, Assert.Throws<VerbsException>(() => bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions())).Errno);
        Assert.Equal(free, bench.Context.Driver.Allocator.FreeBytes);
    }

    [Fact]
    public void Its_events_name_it()
    {
        using var bench = new FakeBench();
        SharedReceiveQueue queue = bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions());
        QueuePair queuePair = bench.CreateDatagramQueuePair(queue);
        bench.Device.RaiseEvent(PvrdmaEvent.SrqLimitReached, queue.Handle);
        bench.Device.RaiseEvent(PvrdmaEvent.SrqError, queue.Handle);
        bench.Device.RaiseEvent(PvrdmaEvent.QpLastWqeReached, queuePair.Handle);
        bench.Device.RaiseEvent(PvrdmaEvent.SrqLimitReached, 9999);
        (AsyncEventType, SharedReceiveQueue?, QueuePair?)[] expected =
        [
            (AsyncEventType.SharedReceiveQueueLimitReached, queue, null), (AsyncEventType.SharedReceiveQueueError, queue, null),
            (AsyncEventType.LastWorkRequestReached, null, queuePair), (AsyncEventType.SharedReceiveQueueLimitReached, null, null),
        ];
        foreach ((AsyncEventType, SharedReceiveQueue?, QueuePair?) one in expected)
        {
            Assert.True(bench.Context.TryGetAsyncEvent(out AsyncEvent told));
            Assert.Equal(one, (told.Type, told.SharedReceiveQueue, told.QueuePair));
        }
    }

    [Fact]
    public async Task Threads_post_without_losing_or_doubling_a_receive()
    {
        const int threads = 3, each = 3_000;
        using var bench = new FakeBench();
        using SharedReceiveQueue queue = bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = 64 });
        FakeSharedReceiveQueue device = bench.Device.SharedReceiveQueues.Values.Single();
        var seen = new int[threads * each];
        Task posting = Task.Run(() => Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, thread =>
        {
            for (int i = 0; i < each; i++)
            {
                while (!queue.TryPostReceive((ulong)((thread * each) + i), []))
                    Thread.Yield();
            }
        }));
        for (int taken = 0; taken < seen.Length;)
        {
            if (device.Pending > 0)
            {
                seen[device.Take(out _).WorkRequestId]++;
                taken++;
            }
            else
            {
                Thread.Yield();
            }
        }

        await posting;
        Assert.All(seen, count => Assert.Equal(1, count));
    }
}
