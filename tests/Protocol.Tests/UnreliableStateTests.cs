using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;
using static RoceEngine.Protocol.TransportService;

namespace RoceEngine.Protocol.Tests;

/// <summary>Draining, flushing, leaving and pacing of the services without acknowledgements.</summary>
public class UnreliableStateTests
{
    [Theory]
    [InlineData(UnreliableConnection)]
    [InlineData(UnreliableDatagram)]
    public void A_drained_queue_tells_once_all_that_was_sent_is_complete(TransportService service)
    {
        var pair = Make(service);
        pair.Post(pair.Send(1, 10));
        pair.Poll();
        Drain(pair, notify: true);
        Assert.Empty(pair.FirstRings.Events);
        pair.Post(pair.Send(2, 10));
        pair.Settle();
        Assert.Equal([QueuePairEvent.SendQueueDrained], pair.FirstRings.Events);
        Assert.Equal(1ul, Assert.Single(pair.FirstRings.SendEntries).WorkRequestId);
        To(pair.First, QueuePairState.ReadyToSend);
        pair.Settle();
        Assert.Equal([1ul, 2], pair.FirstRings.SendEntries.Select(done => done.WorkRequestId));
        Drain(pair, notify: false);
        pair.Settle();
        Assert.Single(pair.FirstRings.Events);
    }

    [Fact]
    public void A_message_that_is_begun_is_finished_before_the_queue_is_drained()
    {
        var pair = Make(UnreliableConnection);
        pair.PostReceive(1, 8192);
        pair.Post(pair.Send(1, 8192));
        pair.Post(pair.Send(2, 100));
        Assert.Equal(3, pair.Poll(budget: 3));
        Drain(pair, notify: true);
        pair.Settle();
        Assert.Equal(8192u, Assert.Single(pair.Received).Bytes);
        Assert.Equal([QueuePairEvent.SendQueueDrained], pair.FirstRings.Events);
        Assert.Single(pair.FirstRings.SendsDone);
    }

    [Theory]
    [InlineData(UnreliableConnection)]
    [InlineData(UnreliableDatagram)]
    public void The_error_state_completes_what_was_sent_and_flushes_the_rest_in_order(TransportService service)
    {
        var pair = Make(service);
        pair.Post(pair.Send(1, 10));
        pair.Poll();
        pair.Post(pair.Send(2, 10));
        pair.Post(pair.Send(3, 10));
        PostReceiveOfFirst(pair, 7);
        To(pair.First, QueuePairState.Error);
        pair.Post(pair.Send(4, 10));
        PostReceiveOfFirst(pair, 8);
        pair.First.HandleReceiveDoorbell(pair.NowNs);
        Assert.Equal(
            [(1ul, CompletionStatus.Success), (2, CompletionStatus.FlushError), (3, CompletionStatus.FlushError), (4, CompletionStatus.FlushError)],
            pair.FirstRings.SendEntries.Select(done => (done.WorkRequestId, done.Status)));
        Assert.Equal([7ul, 8], pair.FirstRings.ReceivesDone.Select(done => done.WorkRequestId));
        Assert.All(pair.FirstRings.ReceivesDone, done => Assert.Equal(CompletionStatus.FlushError, done.Status));
        pair.Settle();
        Assert.Equal((0, 0), (pair.A.Resources.SlotsInUse, pair.A.Timers.Count));
    }

    [Theory]
    [InlineData(UnreliableConnection, true)]
    [InlineData(UnreliableConnection, false)]
    [InlineData(UnreliableDatagram, true)]
    [InlineData(UnreliableDatagram, false)]
    public void Reset_and_destroy_complete_nothing_and_hold_nothing(TransportService service, bool destroy)
    {
        var pair = Make(service);
        pair.Post(pair.Send(1, 1000));
        pair.Post(pair.Send(2, 1000));
        pair.Poll(budget: 1);
        PostReceiveOfFirst(pair, 7);
        if (destroy)
        {
            pair.First.Destroy();
        }
        else
        {
            To(pair.First, QueuePairState.Reset);
        }

        pair.Wait(1_000_000_000);
        pair.Poll();
        Assert.Empty(pair.FirstRings.SendsDone);
        Assert.Empty(pair.FirstRings.ReceivesDone);
        Assert.Equal((0, 0), (pair.A.Resources.SlotsInUse, pair.A.Timers.Count));
    }

    [Theory]
    [InlineData(UnreliableConnection)]
    [InlineData(UnreliableDatagram)]
    public void A_shared_queue_serves_it_is_left_alone_by_the_error_state_and_told_of(TransportService service)
    {
        var pair = Make(service, shared: true);
        pair.PostReceive(1, 200);
        pair.PostReceive(2, 200);
        pair.Post(pair.Send(1, 10));
        pair.Settle();
        Assert.Equal(1ul, Assert.Single(pair.Received).WorkRequestId);
        To(pair.Second, QueuePairState.Error);
        Assert.Single(pair.Received);
        Assert.Single(pair.SecondRings.Receives);
        Assert.Equal([QueuePairEvent.LastWorkRequestReached], pair.SecondRings.Events);
    }

