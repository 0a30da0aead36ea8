namespace RoceEngine.Verbs.Tests;

/// <summary>Shared receive queues through the whole stack: two connections into one queue.</summary>
public abstract class SharedReceiveTests(StackMode mode)
{
    [Fact]
    public void Connections_take_receives_in_the_order_of_the_posts()
    {
        using var stage = new Stage(mode);
        Duo duo = stage.Duo;
        for (ulong id = 0; id < 20; id++)
            stage.Queue.PostReceive(id, duo.Right.Region.Entry((int)id * 2_000, 2_000));
        for (int i = 0; i < 20; i++)
        {
            int connection = (i / 3) % 2;
            byte[] sent = duo.Left.Fill(0, 1_500, seed: i);
            stage.Senders[connection].PostSend(
                new SendRequest { Opcode = SendOpcode.Send, Flags = SendFlags.Signaled }, duo.Left.Region.Entry(0, 1_500));
            WorkCompletion received = duo.NextSuccess(duo.Right.ReceiveQueue);
            Assert.Equal(((ulong)i, stage.Receivers[connection].Number), (received.WorkRequestId, received.QueuePairNumber));
            Assert.True(duo.Right.Bytes(i * 2_000, 1_500).SequenceEqual(sent));
            duo.NextSuccess(duo.Left.SendQueue);
        }
    }

    [Fact]
    public void An_empty_queue_is_waited_for()
    {
        using var stage = new Stage(mode);
        foreach (QueuePair sender in stage.Senders)
            sender.PostSend(new SendRequest { Opcode = SendOpcode.Send, Flags = SendFlags.Signaled }, stage.Duo.Left.Region.Entry(0, 100));
        long until = Environment.TickCount64 + 5;
        stage.Duo.Until(() => Environment.TickCount64 > until, "time stands still");
        Assert.Equal(0, stage.Duo.Left.SendQueue.Poll(new WorkCompletion[1]));
        stage.Queue.PostReceive(1, stage.Duo.Right.Region.Entry(0, 100));
        Assert.Equal(1ul, stage.Duo.NextSuccess(stage.Duo.Right.ReceiveQueue).WorkRequestId);
        stage.Queue.PostReceive(2, stage.Duo.Right.Region.Entry(0, 100));
        Assert.Equal(2ul, stage.Duo.NextSuccess(stage.Duo.Right.ReceiveQueue).WorkRequestId);
        stage.Duo.NextSuccess(stage.Duo.Left.SendQueue);
        stage.Duo.NextSuccess(stage.Duo.Left.SendQueue);
    }

    [Fact]
    public void The_limit_is_told_once()
    {
        using var stage = new Stage(mode);
        for (ulong id = 0; id < 4; id++)
            stage.Queue.PostReceive(id, stage.Duo.Right.Region.Entry(0, 100));
        stage.Queue.SetLimit(3);
        Assert.Equal(new SharedReceiveQueueAttributes(64, 1, 3), stage.Queue.Query());
        for (int i = 0; i < 4; i++)
        {
            stage.Senders[i % 2].PostSend(new SendRequest { Opcode = SendOpcode.Send }, stage.Duo.Left.Region.Entry(0, 10));
            stage.Duo.NextSuccess(stage.Duo.Right.ReceiveQueue);
        }

        AsyncEvent told = NextBut(stage.Duo, AsyncEventType.CommunicationEstablished);
        Assert.Equal((AsyncEventType.SharedReceiveQueueLimitReached, stage.Queue), (told.Type, told.SharedReceiveQueue));
        Assert.Equal(0, stage.Queue.Query().Limit);
        Assert.False(stage.Duo.Right.Context.TryGetAsyncEvent(out AsyncEvent more) && more.Type == AsyncEventType.SharedReceiveQueueLimitReached);
    }

