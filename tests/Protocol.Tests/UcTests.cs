using CsCheck;
using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>Unreliable connections. IBTA vol. 1, 9.8.2.</summary>
public class UcTests
{
    private const uint Seed = 23;

    [Theory]
    [InlineData(256, 0, false)]
    [InlineData(256, 1, false)]
    [InlineData(1024, 1024, false)]
    [InlineData(1024, 1025, false)]
    [InlineData(4096, 70_001, false)]
    [InlineData(1024, 0, true)]
    [InlineData(1024, 600_001, true)]
    public void A_send_arrives_whole(int mtuBytes, int bytes, bool local)
    {
        var pair = Connect(new UnreliableOptions { PathMtuBytes = mtuBytes, IsLocal = local });
        pair.A.Memory.Fill(pair.A.Memory.BaseAddress + 3, bytes, Seed);
        pair.PostReceive(9, (uint)bytes + 8, 5);
        pair.Post(pair.Send(1, (uint)bytes, 3));
        pair.Settle();
        Completion received = Assert.Single(pair.Received);
        Assert.Equal((9ul, CompletionStatus.Success, CompletionOpcode.Receive, (uint)bytes), (received.WorkRequestId, received.Status, received.Opcode, received.Bytes));
        Assert.Equal(-1, pair.B.Memory.FindDifference(pair.B.Memory.BaseAddress + 5, bytes, Seed));
        Assert.Equal(bytes, pair.B.Memory.BytesWritten);
        Assert.Equal(CompletionStatus.Success, Assert.Single(pair.FirstRings.SendEntries).Status);
        Assert.Equal((0, 0), (pair.A.Resources.SlotsInUse, pair.B.Resources.SlotsInUse));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(5000, true)]
    [InlineData(5000, false)]
    public void A_write_arrives_whole_and_its_immediate_takes_a_receive(int bytes, bool immediate)
    {
        var pair = Connect(new UnreliableOptions());
        pair.A.Memory.Fill(pair.A.Memory.BaseAddress, bytes, Seed);
        pair.PostReceive(9, 0);
        pair.Post(Write(pair, 1, (uint)bytes) with
        {
            Opcode = immediate ? WorkOpcode.WriteWithImmediate : WorkOpcode.Write, ImmediateOrKey = 77,
        });
        pair.Settle();
        Assert.Equal(-1, pair.B.Memory.FindDifference(pair.B.Memory.BaseAddress, bytes, Seed));
        Assert.Equal(CompletionOpcode.Write, Assert.Single(pair.FirstRings.SendEntries).Opcode);
        if (immediate)
        {
            Completion received = Assert.Single(pair.Received);
            Assert.Equal(
                (9ul, CompletionOpcode.ReceiveWriteWithImmediate, 77u, (uint)bytes, CompletionFlags.WithImmediate),
                (received.WorkRequestId, received.Opcode, received.ImmediateOrKey, received.Bytes, received.Flags));
        }
        else
        {
            Assert.Empty(pair.Received);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_message_that_lost_a_packet_is_given_up_and_its_buffer_serves_the_next(int lost)
    {
        var pair = Connect(new UnreliableOptions());
        pair.A.Memory.Fill(pair.A.Memory.BaseAddress + 8192, 4096, Seed);
        pair.PostReceive(1, 4096);
        pair.PostReceive(2, 4096, 4096);
        pair.Post(pair.Send(1, 4096));
        pair.Post(pair.Send(2, 4096, 8192));
        Assert.Equal(8, pair.Poll());
        pair.Deliver(lost);
        Completion received = Assert.Single(pair.Received);
        Assert.Equal((1ul, CompletionStatus.Success, 4096u), (received.WorkRequestId, received.Status, received.Bytes));
        Assert.Equal(-1, pair.B.Memory.FindDifference(pair.B.Memory.BaseAddress, 4096, Seed));
        Assert.Equal((QueuePairState.ReadyToSend, 0), (pair.Second.State, pair.SecondRings.Events.Count));
        pair.Second.Query(out QueuePairAttributes attributes);
        Assert.Equal(new Psn(pair.Options.FirstPsn) + 8, attributes.ReceivePsn);
    }

    [Fact]
    public void Two_sends_that_lost_the_end_of_one_and_the_beginning_of_the_other_are_not_mixed()
    {
        var pair = Connect(new UnreliableOptions());
        pair.PostReceive(1, 8192);
        pair.Post(pair.Send(1, 4096));
        pair.Post(pair.Send(2, 4096));
        pair.Post(pair.Send(3, 2000));
        pair.Poll();
        pair.Deliver(3, 4);
        Assert.Equal((1ul, 2000u), (Assert.Single(pair.Received).WorkRequestId, pair.Received[0].Bytes));
        Assert.Equal(1, pair.B.Counters.AbandonedMessages);
        Assert.Equal(3, pair.B.Counters.DroppedOutOfSequence);
    }

    [Fact]
    public void Copies_and_late_packets_are_not_received_again()
    {
        var pair = Connect(new UnreliableOptions());
        pair.PostReceive(1, 100);
        pair.PostReceive(2, 100);
        pair.PostReceive(3, 100);
        pair.Post(pair.Send(1, 10));
        pair.Post(pair.Send(2, 20));
        pair.Poll();
        pair.Hand(pair.Sent[1]);
        pair.Hand(pair.Sent[1]);
        pair.Hand(pair.Sent[0]);
        Assert.Equal(20u, Assert.Single(pair.Received).Bytes);
        Assert.Equal(2, pair.B.Counters.DroppedOutOfSequence);
    }

    [Fact]
    public void A_peer_that_went_on_for_long_is_followed()
    {
        var pair = Connect(new UnreliableOptions());
        pair.PostReceive(1, 100);
        pair.Post(pair.Send(1, 10));
        pair.Poll();
        Packet packet = pair.Sent[0];
        packet.Psn += 1 << 23;
        pair.Hand(packet);
        Assert.Single(pair.Received);
    }

    [Fact]
    public void Without_a_receive_request_a_message_is_dropped_whole()
    {
        var pair = Connect(new UnreliableOptions());
        pair.Post(pair.Send(1, 4096));
        pair.Poll();
        pair.Hand(pair.Sent[0]);
        pair.PostReceive(1, 4096);
        for (int i = 1; i < 4; i++)
        {
            pair.Hand(pair.Sent[i]);
        }

        pair.Sent.Clear();
        Assert.Empty(pair.Received);
        pair.Post(pair.Send(2, 7));
        pair.Settle();
        Assert.Equal(7u, Assert.Single(pair.Received).Bytes);
        Assert.Equal(1, pair.B.Counters.DroppedNoReceive);
    }

    [Fact]
    public void A_message_longer_than_its_buffer_is_dropped_and_the_buffer_serves_the_next()
    {
        var pair = Connect(new UnreliableOptions());
        pair.PostReceive(1, 3000);
        pair.Post(pair.Send(1, 3001));
        pair.Post(pair.Send(2, 3000));
        pair.Settle();
        Assert.Equal((1ul, 3000u, CompletionStatus.Success), (Assert.Single(pair.Received).WorkRequestId, pair.Received[0].Bytes, pair.Received[0].Status));
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void A_write_without_right_is_dropped_without_error(bool qpPermits, bool keyIsGood)
    {
        var pair = Connect(new UnreliableOptions { Access = qpPermits ? Duo.AllAccess : AccessFlags.LocalWrite });
        SendWorkRequest write = Write(pair, 1, 4096);
        write.RemoteKey = keyIsGood ? write.RemoteKey : 0xDEAD;
        pair.Post(write);
        pair.Settle();
        Assert.Equal(0, pair.B.Memory.BytesWritten);
        Assert.Equal((QueuePairState.ReadyToSend, 0), (pair.Second.State, pair.SecondRings.Events.Count));
        Assert.Equal(1, pair.B.Counters.DroppedBadRequest);
        Assert.Equal(CompletionStatus.Success, Assert.Single(pair.FirstRings.SendEntries).Status);
    }

    [Theory]
    [InlineData(WorkOpcode.Read)]
    [InlineData(WorkOpcode.CompareSwap)]
    [InlineData(WorkOpcode.FetchAdd)]
    [InlineData(WorkOpcode.SendWithInvalidate)]
    [InlineData(WorkOpcode.MaskedFetchAdd)]
    [InlineData(WorkOpcode.Flush)]
    [InlineData(WorkOpcode.AtomicWrite)]
    public void What_needs_an_answer_stops_the_send_queue(WorkOpcode opcode)
    {
        var pair = Connect(new UnreliableOptions());
        pair.Post(Write(pair, 1, 8) with { Opcode = opcode });
        pair.Post(Write(pair, 2, 8));
        pair.Settle();
        Assert.Equal(
            [CompletionStatus.LocalQpOperationError, CompletionStatus.FlushError], pair.FirstRings.SendEntries.Select(done => done.Status));
        Assert.Equal(QueuePairState.SendQueueError, pair.First.State);
    }

    [Fact]
    public void A_buffer_that_is_not_readable_stops_the_send_queue_after_what_was_sent_before()
    {
        var pair = Connect(new UnreliableOptions());
        SendWorkRequest bad = pair.Send(2, 4096);
        bad.Sges[0].LocalKey = 0xDEAD;
        pair.PostReceive(1, 100);
        pair.Post(pair.Send(1, 10));
        pair.Post(bad);
        pair.Settle();
        Assert.Equal(
            [(1ul, CompletionStatus.Success), (2ul, CompletionStatus.LocalProtectionError)],
            pair.FirstRings.SendEntries.Select(done => (done.WorkRequestId, done.Status)));
        Assert.Single(pair.Received);
    }

    [Fact]
    public void Local_operations_take_their_turn_and_an_invalidation_waits_for_all_before_it()
    {
        var pair = Connect(new UnreliableOptions());
        pair.PostReceive(1, 100);
        pair.Post(Local(WorkOpcode.BindWindow, 1, 5));
        pair.Post(pair.Send(2, 10));
        pair.Post(Local(WorkOpcode.LocalInvalidate, 3, 6));
        pair.Post(pair.Send(4, 10));
        Assert.Equal(1, pair.Poll());
        Assert.Equal([(WorkOpcode.BindWindow, 5u)], pair.A.LocalOperations);
        pair.Settle();
        Assert.Equal([(WorkOpcode.BindWindow, 5u), (WorkOpcode.LocalInvalidate, 6u)], pair.A.LocalOperations);
        Assert.Equal(
            [CompletionOpcode.BindWindow, CompletionOpcode.Send, CompletionOpcode.LocalInvalidate, CompletionOpcode.Send],
            pair.FirstRings.SendEntries.Select(done => done.Opcode));
    }

    [Fact]
    public void A_bind_that_fails_stops_the_send_queue_with_its_status()
    {
        var pair = Connect(new UnreliableOptions());
        pair.A.LocalOutcome = CompletionStatus.MemoryWindowBindError;
        pair.Post(pair.Send(1, 10));
        pair.Post(Local(WorkOpcode.BindWindow, 2, 5));
        pair.Settle();
        Assert.Equal([CompletionStatus.Success, CompletionStatus.MemoryWindowBindError], pair.FirstRings.SendEntries.Select(done => done.Status));
    }

    [Fact]
    public void A_packet_from_another_address_or_of_another_service_is_dropped()
    {
        var pair = Connect(new UnreliableOptions());
        pair.PostReceive(1, 100);
        pair.Post(pair.Send(1, 10));
        pair.Poll();
        pair.Second.HandlePacket(pair.Sent[0], Gid.FromIPv4(0x7F000009), pair.NowNs);
        Packet packet = pair.Sent[0];
        packet.Opcode = Opcode.RcSendOnly;
        pair.Hand(packet);
        packet.Opcode = Opcode.UdSendOnly;
        pair.Hand(packet);
        Assert.Empty(pair.Received);
        Assert.Equal((1, 2), (pair.B.Counters.DroppedWrongSource, pair.B.Counters.DroppedWrongOpcode));
    }

    [Fact]
    public void Every_received_message_was_sent_whole_and_in_order_whatever_the_network_does() =>
        Gen.Select(Gen.Int[0, 400], Gen.Int[0, int.MaxValue], Gen.Bool).Sample((lossPerMille, seed, reorders) =>
        {
            var random = new Random(seed);
            var pair = Connect(new UnreliableOptions { PathMtuBytes = 256 });
            var lengths = new List<int>();
            for (int i = 0; i < 60; i++)
            {
                pair.PostReceive((ulong)i, 2048, (ulong)i * 2048);
            }

            for (uint i = 0; i < 40; i++)
            {
                lengths.Add(random.Next(1, 1500));
                pair.A.Memory.Fill(pair.A.Memory.BaseAddress + (i * 2048), lengths[^1], i);
                pair.Post(pair.Send(i, (uint)lengths[^1], i * 2048));
            }

            while (pair.Poll() > 0)
            {
                int[] order = [.. Enumerable.Range(0, pair.Sent.Count).OrderBy(i => reorders && random.Next(8) == 0 ? i + random.Next(6) : i)];
                foreach (int i in order)
                {
                    for (int copies = random.Next(1000) < lossPerMille ? 0 : random.Next(10) == 0 ? 2 : 1; copies > 0; copies--)
                    {
                        pair.Hand(pair.Sent[i]);
                    }
                }

                pair.Sent.Clear();
                pair.Wait(1);
            }

            AssertReceivedAreAmongSent(pair, lengths);
            Assert.Equal(40, pair.FirstRings.SendsDone.Count);
        }, iter: 300);

    private static void AssertReceivedAreAmongSent(UnreliablePair pair, List<int> lengths)
    {
        int message = 0;
        ulong receive = 0;
        foreach (Completion received in pair.Received)
        {
            Assert.Equal((receive, CompletionStatus.Success), (received.WorkRequestId, received.Status));
            while (message < lengths.Count
                && (lengths[message] != received.Bytes
                    || pair.B.Memory.FindDifference(pair.B.Memory.BaseAddress + (receive * 2048), lengths[message], (uint)message) >= 0))
            {
                message++;
            }

            Assert.True(message++ < lengths.Count, $"receive {receive} holds no message that was sent after the one before it");
            receive++;
        }
    }

    private static UnreliablePair Connect(UnreliableOptions options) =>
        new(options with { Service = TransportService.UnreliableConnection });

    private static SendWorkRequest Write(UnreliablePair pair, ulong id, uint bytes) =>
        Requests.Write(id, pair.A.Memory.BaseAddress, bytes, pair.LocalKey, pair.B.Memory.BaseAddress, pair.RemoteKey);

    private static SendWorkRequest Local(WorkOpcode opcode, ulong id, uint key)
    {
        SendWorkRequest request = Requests.Make(opcode, id, 0, 0, 0);
        request.LocalOperation.Key = key;
        return request;
    }
}
