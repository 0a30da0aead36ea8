using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>What a requester sends again, packet by packet.</summary>
public class LossRecoveryTests
{
    private static readonly AethSyndrome SequenceError = AethSyndrome.Nak(NakCode.PsnSequenceError);

    [Fact]
    public void Only_the_missing_packet_is_sent_again_when_the_peer_keeps_what_came_behind_it()
    {
        Lone lone = WithWrite(16);
        lone.Receive(lone.Acknowledge(3, SequenceError));
        AssertSent(lone, 3);
        Assert.True((lone.Sent[0].Flags & PacketFlags.AcknowledgeRequest) != 0);
        lone.Receive(lone.Ack(15));
        Assert.Single(lone.Rings.SendsDone);
        Assert.Equal((1, 0), (lone.Host.Counters.RetransmittedPackets, lone.Window.InFlightBytes));
    }

    [Fact]
    public void A_burst_costs_a_logarithm_of_round_trips()
    {
        Lone lone = WithWrite(40);
        lone.Receive(lone.Acknowledge(2, SequenceError));
        AssertSent(lone, 2);
        lone.Receive(lone.Acknowledge(3, SequenceError));
        AssertSent(lone, 3, 4);
        lone.Receive(lone.Acknowledge(5, SequenceError));
        AssertSent(lone, 5, 6, 7, 8);
        lone.Receive(lone.Acknowledge(9, SequenceError));
        AssertSent(lone, [.. Enumerable.Range(9, 8)]);
        lone.Receive(lone.Acknowledge(30, SequenceError));
        AssertSent(lone, 30);
        lone.Receive(lone.Ack(39));
        Assert.Single(lone.Rings.SendsDone);
        Assert.Equal(0, lone.Window.InFlightBytes);
    }

    [Fact]
    public void A_peer_that_drops_what_is_behind_a_hole_is_remembered()
    {
        Lone lone = WithWrite(20);
        lone.Receive(lone.Acknowledge(3, SequenceError));
        AssertSent(lone, 3);
        lone.Receive(lone.Ack(3));
        AssertSent(lone, [.. Enumerable.Range(4, 16)]);
        lone.Receive(lone.Acknowledge(8, SequenceError));
        AssertSent(lone, [.. Enumerable.Range(8, 12)]);
        lone.Receive(lone.Ack(19));
        Assert.Single(lone.Rings.SendsDone);
        Assert.Equal(0, lone.Window.InFlightBytes);
    }

    [Fact]
    public void A_peer_that_dropped_is_tried_again_after_many_losses()
    {
        Lone lone = WithWrite(200);
        lone.Receive(lone.Acknowledge(1, SequenceError));
        lone.Poll(budget: 1000);
        lone.Receive(lone.Ack(1));
        int alone = 0;
        for (int psn = 2; psn < 100; psn++)
        {
            lone.Poll(budget: 1000);
            lone.Receive(lone.Acknowledge(psn, SequenceError));
            lone.Poll(budget: 1000);
            alone += lone.Sent.Count == 1 || lone.Sent[1].Psn != lone.Sent[0].Psn + 1 ? 1 : 0;
        }

        Assert.InRange(alone, 1, 40);
    }

    [Fact]
    public void New_packets_go_on_while_a_lost_one_is_repaired()
    {
        Lone lone = WithWrite(8);
        lone.Receive(lone.Acknowledge(3, SequenceError));
        lone.PostWrite(2, 2048);
        AssertSent(lone, 3, 8, 9);
        lone.Receive(lone.Ack(9));
        Assert.Equal(2, lone.Rings.SendsDone.Count);
    }

    [Fact]
    public void When_nothing_comes_the_last_packet_is_sent_again_long_before_the_timeout_and_costs_no_retry()
    {
        var lone = new Lone(new DuoOptions { RetryCount = 1 });
        Measure(lone, 20_000);
        lone.PostWrite(2, 4096);
        Assert.Equal(4, lone.Poll());
        lone.Wait(240_000);
        Assert.Equal(0, lone.Poll());
        lone.Wait(20_000);
        AssertSent(lone, 4);
        lone.Wait(400_000);
        Assert.Equal(0, lone.Poll());
        lone.Wait(200_000);
        AssertSent(lone, 4);
        Assert.Equal((2, 0), (lone.Host.Counters.Probes, lone.Host.Counters.Timeouts));
        lone.Receive(lone.Acknowledge(2, SequenceError));
        AssertSent(lone, 2);
        lone.Receive(lone.Ack(4));
        Assert.Equal(2, lone.Rings.SendsDone.Count);
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
    }

    [Theory]
    [InlineData(0, 14)]
    [InlineData(7, 0)]
    public void Without_retries_or_timeout_nothing_is_sent_again_unasked(byte retries, byte timeout)
    {
        var lone = new Lone(new DuoOptions { RetryCount = retries, Timeout = timeout });
        Measure(lone, 20_000);
        lone.PostWrite(2, 8);
        Assert.Equal(1, lone.Poll());
        lone.Wait(50_000_000);
        Assert.Equal(0, lone.Poll());
        Assert.Equal(0, lone.Host.Counters.Probes);
    }

