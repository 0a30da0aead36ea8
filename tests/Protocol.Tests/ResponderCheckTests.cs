using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>Each check of the responder by itself: what it refuses, how it says so, and what becomes of the QP.</summary>
public class ResponderCheckTests
{
    private static readonly AethSyndrome InvalidRequest = AethSyndrome.Nak(NakCode.InvalidRequest);
    private static readonly AethSyndrome SequenceError = AethSyndrome.Nak(NakCode.PsnSequenceError);

    [Fact]
    public void A_hole_is_told_once_and_closed_by_the_missing_packet()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        lone.AssertAnswers(AethSyndrome.Ack(), 0);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 2, 8));
        lone.AssertAnswers(SequenceError, 1);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 3, 8));
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 4, 8));
        Assert.Equal(0, lone.Poll());
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 1, 8));
        lone.AssertAnswers(AethSyndrome.Ack(), 4);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 6, 8));
        lone.AssertAnswers(SequenceError, 5);
        Assert.Equal((2, 4), (lone.Host.Counters.SequenceNaksSent, lone.Host.Counters.OutOfSequenceRequests));
    }

    [Fact]
    public void A_hole_that_closes_before_the_nak_goes_makes_no_nak()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 1, 8));
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        lone.AssertAnswers(AethSyndrome.Ack(), 1);
    }

    [Fact]
    public void Requests_of_one_batch_are_acknowledged_together()
    {
        var lone = new Lone(new DuoOptions());
        for (int i = 0; i < 20; i++)
        {
            lone.Receive(lone.Request(Opcode.RcWriteOnly, i, 8));
        }

        lone.AssertAnswers(AethSyndrome.Ack(), 19);
        Assert.Equal(20u, lone.Sent[0].MessageSequenceNumber);
    }

    [Fact]
    public void A_request_that_asks_for_no_acknowledgement_gets_none()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8) with { Flags = PacketFlags.None });
        Assert.Equal(0, lone.Poll());
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 1, 8));
        lone.AssertAnswers(AethSyndrome.Ack(), 1);
    }

    [Fact]
    public void A_duplicate_is_acknowledged_again_and_not_executed_again()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostReceive(1, 64);
        lone.PostReceive(2, 64);
        lone.Receive(lone.Request(Opcode.RcSendOnly, 0, 8));
        lone.AssertAnswers(AethSyndrome.Ack(), 0);
        long written = lone.Host.Memory.BytesWritten;
        lone.Receive(lone.Request(Opcode.RcSendOnly, 0, 8));
        lone.AssertAnswers(AethSyndrome.Ack(), 0);
        Assert.Single(lone.Rings.ReceivesDone);
        Assert.Equal(written, lone.Host.Memory.BytesWritten);
        Assert.Equal(1, lone.Host.Counters.DuplicateRequests);
    }

    public static TheoryData<Opcode, Opcode> BrokenSequences() => new()
    {
        { Opcode.RcWriteFirst, Opcode.RcSendMiddle },
        { Opcode.RcWriteFirst, Opcode.RcSendLast },
        { Opcode.RcWriteFirst, Opcode.RcWriteFirst },
        { Opcode.RcWriteFirst, Opcode.RcWriteOnly },
        { Opcode.RcWriteFirst, Opcode.RcReadRequest },
        { Opcode.RcWriteFirst, Opcode.RcFetchAdd },
        { Opcode.RcSendFirst, Opcode.RcWriteMiddle },
        { Opcode.RcSendFirst, Opcode.RcWriteLast },
        { Opcode.RcSendFirst, Opcode.RcSendFirst },
        { Opcode.RcSendFirst, Opcode.RcSendOnly },
        { Opcode.RcWriteOnly, Opcode.RcWriteMiddle },
        { Opcode.RcWriteOnly, Opcode.RcWriteLast },
        { Opcode.RcWriteOnly, Opcode.RcSendMiddle },
        { Opcode.RcWriteOnly, Opcode.RcSendLast },
    };

    [Theory]
    [MemberData(nameof(BrokenSequences))]
    public void A_packet_that_does_not_continue_its_message_is_an_invalid_request(Opcode first, Opcode second)
    {
        var lone = new Lone(new DuoOptions());
        lone.PostReceive(1, 8192);
        lone.Receive(lone.Request(first, 0, 1024) with { DmaLength = first == Opcode.RcWriteFirst ? 4096u : 1024u });
        lone.Poll();
        lone.Receive(lone.Request(second, 1, second is Opcode.RcReadRequest or Opcode.RcFetchAdd ? 0 : 1024));
        lone.AssertEnded(InvalidRequest, 1, QueuePairEvent.RequestError);
    }

    [Theory]
    [InlineData(Opcode.RcWriteOnly, AccessFlags.RemoteWrite)]
    [InlineData(Opcode.RcReadRequest, AccessFlags.RemoteRead)]
    [InlineData(Opcode.RcCompareSwap, AccessFlags.RemoteAtomic)]
    [InlineData(Opcode.RcFetchAdd, AccessFlags.RemoteAtomic)]
    public void An_operation_that_the_qp_does_not_permit_is_an_invalid_request(Opcode opcode, AccessFlags missing)
    {
        var lone = new Lone(new DuoOptions { Access = Duo.AllAccess & ~missing });
        lone.Receive(lone.Request(opcode, 0));
        lone.AssertEnded(InvalidRequest, 0, QueuePairEvent.RequestError);
    }

    [Theory]
    [InlineData(Opcode.RcReadRequest)]
    [InlineData(Opcode.RcFetchAdd)]
    public void Without_responder_resources_reads_and_atomics_are_invalid_requests(Opcode opcode)
    {
        var lone = new Lone(new DuoOptions { MaxDestinationRdAtomic = 0 });
        lone.Receive(lone.Request(opcode, 0));
        lone.AssertEnded(InvalidRequest, 0, QueuePairEvent.RequestError);
    }

    [Fact]
    public void More_reads_at_once_than_responder_resources_are_invalid_requests()
    {
        var lone = new Lone(new DuoOptions { MaxDestinationRdAtomic = 2 });
        for (int i = 0; i < 3; i++)
        {
            lone.Receive(lone.Request(Opcode.RcReadRequest, i) with { DmaLength = 100 });
        }

        Assert.Equal(QueuePairState.Error, lone.Qp.State);
        Assert.Equal(3, lone.Poll());
        Assert.Equal(
            [Opcode.RcReadResponseOnly, Opcode.RcReadResponseOnly, Opcode.RcAcknowledge],
            Enumerable.Range(0, 3).Select(i => lone.Sent[i].Opcode));
        Assert.Equal(InvalidRequest, new AethSyndrome(lone.Sent[2].Syndrome));
    }

    [Theory]
    [InlineData(Opcode.RcSendFirst, 1024)]
    [InlineData(Opcode.RcSendOnly, 8)]
    [InlineData(Opcode.RcSendOnlyImmediate, 0)]
    [InlineData(Opcode.RcWriteOnlyImmediate, 8)]
    public void Without_a_receive_request_the_peer_is_told_to_wait(Opcode opcode, int bytes)
    {
        var lone = new Lone(new DuoOptions { MinRnrTimer = 9 });
        lone.Receive(lone.Request(opcode, 0, bytes));
        lone.AssertAnswers(AethSyndrome.RnrNak(9), 0);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 1, 8));
        Assert.Equal(0, lone.Poll());
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
        Assert.Equal(0, lone.Host.Memory.BytesWritten);
        lone.PostReceive(1, 4096);
        lone.Receive(lone.Request(opcode, 0, bytes));
        Assert.True(lone.Host.Memory.BytesWritten == bytes);
        Assert.Equal(1, lone.Host.Counters.RnrNaksSent);
    }

    [Theory]
    [InlineData(Opcode.RcWriteFirst, 1023, 4096u)]
    [InlineData(Opcode.RcWriteFirst, 1025, 4096u)]
    [InlineData(Opcode.RcWriteFirst, 1024, 1024u)]
    [InlineData(Opcode.RcWriteOnly, 1025, 1025u)]
    [InlineData(Opcode.RcWriteOnly, 8, 9u)]
    [InlineData(Opcode.RcWriteOnly, 9, 8u)]
    [InlineData(Opcode.RcWriteFirst, 1024, 0x8000_0001u)]
    [InlineData(Opcode.RcReadRequest, 0, 0x8000_0001u)]
    [InlineData(Opcode.RcSendFirst, 1023, 0u)]
    [InlineData(Opcode.RcSendOnly, 1025, 0u)]
    public void A_payload_that_fits_neither_mtu_nor_announced_length_is_an_invalid_request(Opcode opcode, int bytes, uint announced)
    {
        var lone = new Lone(new DuoOptions());
        lone.PostReceive(1, 8192);
        lone.Receive(lone.Request(opcode, 0, bytes) with { DmaLength = announced });
        lone.AssertEnded(InvalidRequest, 0, QueuePairEvent.RequestError);
        Assert.Equal(0, lone.Host.Memory.BytesWritten);
    }

    [Theory]
    [InlineData(Opcode.RcWriteLast, 1000)]
    [InlineData(Opcode.RcWriteLast, 0)]
    [InlineData(Opcode.RcWriteMiddle, 1024)]
    public void A_write_must_end_where_it_announced(Opcode second, int bytes)
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(Opcode.RcWriteFirst, 0, 1024) with { DmaLength = 1024 + 999 });
        lone.Poll();
        lone.Receive(lone.Request(second, 1, bytes));
        lone.AssertEnded(InvalidRequest, 1, QueuePairEvent.RequestError);
    }

    [Fact]
    public void A_send_longer_than_its_buffer_fails_both_sides()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostReceive(7, 1500);
        lone.PostReceive(8, 1500);
        lone.Receive(lone.Request(Opcode.RcSendFirst, 0, 1024));
        lone.Receive(lone.Request(Opcode.RcSendLast, 1, 477));
        lone.AssertAnswers(InvalidRequest, 1);
        Assert.Equal(
            [(7ul, CompletionStatus.LocalLengthError), (8ul, CompletionStatus.FlushError)],
            lone.Rings.ReceivesDone.Select(done => (done.WorkRequestId, done.Status)));
        Assert.NotNull(lone.Rings.ReceivesDone[0].Hint);
        Assert.Equal(QueuePairState.Error, lone.Qp.State);
    }

    [Fact]
    public void The_first_packet_in_ready_to_receive_establishes_communication_once()
    {
        var lone = new Lone(new DuoOptions(), toReadyToSend: false);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 1, 8));
        Assert.Equal([QueuePairEvent.CommunicationEstablished], lone.Rings.Events);
        lone.AssertAnswers(AethSyndrome.Ack(), 1);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(1024)]
    public void A_write_with_immediate_without_right_takes_its_receive_request_with_it(int bytes)
    {
        var lone = new Lone(new DuoOptions());
        lone.PostReceive(1, 8);
        lone.PostReceive(2, 8);
        Packet packet = lone.Request(Opcode.RcWriteOnlyImmediate, 0, bytes);
        packet.RemoteKey = lone.Host.Memory.RegisterAll(AccessFlags.LocalWrite);
        lone.Receive(packet);
        Assert.Equal(
            [(1ul, CompletionStatus.LocalAccessError), (2ul, CompletionStatus.FlushError)],
            lone.Rings.ReceivesDone.Select(done => (done.WorkRequestId, done.Status)));
        Assert.NotNull(lone.Rings.ReceivesDone[0].Hint);
        lone.AssertEnded(AethSyndrome.Nak(NakCode.RemoteAccessError), 0, QueuePairEvent.AccessError);
    }
}
