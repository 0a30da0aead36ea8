using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>A peer's device says that it is about to stand still, and that it goes on. Whoever says so falsely can hold a QP for a while, never for good.</summary>
public class PauseTests
{
    private const long MillisecondNs = 1_000_000;
    private const long SecondNs = 1_000_000_000;

    /// <summary>About 1 ms until a retry.</summary>
    private static readonly DuoOptions Few = new() { Timeout = 8, RetryCount = 1 };

    [Fact]
    public void A_paused_qp_sends_nothing_uses_up_no_retry_and_goes_on_when_told()
    {
        var lone = new Lone(Few);
        lone.PostWrite(1, 8);
        Assert.Equal(1, lone.Poll());
        lone.Receive(Notice(Opcode.RcPause, 1));
        lone.PostWrite(2, 8);
        for (int i = 0; i < 1_000; i++)
        {
            lone.Wait(MillisecondNs);
            Assert.Equal(0, lone.Poll());
        }

        Assert.Equal((0, QueuePairState.ReadyToSend, QueuePairActivity.IsPaused), (lone.Host.Counters.Timeouts, lone.Qp.State, lone.Qp.Activity));
        lone.Receive(Notice(Opcode.RcResume, 2));
        Assert.Equal(2, lone.Poll());
        lone.Receive(lone.Ack(1));
        Assert.Equal([1ul, 2], lone.Rings.SendEntries.Select(done => done.WorkRequestId));
        Assert.Equal((1, 1), (lone.Host.Counters.PausesReceived, lone.Host.Counters.ResumesReceived));
    }

