using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>Transitions with their effects: modify, error flush, draining, destruction.</summary>
public class StateTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(128)]
    [InlineData(300)]
    [InlineData(8192)]
    public void A_path_mtu_that_is_none_is_refused_and_changes_nothing(int mtuBytes)
    {
        var lone = new Lone(new DuoOptions());
        QueuePair qp = lone.Host.Create(50);
        Assert.Equal(0, qp.Modify(
            new QueuePairAttributes { State = QueuePairState.Init, Port = 1 },
            QueuePairAttributeMask.State | QueuePairAttributeMask.PartitionKeyIndex | QueuePairAttributeMask.Port | QueuePairAttributeMask.AccessFlags,
            0));
        var attributes = new QueuePairAttributes
        {
            State = QueuePairState.ReadyToReceive, PathMtuBytes = mtuBytes, DestinationQpn = 5, DestinationGid = lone.Peer, ReceivePsn = new Psn(9),
        };
        Assert.Equal(22, qp.Modify(attributes, QueuePairAttributeMask.State | QueuePairAttributeMask.AddressVector
            | QueuePairAttributeMask.PathMtu | QueuePairAttributeMask.DestinationQpn | QueuePairAttributeMask.ReceivePsn
            | QueuePairAttributeMask.MaxDestinationRdAtomic | QueuePairAttributeMask.MinRnrTimer, 0));
        qp.Query(out QueuePairAttributes now);
        Assert.Equal((QueuePairState.Init, 0u, new Psn(0)), (now.State, now.DestinationQpn, now.ReceivePsn));
    }

    [Fact]
    public void Query_tells_what_was_set_and_where_the_psns_are()
    {
        var duo = new Duo(new DuoOptions { PathMtuBytes = 2048, MinRnrTimer = 5 });
        duo.Post(Requests.Write(1, duo.A.Memory.BaseAddress, 5000, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey));
        duo.Settle();
        duo.First.Query(out QueuePairAttributes first);
        duo.Second.Query(out QueuePairAttributes second);
        Assert.Equal((QueuePairState.ReadyToSend, 2048, 22u, (byte)5), (first.State, first.PathMtuBytes, first.DestinationQpn, first.MinRnrTimer));
        Assert.Equal(new Psn(duo.Options.RequesterPsn) + 3, first.SendPsn);
        Assert.Equal(first.SendPsn, second.ReceivePsn);
        Assert.Equal(duo.B.Address, first.DestinationGid);
    }

    [Fact]
    public void The_error_state_flushes_both_queues_in_order_once_and_goes_on_flushing()
    {
        var lone = new Lone(new DuoOptions { SignalAll = false });
        for (ulong id = 1; id <= 3; id++)
        {
            lone.Post(Requests.Write(id, lone.Base, 8, lone.Key, 0, 0) with { Flags = SendFlags.None });
            lone.PostReceive(id, 8);
        }

        Assert.Equal(2, lone.Poll(budget: 2));
        ToState(lone.Qp, QueuePairState.Error);
        lone.PostWrite(4, 8);
        lone.PostReceive(4, 8);
        ToState(lone.Qp, QueuePairState.Error);
        Assert.Equal([1ul, 2, 3, 4], lone.Rings.SendEntries.Select(done => done.WorkRequestId));
        Assert.All(lone.Rings.SendEntries, done => Assert.Equal(CompletionStatus.FlushError, done.Status));
        Assert.Equal([1ul, 2, 3, 4], lone.Rings.ReceivesDone.Select(done => done.WorkRequestId));
        Assert.All(lone.Rings.ReceivesDone, done => Assert.Equal(CompletionStatus.FlushError, done.Status));
        Assert.Equal((0, 0), (lone.Window.InFlightBytes, lone.Host.Resources.SlotsInUse));
    }

    [Fact]
    public void A_message_half_received_is_flushed_once()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostReceive(1, 4096);
        lone.PostReceive(2, 4096);
        lone.Receive(lone.Request(Opcode.RcSendFirst, 0, 1024));
        ToState(lone.Qp, QueuePairState.Error);
        Assert.Equal([1ul, 2], lone.Rings.ReceivesDone.Select(done => done.WorkRequestId));
    }

    [Fact]
    public void A_qp_with_a_shared_receive_queue_leaves_it_alone_and_says_so()
    {
        var lone = new Lone(new DuoOptions { Shared = true });
        lone.PostReceive(1, 64);
        ToState(lone.Qp, QueuePairState.Error);
        Assert.Empty(lone.Rings.ReceivesDone);
        Assert.Equal([QueuePairEvent.LastWorkRequestReached], lone.Rings.Events);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Reset_and_destroy_complete_nothing_and_hold_nothing(bool destroy)
    {
        var lone = new Lone(new DuoOptions { WindowLimitBytes = 4096 });
        lone.PostWrite(1, 1 << 20);
        lone.PostWrite(2, 8);
        lone.PostReceive(3, 4096);
        lone.Receive(lone.Request(Opcode.RcSendFirst, 0, 1024));
        lone.Poll();
        Assert.True(lone.Window.InFlightBytes > 0);
        if (destroy)
        {
            lone.Qp.Destroy();
        }
        else
        {
            ToState(lone.Qp, QueuePairState.Reset);
        }

        lone.Receive(lone.Ack(0));
        lone.Wait(1_000_000_000);
        Assert.Equal(0, lone.Poll());
        Assert.Empty(lone.Rings.SendsDone);
        Assert.Empty(lone.Rings.ReceivesDone);
        Assert.Equal((0, 0, 0), (lone.Window.InFlightBytes, lone.Host.Resources.SlotsInUse, lone.Host.Timers.Count));
        Assert.False(lone.Window.HasWaiting);
    }

    [Fact]
    public void A_qp_works_again_after_reset()
    {
        var duo = new Duo(new DuoOptions());
        duo.Post(Requests.Write(1, duo.A.Memory.BaseAddress, 5000, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey));
        duo.PollA();
        foreach (QueuePair qp in new[] { duo.First, duo.Second })
        {
            ToState(qp, QueuePairState.Reset);
        }

        duo.FromA.Clear();
        Duo.Connect(duo.First, duo.B.Address, 22, 7, 8, duo.Options);
        Duo.Connect(duo.Second, duo.A.Address, 11, 8, 7, duo.Options);
        duo.Post(Requests.Write(2, duo.A.Memory.BaseAddress, 5000, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey));
        duo.Settle();
        Completion done = Assert.Single(duo.FirstRings.SendEntries);
        Assert.Equal((2ul, CompletionStatus.Success), (done.WorkRequestId, done.Status));
    }

    [Fact]
    public void A_drained_queue_ends_what_it_began_tells_it_and_begins_nothing_new()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 3000);
        lone.PostWrite(2, 8);
        Assert.Equal(1, lone.Poll(budget: 1));
        Assert.Equal(0, lone.Qp.Modify(
            new QueuePairAttributes { State = QueuePairState.SendQueueDrained, EnableDrainedNotify = true },
            QueuePairAttributeMask.State | QueuePairAttributeMask.EnableDrainedNotify, lone.NowNs));
        Assert.Equal(2, lone.Poll());
        Assert.Empty(lone.Rings.Events);
        lone.Receive(lone.Ack(2));
        Assert.Equal([QueuePairEvent.SendQueueDrained], lone.Rings.Events);
        lone.PostWrite(3, 8);
        Assert.Equal(0, lone.Poll());
        ToState(lone.Qp, QueuePairState.ReadyToSend);
        Assert.Equal(2, lone.Poll());
        lone.Receive(lone.Ack(4));
        Assert.Equal([1ul, 2, 3], lone.Rings.SendEntries.Select(done => done.WorkRequestId));
    }

    [Fact]
    public void Draining_an_idle_queue_is_told_at_once_and_only_when_asked()
    {
        var lone = new Lone(new DuoOptions());
        ToState(lone.Qp, QueuePairState.SendQueueDrained);
        Assert.Empty(lone.Rings.Events);
        ToState(lone.Qp, QueuePairState.ReadyToSend);
        Assert.Equal(0, lone.Qp.Modify(
            new QueuePairAttributes { State = QueuePairState.SendQueueDrained, EnableDrainedNotify = true },
            QueuePairAttributeMask.State | QueuePairAttributeMask.EnableDrainedNotify, lone.NowNs));
        Assert.Equal([QueuePairEvent.SendQueueDrained], lone.Rings.Events);
    }

    [Fact]
    public void Requests_posted_before_ready_to_send_go_when_it_is_reached()
    {
        var lone = new Lone(new DuoOptions(), toReadyToSend: false);
        lone.PostWrite(1, 8);
        Assert.Equal(0, lone.Poll());
        Duo.ToReadyToSend(lone.Qp, lone.Options.RequesterPsn, lone.Options);
        Assert.Equal(1, lone.Poll());
    }

    [Fact]
    public void A_service_that_is_none_is_named_in_the_refusal()
    {
        var host = new FakeHost(default, new FlatMemory(1));
        var config = new QueuePairConfig((TransportService)8, 1, 1, 1, 1, 1, false, false);
        Assert.False(QueuePairFactory.IsSupported(config.Service));
        Assert.Contains("service 8", Assert.Throws<NotSupportedException>(() => QueuePairFactory.Create(host, config)).Message);
    }

    private static void ToState(QueuePair qp, QueuePairState state) =>
        Assert.Equal(0, qp.Modify(new QueuePairAttributes { State = state }, QueuePairAttributeMask.State, 0));
}
