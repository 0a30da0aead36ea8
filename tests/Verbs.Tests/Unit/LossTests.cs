using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

public sealed class LossTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public enum Cause
    {
        DaemonDied,
        Closed,
        Failed,
    }

    [Theory]
    [InlineData(Cause.DaemonDied)]
    [InlineData(Cause.Closed)]
    [InlineData(Cause.Failed)]
    public void After_the_loss_every_verb_says_so_and_disposing_works(Cause cause)
    {
        using var bench = new FakeBench();
        bench.Complete(42);
        Lose(bench, cause);

        // What completed before the loss is still handed over.
        Assert.Equal(42ul, PollOne(bench).WorkRequestId);
        Action[] verbs =
        [
            () => PollOne(bench),
            () => bench.QueuePair.PostSend(default, []),
            () => bench.QueuePair.PostReceive(0, []),
            () => bench.Queue.RequestNotification(),
            () => bench.QueuePair.ToError(),
            () => bench.Context.AllocateProtectionDomain(),
            () => bench.Channel.TryGetEvent(out _),
        ];
        Assert.All(verbs, verb => Assert.Equal(Errno.NoDevice, Assert.Throws<DeviceLostException>(verb).Errno));
        Assert.True(bench.Context.IsLost);
        Assert.True(bench.Context.TryGetAsyncEvent(out AsyncEvent fatal));
        Assert.Equal(AsyncEventType.DeviceFatal, fatal.Type);
        Assert.False(bench.Context.TryGetAsyncEvent(out _));
        bench.QueuePair.Dispose();
        bench.Queue.Dispose();
        bench.Domain.Dispose();
        bench.Channel.Dispose();
    }

    [Theory]
    [InlineData(Cause.DaemonDied)]
    [InlineData(Cause.Closed)]
    [InlineData(Cause.Failed)]
    public async Task Every_sleeper_learns_of_the_loss(Cause cause)
    {
        using var bench = new FakeBench();
        CancellationToken token = TestContext.Current.CancellationToken;
        Task[] sleepers = [bench.Queue.WaitAsync(token).AsTask(), bench.Channel.GetEventAsync(token).AsTask()];
        Task<AsyncEvent> events = bench.Context.WaitAsyncEventAsync(token).AsTask();
        Task<AsyncEvent> moreEvents = bench.Context.WaitAsyncEventAsync(token).AsTask();
        Lose(bench, cause);
        foreach (Task sleeper in sleepers)
        {
            await Assert.ThrowsAsync<DeviceLostException>(() => sleeper.WaitAsync(Patience, token));
        }

        Assert.Equal(AsyncEventType.DeviceFatal, (await events.WaitAsync(Patience, token)).Type);
        await Assert.ThrowsAsync<DeviceLostException>(() => moreEvents.WaitAsync(Patience, token));
        await Assert.ThrowsAsync<DeviceLostException>(() => bench.Queue.WaitAsync(token).AsTask().WaitAsync(Patience, token));
        await Assert.ThrowsAsync<DeviceLostException>(() => bench.Channel.GetEventAsync(token).AsTask().WaitAsync(Patience, token));
        await Assert.ThrowsAsync<DeviceLostException>(() => bench.Context.WaitAsyncEventAsync(token).AsTask().WaitAsync(Patience, token));
    }

    [Fact]
    public async Task Disposing_the_context_ends_waits_and_later_use_is_an_error_not_a_crash()
    {
        using var device = new FakeDevice();
        RdmaContext context = RdmaContext.Open(device.Channel);
        CompletionChannel channel = context.CreateCompletionChannel();
        CompletionQueue queue = context.CreateCompletionQueue(4, channel);
        ProtectionDomain domain = context.AllocateProtectionDomain();
        GuestMemory memory = context.AllocateMemory(100);
        MemoryRegion region = domain.RegisterMemory(memory, AccessFlags.None);
        QueuePair queuePair = domain.CreateQueuePair(new QueuePairOptions { SendCompletionQueue = queue, ReceiveCompletionQueue = queue });
        CancellationToken token = TestContext.Current.CancellationToken;
        Task[] sleepers = [queue.WaitAsync(token).AsTask(), channel.GetEventAsync(token).AsTask(), context.WaitAsyncEventAsync(token).AsTask()];
        context.Dispose();
        foreach (Task sleeper in sleepers)
        {
            await Assert.ThrowsAsync<ObjectDisposedException>(() => sleeper.WaitAsync(Patience, token));
        }

        Action[] verbs =
        [
            () => queue.Poll(new WorkCompletion[1]),
            () => queue.RequestNotification(),
            () => queue.WaitAsync(token).AsTask(),
            () => queuePair.PostReceive(0, []),
            () => queuePair.PostSend(default, []),
            () => queuePair.Query(),
            () => context.AllocateMemory(1),
            () => context.AllocateProtectionDomain(),
            () => context.QueryDevice(),
            () => context.QueryPort(),
            () => channel.TryGetEvent(out _),
            () => _ = memory.Span.Length,
            () => domain.RegisterMemory(memory, AccessFlags.None),
        ];
        Assert.All(verbs, verb => Assert.Throws<ObjectDisposedException>(verb));
        region.Dispose();
        queuePair.Dispose();
        memory.Dispose();
        domain.Dispose();
        queue.Dispose();
        channel.Dispose();
        context.Dispose();
    }

    private static WorkCompletion PollOne(FakeBench bench)
    {
        var one = new WorkCompletion[1];
        return bench.Queue.Poll(one) == 1 ? one[0] : throw new InvalidOperationException("an empty queue");
    }

    private static void Lose(FakeBench bench, Cause cause)
    {
        switch (cause)
        {
            case Cause.DaemonDied:
                bench.Device.Channel.MarkLost();
                break;
            case Cause.Closed:
                bench.Device.SetState(DeviceControlPage.StateClosed);
                break;
            default:
                bench.Device.RaiseEvent(PvrdmaEvent.DeviceFatal, 1);
                bench.Device.SetState(DeviceControlPage.StateFatal);
                break;
        }
    }
}