    [Theory]
    [InlineData(QueuePairState.Reset, false)]
    [InlineData(QueuePairState.Init, false)]
    [InlineData(QueuePairState.ReadyToReceive, true)]
    [InlineData(QueuePairState.ReadyToSend, true)]
    [InlineData(QueuePairState.SendQueueDrained, true)]
    [InlineData(QueuePairState.Error, false)]
    public void Packets_are_taken_from_ready_to_receive_until_the_error_state(QueuePairState state, bool takes)
    {
        var pair = Make(UnreliableDatagram);
        pair.Post(pair.Send(1, 10));
        pair.Poll();
        Bring(pair, state);
        pair.PostReceive(1, 200);
        int before = pair.Received.Count;
        pair.Deliver();
        Assert.Equal(takes ? 1 : 0, pair.Received.Count - before);
        Assert.Equal(takes ? 0 : 1, pair.B.Counters.DroppedWrongState);
    }

    [Fact]
    public void The_first_packet_in_ready_to_receive_is_told_to_a_connection()
    {
        var pair = Make(UnreliableConnection);
        pair.Post(pair.Send(1, 10));
        pair.Post(pair.Send(2, 10));
        pair.Poll();
        Bring(pair, QueuePairState.ReadyToReceive);
        pair.Deliver();
        Assert.Equal([QueuePairEvent.CommunicationEstablished], pair.SecondRings.Events);
    }

    [Fact]
    public void What_nobody_acknowledges_is_paced_by_the_window_of_its_path_and_all_of_it_goes()
    {
        const long windowBytes = 64 * 1024;
        const uint messageBytes = 1 << 20;
        var pair = new UnreliablePair(new UnreliableOptions { Service = UnreliableConnection, PathMtuBytes = 4096, WindowLimitBytes = windowBytes });
        pair.PostReceive(1, messageBytes);
        pair.Post(pair.Send(1, messageBytes));
        long startNs = pair.NowNs;
        int burst = 0;
        while (pair.A.Scheduled.Count > 0)
        {
            burst = pair.Poll();
        }

        Assert.InRange(burst, 1, windowBytes / 4096);
        pair.Settle();
        Assert.Equal(messageBytes, Assert.Single(pair.Received).Bytes);
        Assert.Equal(0, pair.A.Paths[pair.B.Address].Window.InFlightBytes);

        // Sixteen windows: some milliseconds, neither at once nor for ever.
        Assert.InRange(pair.NowNs - startNs, 2_000_000, 8_000_000);
    }

    [Fact]
    public void Those_who_share_a_path_are_paced_together_and_none_starves()
    {
        var pair = new UnreliablePair(new UnreliableOptions { Service = UnreliableConnection, PathMtuBytes = 4096, WindowLimitBytes = 64 * 1024 });
        var others = new List<QueuePair> { pair.First };
        for (uint qpn = 100; qpn < 107; qpn++)
        {
            QueuePair other = pair.A.Create(qpn, service: UnreliableConnection);
            UnreliablePair.ToReady(other, pair.B.Address, UnreliablePair.SecondQpn, pair.Options);
            others.Add(other);
        }

        foreach (QueuePair qp in others)
        {
            for (ulong id = 0; id < 50; id++)
            {
                FakeHost.RingsOf(qp).Sends.Enqueue(pair.Send(id, 8192) with { Flags = SendFlags.None });
            }

            qp.HandleSendDoorbell(pair.NowNs);
        }

        while (others.Sum(qp => FakeHost.RingsOf(qp).SendsDone.Count) < 200)
        {
            pair.Poll();
            pair.Sent.Clear();
            pair.Wait(10_000);
        }

        Assert.All(others, qp => Assert.InRange(FakeHost.RingsOf(qp).SendsDone.Count, 8, 50));
    }

    private static UnreliablePair Make(TransportService service, bool shared = false) =>
        new(new UnreliableOptions { Service = service, Shared = shared });

    private static void To(QueuePair qp, QueuePairState state) =>
        Assert.Equal(0, qp.Modify(new QueuePairAttributes { State = state }, QueuePairAttributeMask.State, 2_000_000));

    private static void Drain(UnreliablePair pair, bool notify) => Assert.Equal(0, pair.First.Modify(
        new QueuePairAttributes { State = QueuePairState.SendQueueDrained, EnableDrainedNotify = notify },
        QueuePairAttributeMask.State | QueuePairAttributeMask.EnableDrainedNotify,
        pair.NowNs));

    /// <summary>Brings the second QP, which is ready to send, to a state.</summary>
    private static void Bring(UnreliablePair pair, QueuePairState state)
    {
        if (state is QueuePairState.SendQueueDrained or QueuePairState.Error)
        {
            To(pair.Second, state);
        }
        else if (state != QueuePairState.ReadyToSend)
        {
            To(pair.Second, QueuePairState.Reset);
            if (state != QueuePairState.Reset)
            {
                Assert.Equal(0, UnreliablePair.ToInit(pair.Second, pair.Options));
            }

            if (state == QueuePairState.ReadyToReceive)
            {
                Assert.Equal(0, UnreliablePair.ToReceive(pair.Second, pair.A.Address, UnreliablePair.FirstQpn, pair.Options));
            }
        }
    }

    private static void PostReceiveOfFirst(UnreliablePair pair, ulong id)
    {
        var request = new ReceiveWorkRequest { WorkRequestId = id, SgeCount = 1, TotalBytes = 100 };
        request.Sges[0] = new ScatterGatherEntry { Address = pair.A.Memory.BaseAddress, Length = 100, LocalKey = pair.LocalKey };
        pair.FirstRings.Receives.Enqueue(request);
        pair.First.HandleReceiveDoorbell(pair.NowNs);
    }
}