    [Fact]
    public void A_queue_pair_in_error_takes_no_more_and_says_so_and_the_others_go_on()
    {
        using var stage = new Stage(mode);
        stage.Queue.PostReceive(1, stage.Duo.Right.Region.Entry(0, 100));
        stage.Receivers[0].ToError();
        AsyncEvent told = NextBut(stage.Duo, AsyncEventType.CommunicationEstablished);
        Assert.Equal((AsyncEventType.LastWorkRequestReached, stage.Receivers[0]), (told.Type, told.QueuePair));
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(stage.Queue.Dispose).Errno);
        stage.Senders[1].PostSend(new SendRequest { Opcode = SendOpcode.Send }, stage.Duo.Left.Region.Entry(0, 10));
        WorkCompletion received = stage.Duo.NextSuccess(stage.Duo.Right.ReceiveQueue);
        Assert.Equal((1ul, stage.Receivers[1].Number), (received.WorkRequestId, received.QueuePairNumber));
    }

    [Fact]
    public void Datagrams_share_receives_too()
    {
        using var duo = new Duo(mode, new EndpointOptions { Type = QueuePairType.Ud }, connect: false);
        duo.Left.QueuePair.ActivateDatagrams(1);
        SharedReceiveQueue queue = duo.Right.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = 8 });
        QueuePair[] receivers = [.. Enumerable.Range(0, 2).Select(_ => duo.Right.Domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = duo.Right.SendQueue, ReceiveCompletionQueue = duo.Right.ReceiveQueue, Type = QueuePairType.Ud, SharedReceiveQueue = queue,
        }))];
        using AddressHandle there = duo.Left.Domain.CreateAddressHandle(new AddressHandleAttributes { DestinationAddress = duo.Right.Context.Address });
        for (ulong id = 0; id < 6; id++)
            queue.PostReceive(id, duo.Right.Region.Entry(0, 100));
        foreach (QueuePair receiver in receivers)
            receiver.ActivateDatagrams(1);
        for (int i = 0; i < 6; i++)
        {
            duo.Left.QueuePair.PostSend(
                new SendRequest { Opcode = SendOpcode.Send, Destination = there, RemoteQueuePair = receivers[i % 2].Number, RemoteQueueKey = 1 },
                duo.Left.Region.Entry(0, 10));
            WorkCompletion received = duo.NextSuccess(duo.Right.ReceiveQueue);
            Assert.Equal(((ulong)i, receivers[i % 2].Number), (received.WorkRequestId, received.QueuePairNumber));
        }

        foreach (QueuePair receiver in receivers)
            receiver.Dispose();
        queue.Dispose();
    }

    private static AsyncEvent NextBut(Duo duo, AsyncEventType skipped)
    {
        AsyncEvent told = duo.NextEvent(duo.Right);
        while (told.Type == skipped)
            told = duo.NextEvent(duo.Right);
        return told;
    }

    /// <summary>Two RC connections of one pair of endpoints; the right ends take their receives from one queue.</summary>
    private sealed class Stage : IDisposable
    {
        public Stage(StackMode mode)
        {
            Duo = new Duo(mode, connect: false);
            Queue = Duo.Right.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = 64 });
            for (int i = 0; i < 2; i++)
            {
                Senders[i] = Make(Duo.Left, null);
                Receivers[i] = Make(Duo.Right, Queue);
                Duo.Left.Connect(Senders[i], Receivers[i].AddressWith(Duo.Right.Psn));
                Duo.Right.Connect(Receivers[i], Senders[i].AddressWith(Duo.Left.Psn));
            }
        }

        public Duo Duo { get; }

        public SharedReceiveQueue Queue { get; }

        public QueuePair[] Senders { get; } = new QueuePair[2];

        public QueuePair[] Receivers { get; } = new QueuePair[2];

        public void Dispose()
        {
            foreach (QueuePair queuePair in Senders.Concat(Receivers))
                queuePair.Dispose();
            Queue.Dispose();
            Duo.Dispose();
        }

        private static QueuePair Make(Endpoint end, SharedReceiveQueue? shared) => end.Domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = end.SendQueue, ReceiveCompletionQueue = end.ReceiveQueue, SharedReceiveQueue = shared,
        });
    }
}
