using System.Buffers.Binary;
using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>Unreliable datagrams. IBTA vol. 1, 9.8.3.</summary>
public class UdTests
{
    private const uint Seed = 17;
    private const int Grh = 40;

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(1023, true)]
    [InlineData(4096, false)]
    [InlineData(4096, true)]
    public void A_datagram_arrives_behind_forty_bytes_with_its_senders_number(int bytes, bool local)
    {
        var pair = new UnreliablePair(new UnreliableOptions { IsLocal = local });
        pair.A.Memory.Fill(pair.A.Memory.BaseAddress, bytes, Seed);
        pair.PostReceive(7, 5000, 100);
        pair.Post(pair.Send(1, (uint)bytes));
        pair.Settle();
        Completion received = Assert.Single(pair.Received);
        Assert.Equal(
            (7ul, CompletionStatus.Success, CompletionOpcode.Receive, CompletionFlags.GlobalRouteHeader, (uint)(Grh + bytes), UnreliablePair.FirstQpn),
            (received.WorkRequestId, received.Status, received.Opcode, received.Flags, received.Bytes, received.SourceQpn));
        Assert.Equal(-1, pair.B.Memory.FindDifference(pair.B.Memory.BaseAddress + 100 + Grh, bytes, Seed));
        Assert.Equal(0, pair.B.Memory[pair.B.Memory.BaseAddress + 100 + Grh + (uint)bytes]);
        Completion sent = Assert.Single(pair.FirstRings.SendEntries);
        Assert.Equal((1ul, CompletionStatus.Success, CompletionOpcode.Send), (sent.WorkRequestId, sent.Status, sent.Opcode));
        Assert.Equal((0, 0), (pair.A.Resources.SlotsInUse, pair.B.Resources.SlotsInUse));
    }

    [Fact]
    public void The_forty_bytes_are_the_ipv4_header_in_their_last_twenty()
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        byte[] header = ReceiveHeader(pair, 5, trafficClass: 0x6A, hopLimit: 33);
        Assert.All(header[..20], value => Assert.Equal(0, value));
        Assert.Equal((0x45, 0x6A, 33, 17), (header[20], header[21], header[28], header[29]));
        Assert.Equal(20 + 8 + 12 + 8 + 8 + 4, BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(22)));
        Assert.Equal("7F000002" + "7F000003", Convert.ToHexString(header.AsSpan(32)));
        Assert.Equal(0xFFFF, OnesComplementSum(header.AsSpan(20)));
    }

    [Fact]
    public void The_forty_bytes_are_the_whole_ipv6_header()
    {
        var pair = new UnreliablePair(new UnreliableOptions { IPv6 = true });
        byte[] header = ReceiveHeader(pair, 6, trafficClass: 0x6A, hopLimit: 33);
        Assert.Equal("66A00000" + "0028" + "11" + "21", Convert.ToHexString(header[..8]));
        Assert.Equal(pair.A.Address, Gid.Read(header.AsSpan(8)));
        Assert.Equal(pair.B.Address, Gid.Read(header.AsSpan(24)));
    }

    [Fact]
    public void A_multicast_header_has_the_groups_address()
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        pair.PostReceive(1, 100);
        pair.Post(pair.Send(1, 4));
        pair.Poll();
        pair.Second.HandleDatagram(pair.Sent[0], pair.A.Address, Gid.FromIPv4(0xEF010203), pair.NowNs);
        Assert.Single(pair.Received);
        Assert.Equal(0xEF, pair.B.Memory[pair.B.Memory.BaseAddress + 36]);
    }

    [Fact]
    public void Immediate_and_solicited_event_arrive()
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        pair.PostReceive(1, 100);
        pair.Post(pair.Send(1, 4) with
        {
            Opcode = WorkOpcode.SendWithImmediate, ImmediateOrKey = 0xCAFE_F00D, Flags = SendFlags.Signaled | SendFlags.Solicited,
        });
        pair.Settle();
        Completion received = Assert.Single(pair.Received);
        Assert.Equal(
            (0xCAFE_F00Du, true, CompletionFlags.GlobalRouteHeader | CompletionFlags.WithImmediate),
            (received.ImmediateOrKey, received.Solicited, received.Flags));
    }

    [Theory]
    [InlineData(0x1234_5679u, 0)]
    [InlineData(0x1234_5678u, 1)]
    [InlineData(0x8000_0000u, 1)]
    [InlineData(0xFFFF_FFFFu, 1)]
    public void A_queue_key_must_be_the_receivers_and_a_controlled_one_is_the_senders_own(uint queueKey, int received)
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        pair.PostReceive(1, 100);
        SendWorkRequest request = pair.Send(1, 4);
        request.Datagram.QueueKey = queueKey;
        pair.Post(request);
        pair.Settle();
        Assert.Equal(received, pair.Received.Count);
        Assert.Equal(1 - received, pair.B.Counters.DroppedWrongQueueKey);
        Assert.Equal(CompletionStatus.Success, Assert.Single(pair.FirstRings.SendEntries).Status);
    }

    [Fact]
    public void Without_a_receive_request_a_datagram_is_dropped_and_nobody_is_in_error()
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        pair.Post(pair.Send(1, 4));
        pair.Settle();
        pair.PostReceive(2, 100);
        pair.Post(pair.Send(2, 5));
        pair.Settle();
        Assert.Equal((2ul, 45u), (Assert.Single(pair.Received).WorkRequestId, pair.Received[0].Bytes));
        Assert.Equal(1, pair.B.Counters.DroppedNoReceive);
        Assert.Equal((QueuePairState.ReadyToSend, QueuePairState.ReadyToSend), (pair.First.State, pair.Second.State));
    }

    [Fact]
    public void A_datagram_longer_than_the_buffer_is_dropped_and_the_buffer_serves_the_next()
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        pair.PostReceive(1, Grh + 8);
        pair.Post(pair.Send(1, 9));
        pair.Post(pair.Send(2, 8));
        pair.Settle();
        Completion received = Assert.Single(pair.Received);
        Assert.Equal((1ul, CompletionStatus.Success, 48u), (received.WorkRequestId, received.Status, received.Bytes));
        Assert.Equal(1, pair.B.Counters.DroppedNoReceive);
    }

    [Fact]
    public void A_receive_buffer_that_is_not_writable_ends_the_receiver()
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        pair.PostReceive(1, 100);
        pair.PostReceive(2, 100);
        pair.B.Memory.Deregister(pair.RemoteKey);
        pair.Post(pair.Send(1, 4));
        pair.Settle();
        Assert.Equal([CompletionStatus.LocalProtectionError, CompletionStatus.FlushError], pair.Received.Select(done => done.Status));
        Assert.Equal(QueuePairState.Error, pair.Second.State);
    }

    [Theory]
    [InlineData(WorkOpcode.Write)]
    [InlineData(WorkOpcode.Read)]
    [InlineData(WorkOpcode.FetchAdd)]
    [InlineData(WorkOpcode.SendWithInvalidate)]
    [InlineData(WorkOpcode.BindWindow)]
    [InlineData(WorkOpcode.LocalInvalidate)]
    [InlineData(WorkOpcode.AtomicWrite)]
    [InlineData(WorkOpcode.Flush)]
    public void An_operation_that_datagrams_do_not_know_stops_the_send_queue(WorkOpcode opcode)
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        pair.Post(pair.Send(1, 8) with { Opcode = opcode });
        pair.Settle();
        Assert.Equal(CompletionStatus.LocalQpOperationError, Assert.Single(pair.FirstRings.SendEntries).Status);
        Assert.Equal(QueuePairState.SendQueueError, pair.First.State);
        Assert.Empty(pair.A.LocalOperations);
    }

    [Fact]
    public void A_datagram_longer_than_the_mtu_is_a_local_length_error_and_the_receive_queue_goes_on()
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        pair.PostReceive(1, 5000);
        pair.Post(pair.Send(1, 4));
        pair.Post(pair.Send(2, 4097));
        pair.Post(pair.Send(3, 4));
        pair.Settle();
        Assert.Equal(
            [(1ul, CompletionStatus.Success), (2ul, CompletionStatus.LocalLengthError), (3ul, CompletionStatus.FlushError)],
            pair.FirstRings.SendEntries.Select(done => (done.WorkRequestId, done.Status)));
        Assert.Equal(QueuePairState.SendQueueError, pair.First.State);
        Assert.NotNull(pair.FirstRings.SendEntries.ElementAt(1).Hint);

        // The queue in error still receives, flushes what is posted, and comes back by modify.
        pair.Post(pair.Send(4, 4));
        Assert.Equal((4ul, CompletionStatus.FlushError), (pair.FirstRings.SendEntries.Last().WorkRequestId, pair.FirstRings.SendEntries.Last().Status));
        ReceiveInFirst(pair);
        Assert.Equal(0, pair.First.Modify(
            new QueuePairAttributes { State = QueuePairState.ReadyToSend, CurrentState = QueuePairState.SendQueueError },
            QueuePairAttributeMask.State | QueuePairAttributeMask.CurrentState,
            pair.NowNs));
        pair.PostReceive(2, 100);
        pair.Post(pair.Send(5, 4));
        pair.Settle();
        Assert.Equal(2, pair.Received.Count);
    }

    [Fact]
    public void An_address_of_nobody_is_refused()
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        SendWorkRequest request = pair.Send(1, 8);
        request.Datagram.Gid = default;
        pair.Post(request);
        pair.Settle();
        Assert.Equal(CompletionStatus.LocalQpOperationError, Assert.Single(pair.FirstRings.SendEntries).Status);
    }

    [Theory]
    [InlineData(0xFFFF, true)]
    [InlineData(0x7FFF, true)]
    [InlineData(0x8001, false)]
    [InlineData(0x0000, false)]
    public void A_packet_of_another_partition_is_dropped(int partitionKey, bool taken)
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        pair.PostReceive(1, 100);
        pair.Post(pair.Send(1, 4));
        pair.Poll();
        Packet packet = pair.Sent[0];
        packet.PartitionKey = (ushort)partitionKey;
        pair.Hand(packet);
        Assert.Equal(taken ? 1 : 0, pair.Received.Count);
        Assert.Equal(taken ? 0 : 1, pair.B.Counters.DroppedWrongPartition);
    }

    [Fact]
    public void Requests_complete_in_order_unsignalled_ones_without_an_entry()
    {
        var pair = new UnreliablePair(new UnreliableOptions { SignalAll = false });
        for (ulong id = 1; id <= 6; id++)
        {
            pair.Post(pair.Send(id, 4) with { Flags = id % 3 == 0 ? SendFlags.Signaled : SendFlags.None });
        }

        pair.Settle();
        Assert.Equal([1ul, 2, 3, 4, 5, 6], pair.FirstRings.SendsDone.Select(done => done.Completion.WorkRequestId));
        Assert.Equal([3ul, 6], pair.FirstRings.SendEntries.Select(done => done.WorkRequestId));
    }

    [Fact]
    public void A_send_completes_only_in_the_turn_after_its_packet_so_that_links_can_read_its_memory()
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        pair.Post(pair.Send(1, 4));
        Assert.Equal(1, pair.Poll());
        pair.Wait(0);
        Assert.Empty(pair.FirstRings.SendsDone);
        pair.Wait(1);
        Assert.Single(pair.FirstRings.SendsDone);
        Assert.Equal(0, pair.A.Timers.Count);
    }

    [Fact]
    public void Each_datagram_goes_its_own_way()
    {
        var pair = new UnreliablePair(new UnreliableOptions());
        SendWorkRequest elsewhere = pair.Send(2, 4);
        elsewhere.Datagram.Gid = Gid.FromIPv4(0x7F000009);
        elsewhere.Datagram.Qpn = 0xFF_FFFF;
        pair.Post(pair.Send(1, 4));
        pair.Post(elsewhere);
        pair.Post(pair.Send(3, 4));
        pair.Poll();
        Assert.Equal([22u, 0xFF_FFFFu, 22u], Enumerable.Range(0, 3).Select(i => pair.Sent[i].DestinationQpn));
        Assert.Equal([0xFFFFFEu, 0xFFFFFFu, 0u], Enumerable.Range(0, 3).Select(i => pair.Sent[i].Psn.Value));
        Assert.Contains(Gid.FromIPv4(0x7F000009), pair.A.Paths.Keys);
    }

    /// <summary>Seed 900085 of the simulation: who was first in line asked no more once its peer was here, and those behind it waited for ever.</summary>
    [Fact]
    public void A_peer_that_moves_here_lets_all_go_on_who_stood_in_the_line_to_it()
    {
        var pair = new UnreliablePair(new UnreliableOptions { WindowLimitBytes = 4096 });
        QueuePair third = pair.A.Create(33, service: TransportService.UnreliableDatagram, signalAll: true);
        UnreliablePair.ToReady(third, pair.B.Address, UnreliablePair.SecondQpn, pair.Options);
        for (ulong id = 0; id < 8; id++)
        {
            pair.FirstRings.Sends.Enqueue(pair.Send(id, 1000));
            FakeHost.RingsOf(third).Sends.Enqueue(pair.Send(id, 1000));
        }

        pair.First.HandleSendDoorbell(pair.NowNs);
        third.HandleSendDoorbell(pair.NowNs);
        pair.Poll();
        Assert.InRange(pair.Sent.Count, 1, 8);
        pair.A.ResolvePath(pair.First, pair.B.Address, 0, 64).Route.IsLocal = true;

        // Whoever is rung asks before its time in the line.
        pair.Post(pair.Send(8, 1000));
        pair.Poll();
        for (int i = 0; i < 100; i++)
        {
            pair.Wait(100_000);
            pair.Poll();
        }

        Assert.Equal(9, pair.FirstRings.SendEntries.Count());
        Assert.Equal(8, FakeHost.RingsOf(third).SendEntries.Count());
    }

    private static void ReceiveInFirst(UnreliablePair pair)
    {
        var request = new ReceiveWorkRequest { WorkRequestId = 77, SgeCount = 1, TotalBytes = 100 };
        request.Sges[0] = new ScatterGatherEntry { Address = pair.A.Memory.BaseAddress, Length = 100, LocalKey = pair.LocalKey };
        pair.FirstRings.Receives.Enqueue(request);
        var packet = new Packet
        {
            Opcode = Opcode.UdSendOnly, PartitionKey = 0xFFFF, PsnCount = 1, QueueKey = pair.Options.QueueKey, DestinationQpn = UnreliablePair.FirstQpn,
        };
        pair.First.HandleDatagram(packet, pair.B.Address, pair.A.Address, pair.NowNs);
        Assert.Equal(77ul, Assert.Single(pair.FirstRings.ReceivesDone).WorkRequestId);
    }

    private static byte[] ReceiveHeader(UnreliablePair pair, uint payloadBytes, byte trafficClass, byte hopLimit)
    {
        pair.PostReceive(1, 200);
        pair.Post(pair.Send(1, payloadBytes));
        pair.Poll();
        Packet packet = pair.Sent[0];
        packet.TrafficClass = trafficClass;
        packet.HopLimit = hopLimit;
        pair.Hand(packet);
        Assert.Single(pair.Received);
        return [.. Enumerable.Range(0, Grh).Select(i => pair.B.Memory[pair.B.Memory.BaseAddress + (uint)i])];
    }

    private static int OnesComplementSum(ReadOnlySpan<byte> bytes)
    {
        int sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return sum;
    }
}
