using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>Timers, retries and NAKs at the requester, packet by packet.</summary>
public class RequesterTests
{
    private const long TimeoutNs = 4096L << 14;

    [Fact]
    public void A_lost_packet_is_sent_again_after_the_timeout_and_not_before()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 8);
        Assert.Equal(1, lone.Poll());
        lone.Wait(TimeoutNs - 1);
        Assert.Equal(0, lone.Host.Counters.Timeouts);
        lone.Poll();
        lone.Wait(1);
        Assert.Equal(1, lone.Poll());
        Assert.Equal(new Psn(lone.Options.RequesterPsn), lone.Sent[0].Psn);
        Assert.Equal((1, 1), (lone.Host.Counters.Timeouts, lone.Host.Counters.Probes));
        lone.Receive(lone.Ack(0));
        Assert.Equal(CompletionStatus.Success, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Theory]
    [InlineData(1 << 20, 12, 63)]
    [InlineData(1 << 20, 10, 251)]
    [InlineData(1 << 20, 8, 963)]
    [InlineData(256 * 1024, 12, 16)]
    [InlineData(8 * 1024, 12, 1)]
    public void A_read_is_asked_for_in_parts_whose_middle_packets_fill_trains(long windowBytes, int mtuShift, uint packets) =>
        Assert.Equal(packets, RcRequester.ReadChunkPackets(windowBytes, mtuShift));

    [Fact]
    public void A_timer_of_code_0_never_fires()
    {
        var lone = new Lone(new DuoOptions { Timeout = 0 });
        lone.PostWrite(1, 8);
        lone.Poll();
        Assert.Equal(long.MaxValue, lone.Qp.DeadlineNs);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(7)]
    public void After_as_many_retries_as_given_the_request_fails_and_the_others_are_flushed(byte retries)
    {
        var lone = new Lone(new DuoOptions { RetryCount = retries });
        lone.PostWrite(1, 8);
        lone.PostWrite(2, 8);
        lone.PostReceive(3, 8);
        for (int i = 0; i < retries; i++)
        {
            lone.Poll();
            lone.Wait(TimeoutNs);
            Assert.Empty(lone.Rings.SendsDone);
        }

        lone.Poll();
        lone.Wait(TimeoutNs);
        Assert.Equal(
            [(1ul, CompletionStatus.RetryExceededError), (2ul, CompletionStatus.FlushError)],
            lone.Rings.SendEntries.Select(done => (done.WorkRequestId, done.Status)));
        Assert.NotNull(lone.Rings.SendsDone[0].Completion.Hint);
        Assert.Equal(CompletionStatus.FlushError, Assert.Single(lone.Rings.ReceivesDone).Status);
        Assert.Equal(QueuePairState.Error, lone.Qp.State);
        Assert.Equal(long.MaxValue, lone.Qp.DeadlineNs);
        Assert.Equal(0, lone.Window.InFlightBytes);
        Assert.Equal(0, lone.Host.Resources.SlotsInUse);
    }

    [Fact]
    public void Progress_gives_all_retries_back()
    {
        var lone = new Lone(new DuoOptions { RetryCount = 1 });
        lone.PostWrite(1, 10 * 1024);
        for (int i = 0; i < 10; i++)
        {
            lone.Poll();
            lone.Wait(TimeoutNs);
            Assert.True(lone.Poll() > 0);
            lone.Receive(lone.Ack(i));
        }

        Assert.Equal(CompletionStatus.Success, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Fact]
    public void A_sequence_nak_of_a_peer_that_drops_what_is_behind_a_hole_sends_everything_again_from_there_at_once()
    {
        var lone = new Lone(new DuoOptions { WindowLimitBytes = 1 << 20 });
        lone.PostWrite(1, 400 * 1024);
        lone.Poll(budget: 1000);
        Assert.Equal(256, lone.Sent.Count);
        lone.Poll(budget: 1000);
        Assert.Equal(144, lone.Sent.Count);
        lone.Receive(lone.Acknowledge(3, AethSyndrome.Nak(NakCode.PsnSequenceError)));
        Assert.Equal(1, lone.Poll(budget: 1000));
        Assert.Equal(new Psn(lone.Options.RequesterPsn) + 3, lone.Sent[0].Psn);
        lone.Receive(lone.Ack(3));
        int sentAgain = 0;
        Psn next = new Psn(lone.Options.RequesterPsn) + 4;
        while (lone.Poll(budget: 1000) > 0)
        {
            for (int i = 0; i < lone.Sent.Count; i++)
            {
                Assert.Equal(next, lone.Sent[i].Psn);
                next += 1;
                sentAgain++;
            }
        }

        Assert.Equal(396, sentAgain);
        Assert.Equal(1, lone.Host.Counters.SequenceNaksReceived);
    }

    [Fact]
    public void A_nak_repeated_by_the_network_is_obeyed_once()
    {
        var lone = new Lone(new DuoOptions { RetryCount = 1 });
        lone.PostWrite(1, 4096);
        lone.Poll();
        for (int i = 0; i < 5; i++)
        {
            lone.Receive(lone.Acknowledge(1, AethSyndrome.Nak(NakCode.PsnSequenceError)));
        }

        Assert.Equal(1, lone.Poll());
        Assert.Equal(1, lone.Host.Counters.SequenceNaksReceived);
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
    }

    [Theory]
    [InlineData(NakCode.InvalidRequest, CompletionStatus.RemoteInvalidRequestError)]
    [InlineData(NakCode.RemoteAccessError, CompletionStatus.RemoteAccessError)]
    [InlineData(NakCode.RemoteOperationalError, CompletionStatus.RemoteOperationError)]
    public void A_fatal_nak_completes_what_came_before_fails_its_request_and_flushes_the_rest(NakCode code, CompletionStatus status)
    {
        var lone = new Lone(new DuoOptions { SignalAll = false });
        for (ulong id = 1; id <= 4; id++)
        {
            lone.Post(Requests.Write(id, lone.Base, 8, lone.Key, 0, 0) with { Flags = SendFlags.None });
        }

        lone.Poll();
        lone.Receive(lone.Acknowledge(2, AethSyndrome.Nak(code)));
        Assert.Equal(
            [
                (1ul, CompletionStatus.Success, false), (2ul, CompletionStatus.Success, false),
                (3ul, status, true), (4ul, CompletionStatus.FlushError, true),
            ],
            lone.Rings.SendsDone.Select(done => (done.Completion.WorkRequestId, done.Completion.Status, done.Written)));
        Assert.Equal(QueuePairState.Error, lone.Qp.State);
        Assert.Empty(lone.Rings.Events);
    }

    [Fact]
    public void An_rnr_nak_stops_sending_for_exactly_its_time_and_the_ack_timer_with_it()
    {
        // The RNR wait of 491.52 ms is longer than the ACK timeout of 67 ms.
        var lone = new Lone(new DuoOptions { RetryCount = 0 });
        lone.Post(Requests.Send(1, lone.Base, 8, lone.Key));
        lone.PostWrite(2, 8);
        Assert.Equal(2, lone.Poll());
        lone.Receive(lone.Acknowledge(0, AethSyndrome.RnrNak(31)));
        Assert.Equal(0, lone.Poll());
        for (int i = 0; i < 491; i++)
        {
            lone.Wait(1_000_000);
            lone.PostWrite((ulong)(i + 3), 8);
            Assert.Equal(0, lone.Poll());
        }

        lone.Wait(520_000 - 1);
        Assert.Equal(0, lone.Poll());
        lone.Wait(1);
        Assert.True(lone.Poll() >= 2);
        Assert.Equal(Opcode.RcSendOnly, lone.Sent[0].Opcode);
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(6)]
    public void After_as_many_rnr_naks_as_given_the_send_fails(byte retries)
    {
        var lone = new Lone(new DuoOptions { RnrRetry = retries });
        lone.Post(Requests.Send(1, lone.Base, 8, lone.Key));
        for (int i = 0; i <= retries; i++)
        {
            Assert.Empty(lone.Rings.SendsDone);
            Assert.Equal(1, lone.Poll());
            lone.Receive(lone.Acknowledge(0, AethSyndrome.RnrNak(1)));
            lone.Wait(10_000);
        }

        Assert.Equal(CompletionStatus.RnrRetryExceededError, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Fact]
    public void Sequence_naks_between_rnr_naks_use_up_no_retries_since_the_request_arrived_each_time()
    {
        var lone = new Lone(new DuoOptions { RnrRetry = 7 });
        lone.Post(Requests.Send(1, lone.Base, 8, lone.Key));
        for (int i = 0; i < 50; i++)
        {
            lone.Poll();
            lone.Receive(lone.Acknowledge(0, AethSyndrome.RnrNak(1)));
            lone.Wait(10_000);
            lone.Poll();
            lone.Receive(lone.Acknowledge(0, AethSyndrome.Nak(NakCode.PsnSequenceError)));
        }

        lone.Poll();
        lone.Receive(lone.Ack(0));
        Assert.Equal(CompletionStatus.Success, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Fact]
    public void Seven_rnr_retries_are_forever()
    {
        var lone = new Lone(new DuoOptions { RnrRetry = 7 });
        lone.Post(Requests.Send(1, lone.Base, 8, lone.Key));
        for (int i = 0; i < 1000; i++)
        {
            Assert.Equal(1, lone.Poll());
            lone.Receive(lone.Acknowledge(0, AethSyndrome.RnrNak(1)));
            lone.Wait(10_000);
        }

        lone.Poll();
        lone.Receive(lone.Ack(0));
        Assert.Equal(CompletionStatus.Success, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Fact]
    public void A_long_message_asks_for_acknowledgement_every_quarter_window()
    {
        var lone = new Lone(new DuoOptions { WindowLimitBytes = 64 * 1024 });
        lone.PostWrite(1, 1 << 20);
        lone.Poll(budget: 1000);
        int unasked = 0;
        for (int i = 0; i < lone.Sent.Count; i++)
        {
            unasked = (lone.Sent[i].Flags & PacketFlags.AcknowledgeRequest) != 0 ? 0 : unasked + 1;
            Assert.True(unasked < 16, "more than a quarter of the window asks for nothing");
        }

        Assert.True((lone.Sent[lone.Sent.Count - 1].Flags & PacketFlags.AcknowledgeRequest) != 0);
        Assert.InRange(lone.Window.InFlightBytes, 48 * 1024, 64 * 1024);
    }

    [Fact]
    public void A_lost_read_response_alone_is_asked_for_again()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostRead(1, 5000);
        Assert.Equal(1, lone.Poll());
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseFirst, 0, 1024));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseMiddle, 2, 1024));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseMiddle, 3, 1024));
        Assert.Equal(1, lone.Poll());
        Assert.Equal((Opcode.RcReadRequest, new Psn(lone.Options.RequesterPsn) + 1), (lone.Sent[0].Opcode, lone.Sent[0].Psn));
        Assert.Equal((0x1000ul + 1024, 1024u), (lone.Sent[0].RemoteAddress, lone.Sent[0].DmaLength));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseOnly, 1, 1024));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseLast, 4, 904));
        Assert.Equal(CompletionStatus.Success, Assert.Single(lone.Rings.SendEntries).Status);
        Assert.Equal(1, lone.Host.Counters.ImpliedNaks);
        Assert.Equal(0, lone.Window.InFlightBytes);
    }

    [Fact]
    public void A_long_read_is_asked_for_in_chunks_within_window_and_depth()
    {
        var lone = new Lone(new DuoOptions { WindowLimitBytes = 256 * 1024, MaxRdAtomic = 16 });
        lone.PostRead(1, 1 << 20);
        Assert.Equal(3, lone.Poll());
        Assert.All(Enumerable.Range(0, 3), i => Assert.Equal(64u * 1024, lone.Sent[i].DmaLength));
        Assert.True(lone.Window.InFlightBytes <= 256 * 1024);
    }
}
