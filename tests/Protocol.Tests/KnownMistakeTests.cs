using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>Mistakes that other implementations are known for, one test each.</summary>
public class KnownMistakeTests
{
    [Fact]
    public void The_retransmit_timer_is_cancelled_when_all_is_acknowledged()
    {
        var lone = new Lone(new DuoOptions());
        for (ulong id = 0; id < 100; id++)
        {
            lone.PostWrite(id, 8);
            lone.Poll();
            lone.Wait(1_000_000);
            lone.Receive(lone.Ack((int)id));
        }

        lone.Wait(10_000_000_000);
        Assert.Equal(0, lone.Host.Timers.Count);
        Assert.Equal(long.MaxValue, lone.Qp.DeadlineNs);
        Assert.Equal((0, 0), (lone.Host.Counters.Timeouts, lone.Host.Counters.RetransmittedPackets));
    }

    [Fact]
    public void A_lost_answer_of_an_atomic_is_replayed_and_the_atomic_executed_once()
    {
        var duo = new Duo(new DuoOptions());
        duo.Post(Requests.FetchAdd(1, duo.A.Memory.BaseAddress, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey, 5));
        for (int losses = 0; losses < 3; losses++)
        {
            duo.PollA();
            duo.DeliverToB();
            duo.PollB();
            Assert.Equal(1, duo.FromB.Count);
            duo.FromB.Clear();
            Assert.True(duo.PassTime());
        }

        duo.Settle();
        Assert.Equal(CompletionStatus.Success, Assert.Single(duo.FirstRings.SendEntries).Status);
        Assert.Equal(0ul, duo.A.Memory.ReadWord(duo.A.Memory.BaseAddress));
        Assert.Equal(5ul, duo.B.Memory.ReadWord(duo.B.Memory.BaseAddress));
        Assert.Equal(3, duo.B.Counters.ReplayedRequests);
    }

    [Fact]
    public void A_replayed_compare_and_swap_returns_what_it_found_the_first_time()
    {
        var lone = new Lone(new DuoOptions());
        lone.Host.Memory.WriteWord(lone.Base, 1);
        Packet request = lone.Request(Opcode.RcCompareSwap, 0) with { Compare = 1, SwapOrAdd = 2 };
        for (int i = 0; i < 3; i++)
        {
            lone.Receive(request);
            Assert.Equal(1, lone.Poll());
            Assert.Equal((Opcode.RcAtomicAcknowledge, 1ul), (lone.Sent[0].Opcode, lone.Sent[0].OriginalValue));
        }

        Assert.Equal(2ul, lone.Host.Memory.ReadWord(lone.Base));
    }