    [Fact]
    public void Without_an_answer_to_probes_the_timeouts_still_end_it()
    {
        var lone = new Lone(new DuoOptions { RetryCount = 2, Timeout = 10 });
        Measure(lone, 20_000);
        lone.PostWrite(2, 2048);
        long start = lone.NowNs;
        while (lone.Qp.State == QueuePairState.ReadyToSend)
        {
            lone.Poll();
            lone.Wait(10_000);
        }

        Assert.InRange(lone.NowNs - start, 3 * (4096L << 10), 3 * (4096L << 10) + 100_000);
        Assert.Equal(CompletionStatus.RetryExceededError, lone.Rings.SendsDone[1].Completion.Status);
        Assert.Equal(3, lone.Host.Counters.Timeouts);
        Assert.InRange(lone.Host.Counters.Probes, 3, 20);
    }

    [Fact]
    public void A_repair_that_is_lost_is_repeated_without_a_timeout()
    {
        Lone lone = WithWrite(8);
        lone.Receive(lone.Acknowledge(3, SequenceError));
        AssertSent(lone, 3);
        lone.Wait(6_000_000);
        AssertSent(lone, 3);
        lone.Receive(lone.Ack(7));
        Assert.Single(lone.Rings.SendsDone);
        Assert.Equal(0, lone.Host.Counters.Timeouts);
    }

    [Fact]
    public void A_repair_measures_the_round_trip_so_that_the_next_probe_comes_soon()
    {
        Lone lone = WithWrite(40);
        for (int hole = 3; hole < 30; hole += 3)
        {
            lone.Receive(lone.Acknowledge(hole, SequenceError));
            AssertSent(lone, hole);
            lone.NowNs += 20_000;
        }

        lone.Receive(lone.Acknowledge(33, SequenceError));
        AssertSent(lone, 33);
        lone.Wait(300_000);
        AssertSent(lone, 33);
        Assert.Equal(1, lone.Host.Counters.Probes);
    }

    /// <summary>The retries were used up by a silence: what asks for the missing packet now is an answer, not one more failure.</summary>
    [Fact]
    public void The_first_nak_after_a_silence_costs_no_retry()
    {
        var lone = new Lone(new DuoOptions { RetryCount = 1, Timeout = 10 });
        Measure(lone, 20_000);
        lone.PostWrite(2, 4096);
        while (lone.Host.Counters.Timeouts == 0)
        {
            lone.Poll();
            lone.Wait(10_000);
        }

        lone.Poll();
        lone.Receive(lone.Acknowledge(1, SequenceError));
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
        Assert.NotEqual(0, lone.Poll());
        lone.Receive(lone.Ack(4));
        Assert.Equal(CompletionStatus.Success, lone.Rings.SendsDone[1].Completion.Status);
    }

    [Fact]
    public void Naks_without_progress_use_up_the_retries()
    {
        var lone = new Lone(new DuoOptions { RetryCount = 2 });
        Measure(lone, 20_000);
        lone.PostWrite(2, 4096);
        lone.Poll();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
            lone.Receive(lone.Acknowledge(1, SequenceError));
            lone.Poll();
            lone.NowNs += 50_000;
        }

        Assert.Equal(CompletionStatus.RetryExceededError, lone.Rings.SendsDone[1].Completion.Status);
    }

    [Fact]
    public void Naks_that_acknowledge_something_use_up_none()
    {
        var lone = new Lone(new DuoOptions { RetryCount = 1 });
        lone.PostWrite(1, 100 * 1024);
        lone.Poll(budget: 1000);
        for (int psn = 1; psn < 99; psn++)
        {
            lone.Receive(lone.Acknowledge(psn, SequenceError));
            lone.Poll(budget: 1000);
        }

        lone.Receive(lone.Ack(99));
        Assert.Equal(CompletionStatus.Success, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Fact]
    public void Memory_that_goes_away_before_a_repair_fails_its_request_in_its_turn()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 1024);
        lone.PostWrite(2, 4096);
        lone.Poll();
        lone.Receive(lone.Acknowledge(3, SequenceError));
        lone.Host.Memory.Deregister(lone.Key);
        Assert.Equal(0, lone.Poll());
        Assert.Equal(
            [CompletionStatus.Success, CompletionStatus.LocalProtectionError], lone.Rings.SendsDone.Select(done => done.Completion.Status));
        Assert.Equal(0, lone.Window.InFlightBytes);
        Assert.Equal(0, lone.Host.Resources.SlotsInUse);
    }

    /// <summary>A QP that sent one WRITE of this many packets.</summary>
    private static Lone WithWrite(int packets)
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, (uint)packets * 1024);
        Assert.Equal(packets, lone.Poll(budget: 1000));
        return lone;
    }

    /// <summary>Lets the QP see a round trip.</summary>
    private static void Measure(Lone lone, long roundTripNs)
    {
        lone.PostWrite(1, 8);
        lone.Poll();
        lone.Wait(roundTripNs);
        lone.Receive(lone.Ack(0));
    }

    private static void AssertSent(Lone lone, params int[] psns)
    {
        lone.Poll(budget: 1000);
        var first = new Psn(lone.Options.RequesterPsn);
        Assert.Equal(psns, Enumerable.Range(0, lone.Sent.Count).Select(i => lone.Sent[i].Psn.DistanceFrom(first)));
    }
}
