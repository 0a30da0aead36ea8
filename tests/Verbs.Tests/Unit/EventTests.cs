using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

public sealed class EventTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_notification_reaches_the_channel_once_per_arming()
    {
        using var bench = new FakeBench();
        Assert.False(bench.Device.Notify(bench.Queue.Handle));
        bench.Queue.RequestNotification();
        Assert.True(bench.Device.Notify(bench.Queue.Handle));
        Assert.False(bench.Device.Notify(bench.Queue.Handle));
        Assert.Same(bench.Queue, await bench.Channel.GetEventAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.False(bench.Channel.TryGetEvent(out _));
    }

    [Fact]
    public void A_solicited_request_does_not_weaken_a_pending_one()
    {
        using var bench = new FakeBench();
        bench.Queue.RequestNotification(solicitedOnly: true);
        Assert.False(bench.Device.Notify(bench.Queue.Handle));
        bench.Queue.RequestNotification();
        bench.Queue.RequestNotification(solicitedOnly: true);
        Assert.True(bench.Device.Notify(bench.Queue.Handle));
        Assert.True(bench.Channel.TryGetEvent(out CompletionQueue? fired));
        Assert.Same(bench.Queue, fired);
    }

    [Fact]
    public async Task A_sleeper_is_woken_by_a_later_notification()
    {
        using var bench = new FakeBench();
        for (int round = 0; round < 20; round++)
        {
            bench.Queue.RequestNotification();
            Task<CompletionQueue> sleeper = bench.Channel.GetEventAsync(TestContext.Current.CancellationToken).AsTask();
            Assert.False(sleeper.IsCompleted);
            Assert.True(bench.Device.Notify(bench.Queue.Handle));
            Assert.Same(bench.Queue, await sleeper.WaitAsync(Patience, TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task Waiting_for_a_completion_sees_one_that_is_there_and_one_that_comes()
    {
        using var bench = new FakeBench();
        bench.Complete(1);
        Assert.True(bench.Queue.WaitAsync(TestContext.Current.CancellationToken).IsCompletedSuccessfully);
        bench.PollAll();
        Task[] sleepers = [.. Enumerable.Range(0, 3).Select(_ => bench.Queue.WaitAsync(TestContext.Current.CancellationToken).AsTask())];
        Assert.All(sleepers, sleeper => Assert.False(sleeper.IsCompleted));
        bench.Complete(2);
        Assert.True(bench.Device.Notify(bench.Queue.Handle));
        await Task.WhenAll(sleepers).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Single(bench.PollAll());
    }

    [Fact]
    public async Task No_wakeup_is_lost_between_arming_and_completing()
    {
        const int total = 5_000;
        using var bench = new FakeBench(entries: 64);
        var device = new Thread(() =>
        {
            for (uint i = 0; i < total; i++)
            {
                while (RingIndex.Used(i & 127, bench.FakeQueue.ConsumerHead, 64) >= 64)
                    Thread.Yield();
                bench.Complete(i);
                bench.Device.Notify(bench.Queue.Handle);
            }
        });
        device.Start();
        ulong expected = 0;
        while (expected < total)
        {
            await bench.Queue.WaitAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken);
            foreach (WorkCompletion completion in bench.PollAll())
                Assert.Equal(expected++, completion.WorkRequestId);
        }

        device.Join();
    }

    [Fact]
    public async Task A_wait_can_be_cancelled_and_the_next_one_works()
    {
        using var bench = new FakeBench();
        for (int round = 0; round < 10; round++)
        {
            using var cancellation = new CancellationTokenSource();
            Task[] waits =
            [
                bench.Queue.WaitAsync(cancellation.Token).AsTask(),
                bench.Channel.GetEventAsync(cancellation.Token).AsTask(),
                bench.Context.WaitAsyncEventAsync(cancellation.Token).AsTask(),
            ];
            await cancellation.CancelAsync();
            foreach (Task wait in waits)
            {
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.WaitAsync(Patience, TestContext.Current.CancellationToken));
            }

            Assert.True(bench.Queue.WaitAsync(cancellation.Token).IsCanceled);
        }

        Task last = bench.Queue.WaitAsync(TestContext.Current.CancellationToken).AsTask();
        bench.Complete(1);
        Assert.True(bench.Device.Notify(bench.Queue.Handle));
        await last.WaitAsync(Patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Asynchronous_events_name_their_object()
    {
        using var bench = new FakeBench();
        Assert.False(bench.Context.TryGetAsyncEvent(out _));
        bench.Device.RaiseEvent(PvrdmaEvent.QpAccessError, bench.QueuePair.Handle);
        bench.Device.RaiseEvent(PvrdmaEvent.CqError, bench.Queue.Handle);
        bench.Device.RaiseEvent(PvrdmaEvent.PortActive, 1);
        Assert.True(bench.Context.TryGetAsyncEvent(out AsyncEvent first));
        Assert.Equal((AsyncEventType.QueuePairAccessError, bench.QueuePair), (first.Type, first.QueuePair));
        AsyncEvent second = await bench.Context.WaitAsyncEventAsync(TestContext.Current.CancellationToken);
        Assert.Equal((AsyncEventType.CompletionQueueError, bench.Queue), (second.Type, second.CompletionQueue));
        AsyncEvent third = await bench.Context.WaitAsyncEventAsync(TestContext.Current.CancellationToken);
        Assert.Equal((AsyncEventType.PortActive, 1u), (third.Type, third.Info));
        Task<AsyncEvent> sleeper = bench.Context.WaitAsyncEventAsync(TestContext.Current.CancellationToken).AsTask();
        bench.Device.RaiseEvent(PvrdmaEvent.QpFatal, 9999);
        AsyncEvent fourth = await sleeper.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal((AsyncEventType.QueuePairFatal, null, 9999u), (fourth.Type, fourth.QueuePair, fourth.Info));
    }

    [Fact]
    public void Those_who_arm_and_never_ask_overflow_nothing_and_find_one_notification()
    {
        using var bench = new FakeBench();
        for (int i = 0; i < 10_000; i++)
        {
            bench.Queue.RequestNotification();
            Assert.True(bench.Device.Notify(bench.Queue.Handle));
        }

        bench.Context.Pump.Drain();
        Assert.True(bench.Channel.TryGetEvent(out CompletionQueue? fired));
        Assert.Same(bench.Queue, fired);
        Assert.False(bench.Channel.TryGetEvent(out _));
        bench.Queue.RequestNotification();
        Assert.True(bench.Device.Notify(bench.Queue.Handle));
        Assert.True(bench.Channel.TryGetEvent(out _));
    }

    [Fact]
    public void A_destroyed_queue_takes_its_notifications_along()
    {
        using var bench = new FakeBench();
        using CompletionQueue doomed = bench.Context.CreateCompletionQueue(4, bench.Channel);
        bench.Queue.RequestNotification();
        doomed.RequestNotification();
        Assert.True(bench.Device.Notify(doomed.Handle));
        Assert.True(bench.Device.Notify(bench.Queue.Handle));
        bench.Context.Pump.Drain();
        doomed.Dispose();
        Assert.True(bench.Channel.TryGetEvent(out CompletionQueue? fired));
        Assert.Same(bench.Queue, fired);
        Assert.False(bench.Channel.TryGetEvent(out _));
    }
}
