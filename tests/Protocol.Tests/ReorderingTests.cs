using CsCheck;
using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>A responder that keeps what comes too early.</summary>
public class ReorderingTests
{
    private static readonly AethSyndrome SequenceError = AethSyndrome.Nak(NakCode.PsnSequenceError);

    [Fact]
    public void Nothing_beyond_a_hole_is_visible_before_the_hole_is_filled()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostReceive(1, 64);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 1, 8));
        lone.Receive(lone.Request(Opcode.RcSendOnly, 2, 8));
        Assert.Equal(0, lone.Host.Memory.BytesWritten);
        Assert.Empty(lone.Rings.ReceivesDone);
        lone.AssertAnswers(SequenceError, 0);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        Assert.Equal(24, lone.Host.Memory.BytesWritten);
        Assert.Single(lone.Rings.ReceivesDone);
        lone.AssertAnswers(AethSyndrome.Ack(), 2);
        Assert.Equal(0, lone.Host.Resources.ReorderHeldBytes);
    }

    [Fact]
    public void Another_hole_is_asked_for_at_once()
    {
        var lone = new Lone(new DuoOptions());
        foreach (int psn in new[] { 1, 2, 4, 5, 7 })
        {
            lone.Receive(lone.Request(Opcode.RcWriteOnly, psn, 8));
        }

        lone.AssertAnswers(SequenceError, 0);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        lone.AssertAnswers(SequenceError, 3);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 3, 8));
        lone.AssertAnswers(SequenceError, 6);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 6, 8));
        lone.AssertAnswers(AethSyndrome.Ack(), 7);
        Assert.Equal(3, lone.Host.Counters.SequenceNaksSent);
    }

    [Fact]
    public void A_packet_that_was_executed_and_comes_again_shows_so_too()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        lone.AssertAnswers(AethSyndrome.Ack(), 0);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 2, 8));
        lone.AssertAnswers(SequenceError, 1);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8) with { Flags = PacketFlags.None });
        lone.AssertAnswers(AethSyndrome.Ack(), 0);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        lone.AssertAnswers(SequenceError, 1);
    }

    [Fact]
    public void A_kept_packet_that_comes_again_shows_that_the_nak_was_lost()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 1, 8));
        lone.AssertAnswers(SequenceError, 0);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 1, 8) with { Flags = PacketFlags.None });
        Assert.Equal(0, lone.Poll());
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 1, 8));
        lone.AssertAnswers(SequenceError, 0);
    }

    [Fact]
    public void Kept_requests_fail_in_their_turn_and_what_is_behind_them_is_dropped()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(Opcode.RcSendMiddle, 1, 1024));
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 2, 8));
        lone.Poll();
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        lone.AssertEnded(AethSyndrome.Nak(NakCode.InvalidRequest), 1, QueuePairEvent.RequestError);
        Assert.Equal((8, 0), (lone.Host.Memory.BytesWritten, lone.Host.Resources.ReorderHeldBytes));
    }

    [Fact]
    public void A_kept_send_without_a_receive_is_refused_and_all_behind_it_comes_again()
    {
        var lone = new Lone(new DuoOptions { MinRnrTimer = 9 });
        lone.Receive(lone.Request(Opcode.RcSendOnly, 1, 8));
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 2, 8));
        lone.Poll();
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        lone.AssertAnswers(AethSyndrome.RnrNak(9), 1);
        Assert.Equal(0, lone.Host.Resources.ReorderHeldBytes);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 3, 8));
        Assert.Equal(0, lone.Poll());
        lone.PostReceive(1, 64);
        lone.Wait(RnrTimer.Nanoseconds(9));
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 2, 8));
        lone.AssertAnswers(SequenceError, 1);
        lone.Receive(lone.Request(Opcode.RcSendOnly, 1, 8));
        lone.AssertAnswers(AethSyndrome.Ack(), 2);
    }

    [Fact]
    public void A_write_whose_key_is_not_good_is_not_kept()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 1, 8) with { RemoteKey = 0x1234 });
        lone.Poll();
        Assert.Equal(0, lone.Host.Resources.ReorderHeldBytes);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        lone.AssertAnswers(AethSyndrome.Ack(), 0);
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_kept_is_given_back_when_the_qp_ends(bool destroy)
    {
        var lone = new Lone(new DuoOptions());
        for (int psn = 1; psn < 300; psn++)
        {
            lone.Receive(lone.Request(Opcode.RcWriteOnly, psn * 3, 1000));
        }

        Assert.True(lone.Host.Resources.ReorderHeldBytes > 299 * 1000);
        if (destroy)
        {
            lone.Qp.Destroy();
        }
        else
        {
            Assert.Equal(0, lone.Qp.Modify(new QueuePairAttributes { State = QueuePairState.Error }, QueuePairAttributeMask.State, 1));
        }

        Assert.Equal(0, lone.Host.Resources.ReorderHeldBytes);
    }

    [Fact]
    public void What_is_kept_is_bounded()
    {
        var lone = new Lone(new DuoOptions());
        for (int psn = 1; psn < 20_000; psn++)
        {
            lone.Receive(lone.Request(Opcode.RcWriteMiddle, psn, 1024));
            Assert.True(lone.Host.Resources.ReorderHeldBytes <= 1 << 20);
        }

        Assert.InRange(lone.Host.Resources.ReorderHeldBytes, 1 << 19, 1 << 20);
        lone.Qp.Destroy();
        lone = new Lone(new DuoOptions());
        lone.Host.Resources.ReorderLimitBytes = 5000;
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 1, 1024));
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 2, 1024));
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 3, 1024));
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 4, 1024));
        lone.Poll();
        Assert.InRange(lone.Host.Resources.ReorderHeldBytes, 1, 5000);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 1024));
        Assert.Equal(1, lone.Poll());
        Assert.Equal(0, lone.Host.Resources.ReorderHeldBytes);
        Assert.InRange(lone.Sent[0].Psn.DistanceFrom(new Psn(lone.Options.ResponderPsn)), 1, 3);
    }

    [Fact]
    public void Any_order_of_arrival_executes_each_once_and_in_order() =>
        Gen.Shuffle(Enumerable.Range(0, 60).ToArray()).Sample(
            order =>
            {
                var lone = new Lone(new DuoOptions { MemoryPages = 8 });
                for (ulong id = 0; id < 60; id++)
                {
                    lone.PostReceive(id, 16);
                }

                foreach (int psn in order)
                {
                    lone.Receive(lone.Request(Opcode.RcSendOnlyImmediate, psn, 8) with { ImmediateOrKey = (uint)psn });
                    lone.Poll();
                }

                Assert.Equal(Enumerable.Range(0, 60), lone.Rings.ReceivesDone.Select(done => (int)done.ImmediateOrKey));
                Assert.Equal(0, lone.Host.Resources.ReorderHeldBytes);
            },
            iter: 200,
            threads: 1);

    [Fact]
    public void A_read_that_was_kept_is_answered_in_its_turn()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(Opcode.RcReadRequest, 1) with { DmaLength = 3000 });
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 4, 8));
        lone.AssertAnswers(SequenceError, 0);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        Assert.Equal(4, lone.Poll());
        Assert.Equal(
            [Opcode.RcReadResponseFirst, Opcode.RcReadResponseMiddle, Opcode.RcReadResponseLast, Opcode.RcAcknowledge],
            Enumerable.Range(0, 4).Select(i => lone.Sent[i].Opcode));
    }
}