    [Fact]
    public void An_acknowledgement_that_passes_over_a_read_asks_for_it_again_once()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostRead(1, 100);
        lone.PostWrite(2, 8);
        lone.PostWrite(3, 8);
        Assert.Equal(3, lone.Poll());
        lone.Receive(lone.Ack(1));
        lone.Receive(lone.Ack(2));
        Assert.Empty(lone.Rings.SendsDone);
        Assert.Equal(1, lone.Poll());
        Assert.Equal(Opcode.RcReadRequest, lone.Sent[0].Opcode);
        Assert.Equal(1, lone.Host.Counters.ImpliedNaks);
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseOnly, 0, 100));
        Assert.Equal(3, lone.Rings.SendsDone.Count);
    }

    [Fact]
    public void A_ghost_acknowledgement_changes_nothing()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Ack(0));
        lone.PostWrite(1, 8);
        lone.PostWrite(2, 8);
        lone.Poll();
        foreach (int beyond in new[] { 2, 3, 1000, 0x7F_FFFF })
        {
            lone.Receive(lone.Ack(beyond));
            lone.Receive(lone.Acknowledge(beyond, AethSyndrome.Nak(NakCode.RemoteAccessError)));
            lone.Receive(lone.Acknowledge(beyond, AethSyndrome.RnrNak(1)));
            lone.Receive(lone.Acknowledge(beyond, AethSyndrome.Nak(NakCode.PsnSequenceError)));
        }

        Assert.Empty(lone.Rings.SendsDone);
        Assert.Equal(0, lone.Poll());
        lone.Receive(lone.Ack(1));
        lone.Receive(lone.Ack(0));
        lone.Receive(lone.Acknowledge(0, AethSyndrome.Nak(NakCode.RemoteAccessError)));
        Assert.Equal(2, lone.Rings.SendsDone.Count);
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
    }

    [Fact]
    public void Read_responses_wait_for_room_instead_of_being_lost_by_the_senders_own_queue()
    {
        var duo = new Duo(new DuoOptions { PathMtuBytes = 256, WindowLimitBytes = 4 << 20 });
        duo.B.Memory.Fill(duo.B.Memory.BaseAddress, 200_000, 3);
        duo.Post(Requests.Read(1, duo.A.Memory.BaseAddress, 200_000, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey));
        duo.Settle();
        Assert.Equal(-1, duo.A.Memory.FindDifference(duo.A.Memory.BaseAddress, 200_000, 3));
        Assert.Equal((0, 782), (duo.A.Counters.RetransmittedPackets, duo.B.Counters.ResponsePacketsSent));
    }

    [Fact]
    public void Responses_beyond_or_beside_the_request_are_dropped()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostRead(1, 1500);
        lone.Poll();
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseFirst, 0, 1000));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseOnly, 0, 1500));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseFirst, 0, 0));
        lone.Receive(lone.ReadResponse(Opcode.RcAtomicAcknowledge, 0, 0));
        Assert.Equal(0, lone.Host.Memory.BytesWritten);
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseFirst, 0, 1024));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseLast, 1, 477));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseMiddle, 1, 1024));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseLast, 2, 476));
        Assert.Equal(1024, lone.Host.Memory.BytesWritten);
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseLast, 1, 476));
        Assert.Equal(CompletionStatus.Success, Assert.Single(lone.Rings.SendEntries).Status);
        Assert.Equal(6, lone.Host.Counters.DroppedBadResponse);
    }

    [Fact]
    public void Nothing_is_processed_after_the_error_state()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 8);
        lone.PostRead(2, 8);
        lone.Poll();
        lone.PostReceive(3, 64);
        Assert.Equal(0, lone.Qp.Modify(new QueuePairAttributes { State = QueuePairState.Error }, QueuePairAttributeMask.State, lone.NowNs));
        int done = lone.Rings.SendsDone.Count + lone.Rings.ReceivesDone.Count;
        Assert.Equal(3, done);
        lone.Receive(lone.Ack(0));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseOnly, 1, 8));
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        lone.Receive(lone.Request(Opcode.RcSendOnly, 0, 8));
        lone.Wait(10_000_000_000);
        Assert.Equal(0, lone.Poll());
        Assert.Equal(done, lone.Rings.SendsDone.Count + lone.Rings.ReceivesDone.Count);
        Assert.Equal(0, lone.Host.Memory.BytesWritten);
        Assert.Equal(4, lone.Host.Counters.DroppedWrongState);
    }

    [Fact]
    public void A_duplicate_read_is_read_again_from_the_packet_that_is_asked_for()
    {
        var lone = new Lone(new DuoOptions());
        Packet request = lone.Request(Opcode.RcReadRequest, 0) with { DmaLength = 5000 };
        lone.Receive(request);
        Assert.Equal(5, lone.Poll());
        lone.Receive(request with { Psn = request.Psn + 2, RemoteAddress = lone.Base + 2048, DmaLength = 5000 - 2048 });
        Assert.Equal(3, lone.Poll());
        Assert.Equal(
            [Opcode.RcReadResponseFirst, Opcode.RcReadResponseMiddle, Opcode.RcReadResponseLast],
            Enumerable.Range(0, 3).Select(i => lone.Sent[i].Opcode));
        Assert.Equal(
            [request.Psn + 2, request.Psn + 3, request.Psn + 4], Enumerable.Range(0, 3).Select(i => lone.Sent[i].Psn));
        Assert.Equal([1024, 1024, 904], Enumerable.Range(0, 3).Select(i => lone.Sent[i].PayloadBytes));
        lone.Receive(request with { Psn = request.Psn + 1, RemoteAddress = lone.Base + 1024, DmaLength = 1024 });
        Assert.Equal(1, lone.Poll());
        Assert.Equal((Opcode.RcReadResponseOnly, 1024), (lone.Sent[0].Opcode, lone.Sent[0].PayloadBytes));
    }

    [Fact]
    public void A_duplicate_that_differs_from_its_original_or_is_older_than_the_resources_is_dropped()
    {
        var lone = new Lone(new DuoOptions { MaxDestinationRdAtomic = 2 });
        Packet first = lone.Request(Opcode.RcReadRequest, 0) with { DmaLength = 100 };
        lone.Receive(first);
        lone.Receive(lone.Request(Opcode.RcReadRequest, 1) with { DmaLength = 100 });
        Assert.Equal(2, lone.Poll());
        lone.Receive(first with { RemoteAddress = lone.Base + 8 });
        lone.Receive(first with { DmaLength = 101 });
        lone.Receive(first with { RemoteKey = 1 });
        lone.Receive(first with { Opcode = Opcode.RcFetchAdd });
        Assert.Equal(0, lone.Poll());
        lone.Receive(lone.Request(Opcode.RcReadRequest, 2) with { DmaLength = 100 });
        Assert.Equal(1, lone.Poll());
        lone.Receive(first);
        Assert.Equal(0, lone.Poll());
        Assert.Equal(5, lone.Host.Counters.DroppedTooOld);
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
    }

    [Fact]
    public void A_packet_from_another_address_is_dropped()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 8);
        lone.Poll();
        Gid stranger = Gid.FromIPv4(0x7F000009);
        lone.Receive(lone.Ack(0), stranger);
        lone.Receive(lone.Acknowledge(0, AethSyndrome.Nak(NakCode.RemoteAccessError)), stranger);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8), stranger);
        lone.Receive(lone.Request(Opcode.RcWriteMiddle, 0, 8), stranger);
        Assert.Equal(4, lone.Host.Counters.DroppedWrongSource);
        Assert.Empty(lone.Rings.SendsDone);
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
    }

    [Theory]
    [InlineData(Opcode.UcWriteOnly)]
    [InlineData(Opcode.UdSendOnly)]
    [InlineData((Opcode)0x15)]
    [InlineData((Opcode)0xFF)]
    public void A_packet_of_another_service_never_moves_the_qp(Opcode opcode)
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(opcode, 0, 8));
        Assert.Equal(0, lone.Poll());
        Assert.Equal(1, lone.Host.Counters.DroppedWrongOpcode);
        lone.Receive(lone.Request(Opcode.RcWriteOnly, 0, 8));
        lone.AssertAnswers(AethSyndrome.Ack(), 0);
    }

    [Fact]
    public void An_acknowledgement_of_a_reserved_kind_never_moves_the_qp()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 8);
        lone.Poll();
        foreach (byte syndrome in new byte[] { 0x40, 0x5F, 0x80, 0xFF, 0x64, 0x65, 0x7F })
        {
            lone.Receive(lone.Acknowledge(0, new AethSyndrome(syndrome)));
        }

        Assert.Empty(lone.Rings.SendsDone);
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
    }
}