    [Fact]
    public void What_a_paused_qp_owes_its_peer_is_sent_all_the_same()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(Notice(Opcode.RcPause, 1));
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 64));
        lone.AssertAnswers(AethSyndrome.Ack(), 0);
    }

    [Fact]
    public void Acknowledgements_that_come_while_it_is_paused_complete()
    {
        var lone = new Lone(Few);
        lone.PostWrite(1, 8);
        lone.Poll();
        lone.Receive(Notice(Opcode.RcPause, 1));
        lone.Receive(lone.Ack(0));
        Assert.Equal([1ul], lone.Rings.SendEntries.Select(done => done.WorkRequestId));
        lone.PostWrite(2, 8);
        Assert.Equal(0, lone.Poll());
    }

    [Fact]
    public void Notices_of_somebody_else_or_older_than_one_that_was_seen_are_ignored()
    {
        var lone = new Lone(Few);
        lone.PostWrite(1, 8);
        lone.Poll();
        lone.Receive(Notice(Opcode.RcPause, 1), Gid.FromIPv4(0x7F000009));
        Assert.Equal(QueuePairActivity.None, lone.Qp.Activity);
        lone.Receive(Notice(Opcode.RcPause, 5));
        lone.Receive(Notice(Opcode.RcResume, 6), Gid.FromIPv4(0x7F000009));
        lone.Receive(Notice(Opcode.RcResume, 5));
        lone.Receive(Notice(Opcode.RcResume, 4));
        lone.Receive(Notice(Opcode.RcResume, 6) with { PartitionKey = 0x1234 });
        Assert.Equal(QueuePairActivity.IsPaused, lone.Qp.Activity);
        lone.Receive(Notice(Opcode.RcResume, 6));
        lone.Receive(Notice(Opcode.RcPause, 6));
        lone.Receive(Notice(Opcode.RcPause, 2));
        Assert.Equal(QueuePairActivity.None, lone.Qp.Activity);
        Assert.Equal((1, 1), (lone.Host.Counters.PausesReceived, lone.Host.Counters.ResumesReceived));
    }

    [Fact]
    public void A_qp_that_does_not_send_takes_no_notice()
    {
        var lone = new Lone(new DuoOptions(), toReadyToSend: false);
        lone.Receive(Notice(Opcode.RcPause, 1));
        Duo.ToReadyToSend(lone.Qp, lone.Options.RequesterPsn, lone.Options);
        lone.PostWrite(1, 8);
        Assert.Equal(1, lone.Poll());
    }

    [Fact]
    public void A_pause_that_nobody_ends_ends_by_itself_and_the_retries_count_from_then_on()
    {
        var lone = new Lone(Few);
        lone.PostWrite(1, 8);
        lone.Poll();
        long startNs = lone.NowNs;
        lone.Receive(Notice(Opcode.RcPause, 1));
        Assert.InRange(TimeUntilItSends(lone) - startNs, 2 * SecondNs, 2 * SecondNs + (10 * MillisecondNs));
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
        AssertFailsWithin(lone, 100 * MillisecondNs);
    }

    /// <summary>Each one newer than the one before, so each is news.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_flood_of_pauses_holds_a_qp_no_longer_than_one_of_them(bool withResumes)
    {
        var lone = new Lone(Few);
        lone.PostWrite(1, 8);
        lone.Poll();
        long startNs = lone.NowNs;
        for (uint i = 1; lone.Qp.State == QueuePairState.ReadyToSend && lone.NowNs < startNs + (20 * SecondNs); i += 2)
        {
            lone.Receive(Notice(Opcode.RcPause, i));
            lone.Wait(MillisecondNs / 2);
            lone.Poll();
            if (withResumes)
            {
                lone.Receive(Notice(Opcode.RcResume, i + 1));
            }
        }

        Assert.InRange(lone.NowNs - startNs, 2 * SecondNs, 3 * SecondNs);
        Assert.Equal(CompletionStatus.RetryExceededError, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Fact]
    public void A_qp_that_was_held_for_as_long_as_may_be_sends_what_is_posted_later()
    {
        var lone = new Lone(Few);
        uint number = 0;
        for (long endNs = lone.NowNs + (5 * SecondNs); lone.NowNs < endNs; lone.Wait(10 * MillisecondNs))
        {
            lone.Receive(Notice(Opcode.RcPause, ++number));
        }

        lone.PostWrite(1, 8);
        Assert.Equal(1, lone.Poll());
    }

    /// <summary>A device that moves every second is no flood: in between it answers.</summary>
    [Fact]
    public void Each_answer_lets_the_peer_pause_anew()
    {
        var lone = new Lone(Few);
        uint number = 0;
        for (int i = 0; i < 20; i++)
        {
            lone.PostWrite((ulong)i, 8);
            Assert.Equal(1, lone.Poll());
            lone.Receive(Notice(Opcode.RcPause, ++number));
            lone.Wait(SecondNs);
            Assert.Equal(0, lone.Poll());
            lone.Receive(Notice(Opcode.RcResume, ++number));
            lone.Receive(lone.Ack(i));
            lone.Poll();
        }

        Assert.Equal(20, lone.Rings.SendEntries.Count(done => done.Status == CompletionStatus.Success));
    }

    [Fact]
    public void The_wait_for_a_receiver_goes_on_after_a_pause()
    {
        var lone = new Lone(new DuoOptions { Timeout = 14, RnrRetry = 1 });
        lone.PostWrite(1, 8);
        lone.Poll();
        lone.Receive(lone.Acknowledge(0, AethSyndrome.RnrNak(14)));
        lone.Receive(Notice(Opcode.RcPause, 1));
        lone.Wait(100 * MillisecondNs);
        Assert.Equal(0, lone.Poll());
        lone.Receive(Notice(Opcode.RcResume, 2));
        lone.Wait(1);
        Assert.Equal(1, lone.Poll());
        lone.Receive(lone.Ack(0));
        Assert.Equal(CompletionStatus.Success, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Theory]
    [InlineData(QueuePairState.Error)]
    [InlineData(QueuePairState.Reset)]
    public void A_paused_qp_that_is_flushed_or_reset_is_paused_no_more(QueuePairState to)
    {
        var lone = new Lone(Few);
        lone.PostWrite(1, 8);
        lone.Poll();
        lone.Receive(Notice(Opcode.RcPause, 1));
        Assert.Equal(0, lone.Qp.Modify(new QueuePairAttributes { State = to }, QueuePairAttributeMask.State, lone.NowNs));
        Assert.Equal(QueuePairActivity.None, lone.Qp.Activity);
        lone.Wait(5 * SecondNs);
        Assert.Equal(0, lone.Poll());
        Assert.Equal(0, lone.Host.Resources.SlotsInUse);
    }

    [Fact]
    public void A_qp_tells_its_peer_once_and_forgets_that_when_it_is_reset()
    {
        var lone = new Lone(Few);
        lone.Qp.Pause();
        Assert.Equal(1, lone.Poll());
        Assert.Equal((Opcode.RcPause, 22u, 1u), (lone.Sent[0].Opcode, lone.Sent[0].DestinationQpn, lone.Sent[0].Psn.Value));
        lone.Qp.Resume(lone.NowNs);
        Assert.Equal(1, lone.Poll());
        Assert.Equal((Opcode.RcResume, 2u), (lone.Sent[0].Opcode, lone.Sent[0].Psn.Value));
        lone.Qp.Pause();
        Assert.Equal(0, lone.Qp.Modify(new QueuePairAttributes { State = QueuePairState.Reset }, QueuePairAttributeMask.State, lone.NowNs));
        Assert.Equal(0, lone.Poll());
    }

    private static Packet Notice(Opcode opcode, uint number) => new()
    {
        Opcode = opcode, Psn = new Psn(number), PsnCount = 1, DestinationQpn = 11, PartitionKey = 0xFFFF,
    };

    private static long TimeUntilItSends(Lone lone)
    {
        for (long limitNs = lone.NowNs + (30 * SecondNs); lone.NowNs < limitNs; lone.Wait(MillisecondNs))
        {
            if (lone.Poll() > 0)
            {
                break;
            }
        }

        return lone.NowNs;
    }

    private static void AssertFailsWithin(Lone lone, long ns)
    {
        for (long limitNs = lone.NowNs + ns; lone.NowNs < limitNs; lone.Wait(MillisecondNs))
        {
            lone.Poll();
        }

        Assert.Equal(QueuePairState.Error, lone.Qp.State);
        Assert.Equal(CompletionStatus.RetryExceededError, Assert.Single(lone.Rings.SendEntries).Status);
    }
}
