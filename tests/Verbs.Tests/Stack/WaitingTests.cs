namespace RoceEngine.Verbs.Tests;

/// <summary>Notifications and sleeping waits.</summary>
public abstract class WaitingTests(StackMode mode)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task A_notification_comes_for_the_next_completion_and_not_for_the_last()
    {
        using var duo = new Duo(mode);
        duo.Left.Post(SendOpcode.Write, 0, 8, 1, duo.Right);
        duo.NextSuccess(duo.Left.SendQueue);
        duo.Left.SendQueue.RequestNotification();
        Assert.False(duo.Left.Channel.TryGetEvent(out _));
        for (ulong i = 2; i < 30; i++)
        {
            duo.Left.Post(SendOpcode.Write, 0, 8, i, duo.Right);
            CompletionQueue fired = await Patiently(duo.Left.Channel.GetEventAsync(TestContext.Current.CancellationToken));
            Assert.Same(duo.Left.SendQueue, fired);
            Assert.Equal(i, duo.NextSuccess(fired).WorkRequestId);
            Assert.False(duo.Left.Channel.TryGetEvent(out _));
            fired.RequestNotification();
        }
    }

    [Fact]
    public async Task Only_solicited_completions_wake_who_asked_for_those()
    {
        using var duo = new Duo(mode);
        for (ulong i = 0; i < 4; i++)
            duo.Right.Receive(i, 0, 100);
        duo.Right.ReceiveQueue.RequestNotification(solicitedOnly: true);
        duo.Left.Post(SendOpcode.Send, 0, 10);
        Assert.Equal(0ul, duo.NextSuccess(duo.Right.ReceiveQueue).WorkRequestId);
        Assert.False(duo.Right.Channel.TryGetEvent(out _));
        duo.Left.Post(SendOpcode.Send, 0, 10, flags: SendFlags.Solicited);
        Assert.Same(duo.Right.ReceiveQueue, await Patiently(duo.Right.Channel.GetEventAsync(TestContext.Current.CancellationToken)));
        Assert.Equal(1ul, duo.NextSuccess(duo.Right.ReceiveQueue).WorkRequestId);

        // An error counts as solicited.
        duo.Right.ReceiveQueue.RequestNotification(solicitedOnly: true);
        duo.Right.QueuePair.ToError();
        Assert.Same(duo.Right.ReceiveQueue, await Patiently(duo.Right.Channel.GetEventAsync(TestContext.Current.CancellationToken)));
        Assert.Equal(CompletionStatus.FlushError, duo.Next(duo.Right.ReceiveQueue).Status);
    }

    [Fact]
    public async Task Two_sleepers_play_ping_pong()
    {
        const int rounds = 100;
        using var duo = new Duo(mode);
        for (int i = 0; i < 4; i++)
        {
            duo.Left.Receive(0, 64, 64);
            duo.Right.Receive(0, 64, 64);
        }

        await Patiently(new ValueTask(Task.WhenAll(Play(duo.Left, first: true), Play(duo.Right, first: false))));

        static async Task Play(Endpoint end, bool first)
        {
            if (first)
                Send(0);
            for (int round = 0; round < rounds; round++)
            {
                WorkCompletion received = await NextAsync(end.ReceiveQueue);
                Assert.Equal((CompletionStatus.Success, (uint)round), (received.Status, received.ImmediateData));
                end.Receive(0, 64, 64);
                if (!first || round + 1 < rounds)
                    Send((uint)(first ? round + 1 : round));
                if (!first && round + 1 == rounds)
                    break;
            }

            for (int sent = 0; sent < rounds; sent++)
                Assert.Equal(CompletionStatus.Success, (await NextAsync(end.SendQueue)).Status);

            void Send(uint number) => end.Post(SendOpcode.SendWithImmediate, 0, 16, immediate: number);
        }
    }

    [Fact]
    public async Task A_sleeper_gets_a_large_transfer_done_while_nobody_polls()
    {
        const int bytes = 3 << 20;
        using var duo = new Duo(mode, new EndpointOptions { MemoryBytes = bytes });
        byte[] there = duo.Right.Fill(0, bytes, seed: 6);
        duo.Left.Post(SendOpcode.Read, 0, bytes, 1, duo.Right);
        Assert.Equal(CompletionStatus.Success, (await Patiently(new ValueTask<WorkCompletion>(NextAsync(duo.Left.SendQueue)))).Status);
        Assert.True(duo.Left.Bytes(0, bytes).SequenceEqual(there));
    }

    [Fact]
    public async Task A_sleeper_learns_of_an_asynchronous_event()
    {
        using var duo = new Duo(mode);
        Task<AsyncEvent> sleeper = NextFailure();
        duo.Left.QueuePair.PostSend(
            new SendRequest { Opcode = SendOpcode.Write, RemoteAddress = duo.Right.Region.Address, RemoteKey = duo.Right.Region.RemoteKey ^ 0xFF00 },
            duo.Left.Region.Entry(0, 8));
        AsyncEvent told = await Patiently(new ValueTask<AsyncEvent>(sleeper));
        Assert.Equal((AsyncEventType.QueuePairAccessError, duo.Right.QueuePair), (told.Type, told.QueuePair));

        async Task<AsyncEvent> NextFailure()
        {
            while (true)
            {
                AsyncEvent next = await duo.Right.Context.WaitAsyncEventAsync(TestContext.Current.CancellationToken);
                if (next.Type != AsyncEventType.CommunicationEstablished)
                    return next;
            }
        }
    }

    private static async Task<WorkCompletion> NextAsync(CompletionQueue queue)
    {
        var one = new WorkCompletion[1];
        while (queue.Poll(one) == 0)
            await queue.WaitAsync(TestContext.Current.CancellationToken);
        return one[0];
    }

    private static Task<T> Patiently<T>(ValueTask<T> task) => task.AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken);

    private static Task Patiently(ValueTask task) => task.AsTask().WaitAsync(Patience, TestContext.Current.CancellationToken);
}
