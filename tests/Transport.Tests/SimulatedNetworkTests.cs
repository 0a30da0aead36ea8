using System.Text;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

public unsafe class SimulatedNetworkTests
{
    private static readonly Gid s_left = Gid.FromIPv4(0x0A00_0001);
    private static readonly Gid s_right = Gid.FromIPv4(0x0A00_0002);

    private static readonly SimulatedNetworkOptions s_hostile = new()
    {
        LossRate = 0.1, DuplicateRate = 0.1, ReorderRate = 0.2, CorruptRate = 0.1, TruncateRate = 0.05, MarkRate = 0.1,
        DelayMinNs = 1_000, DelayMaxNs = 9_000, ReorderDelayNs = 30_000,
    };

    private sealed class Pair
    {
        public Pair(ulong seed, SimulatedNetworkOptions? options = null)
        {
            Network = new SimulatedNetwork(seed, options);
            Left = Network.CreateLink(s_left);
            Right = Network.CreateLink(s_right);
        }

        public readonly SimulatedNetwork Network;
        public readonly SimulatedLink Left;
        public readonly SimulatedLink Right;
        public readonly Route Route = new(s_left, s_right, trafficClass: 2);
        public readonly RecordingReceiver Receiver = new();

        public void Send(int count, uint firstPsn = 0, int payloadBytes = 32)
        {
            byte* payload = stackalloc byte[payloadBytes];
            for (uint i = 0; i < count; i++)
            {
                new Span<byte>(payload, payloadBytes).Fill((byte)(firstPsn + i));
                var segment = new MemorySegment(payload, payloadBytes);
                Left.Emit(TestPackets.WithPayload(TestPackets.Make(Opcode.RcSendOnly, firstPsn + i), &segment), Route);
            }
            Left.Flush();
        }

        public IEnumerable<int> Psns => Receiver.Packets.Select(packet => (int)packet.Fields.Psn.Value);

        public void RunToEnd()
        {
            while (Network.NextDeliveryNs != long.MaxValue)
            {
                Network.Advance(Network.NextDeliveryNs);
                Right.Receive(Receiver, int.MaxValue);
            }
        }
    }

    private static string Trace(ulong seed)
    {
        var pair = new Pair(seed, s_hostile);
        var trace = new StringBuilder();
        for (uint round = 0; round < 20; round++)
        {
            pair.Send(20, round * 20);
            pair.Network.Advance(pair.Network.NowNs + 4_000);
            pair.Right.Receive(pair.Receiver, int.MaxValue);
            trace.Append(pair.Network.NowNs).Append(':').AppendJoin(',', pair.Psns).AppendLine();
        }
        pair.RunToEnd();
        SimulatedNetworkStatistics counts = pair.Network.Statistics;
        return trace.AppendJoin(',', pair.Psns).Append(counts.Lost).Append(counts.Corrupted).Append(counts.Reordered).ToString();
    }

    [Fact]
    public void The_same_seed_replays_the_same_run_and_another_seed_does_not()
    {
        Assert.Equal(Trace(42), Trace(42));
        Assert.NotEqual(Trace(42), Trace(43));
    }

    [Fact]
    public void The_generator_gives_the_published_sequence()
    {
        var random = new DeterministicRandom(1234567);
        Assert.Equal([6457827717110365317UL, 3203168211198807973UL, 9817491932198370423UL], [random.NextUInt64(), random.NextUInt64(), random.NextUInt64()]);
    }

    [Fact]
    public void Without_faults_everything_arrives_once_in_order_after_the_delay()
    {
        var pair = new Pair(1);
        pair.Send(100);
        Assert.Equal(5_000, pair.Network.NextDeliveryNs);
        Assert.Equal(0, pair.Network.Advance(4_999));
        Assert.Equal(0, pair.Right.Receive(pair.Receiver, 1000));
        Assert.Equal(100, pair.Network.Advance(5_000));
        Assert.Equal(30, pair.Right.Receive(pair.Receiver, 30));
        Assert.Equal(70, pair.Right.Receive(pair.Receiver, 1000));
        Assert.Equal(Enumerable.Range(0, 100), pair.Psns);
        Assert.Equal(long.MaxValue, pair.Network.NextDeliveryNs);
        Assert.All(pair.Receiver.Packets, packet => Assert.All(packet.Payload, value => Assert.Equal((byte)packet.Fields.Psn.Value, value)));
        Assert.All(pair.Receiver.Packets, packet => Assert.Equal((s_left, s_right), (packet.Source, packet.Destination)));
    }

    [Fact]
    public void Jitter_delays_and_does_not_reorder()
    {
        var pair = new Pair(7, new SimulatedNetworkOptions { DelayMinNs = 1, DelayMaxNs = 1_000_000 });
        for (uint i = 0; i < 200; i++)
        {
            pair.Network.Advance(i * 1_000);
            pair.Right.Receive(pair.Receiver, int.MaxValue);
            pair.Send(1, i);
        }
        pair.RunToEnd();
        Assert.Equal(Enumerable.Range(0, 200), pair.Psns);
    }

    [Fact]
    public void Reordering_lets_later_packets_overtake_and_loses_none()
    {
        var pair = new Pair(3, new SimulatedNetworkOptions { ReorderRate = 0.3 });
        pair.Send(200);
        pair.RunToEnd();
        Assert.NotEqual(Enumerable.Range(0, 200), pair.Psns);
        Assert.Equal(Enumerable.Range(0, 200), pair.Psns.Order());
        Assert.InRange(pair.Network.Statistics.Reordered, 30, 90);
    }

    [Fact]
    public void Loss_and_duplication_come_at_their_rates()
    {
        var pair = new Pair(5, new SimulatedNetworkOptions { LossRate = 0.25, DuplicateRate = 0.1 });
        for (uint i = 0; i < 10; i++)
            pair.Send(400, i * 400);
        pair.RunToEnd();
        SimulatedNetworkStatistics counts = pair.Network.Statistics;
        Assert.Equal(4000, counts.Sent);
        Assert.InRange(counts.Lost, 900, 1100);
        Assert.InRange(counts.Duplicated, 320, 480);
        Assert.Equal(4000 - counts.Lost + counts.Duplicated, pair.Receiver.Packets.Count);
    }

    [Fact]
    public void A_damaged_datagram_never_reaches_the_receiver()
    {
        var pair = new Pair(6, new SimulatedNetworkOptions { CorruptRate = 1 });
        for (uint i = 0; i < 100; i++)
            pair.Send(100, i * 100, payloadBytes: 64);
        pair.RunToEnd();

        // Only the reserved byte of the BTH may change unnoticed: it carries nothing.
        long dropped = Enum.GetValues<MalformedReason>().Sum(pair.Right.Malformed);
        Assert.Equal(10_000, pair.Network.Statistics.Corrupted);
        Assert.Equal(10_000, dropped + pair.Receiver.Packets.Count);
        Assert.InRange(pair.Receiver.Packets.Count, 1, 250);
        foreach (ReceivedPacket packet in pair.Receiver.Packets)
        {
            Packet expected = TestPackets.Make(Opcode.RcSendOnly, packet.Fields.Psn.Value);
            expected.PayloadBytes = 64;
            TestPackets.AssertSameFields(expected, packet.Fields);
            Assert.All(packet.Payload, value => Assert.Equal((byte)packet.Fields.Psn.Value, value));
        }
    }

    [Fact]
    public void A_truncated_datagram_never_reaches_the_receiver()
    {
        var pair = new Pair(8, new SimulatedNetworkOptions { TruncateRate = 1 });
        pair.Send(1000);
        pair.RunToEnd();
        Assert.Empty(pair.Receiver.Packets);
        Assert.True(pair.Right.Malformed(MalformedReason.TooShort) > 0);
    }

    [Fact]
    public void A_mark_arrives_as_congestion_experienced()
    {
        var pair = new Pair(9, new SimulatedNetworkOptions { MarkRate = 1 });
        pair.Send(10);
        pair.RunToEnd();
        Assert.Equal(10, pair.Receiver.Packets.Count);
        Assert.All(pair.Receiver.Packets, packet => Assert.True((packet.Fields.Flags & PacketFlags.CongestionExperienced) != 0));
    }

    [Fact]
    public void A_partition_holds_until_it_heals_and_may_be_one_way()
    {
        var pair = new Pair(10);
        pair.Network.SetPartition(s_right, s_left, true);
        pair.Send(10);
        pair.Network.SetPartition(s_left, s_right, false);
        pair.Network.SetOneWayPartition(s_right, s_left, true);
        pair.Send(5, 100);
        pair.RunToEnd();
        Assert.Equal(Enumerable.Range(100, 5), pair.Psns);
        Assert.Equal(10, pair.Network.Statistics.Partitioned);
    }

    [Fact]
    public void Datagrams_beyond_the_networks_mtu_are_dropped()
    {
        var pair = new Pair(11, new SimulatedNetworkOptions { DatagramBytesMax = 1100 });
        pair.Send(3, payloadBytes: 2048);
        pair.Send(3, 10, payloadBytes: 1024);
        pair.RunToEnd();
        Assert.Equal([10, 11, 12], pair.Psns);
        Assert.Equal(3, pair.Network.Statistics.TooLong);
    }

    [Fact]
    public void A_full_inbox_drops_as_a_socket_does()
    {
        var pair = new Pair(12);
        pair.Right.InboxDatagramsMax = 4;
        pair.Send(10);
        pair.RunToEnd();
        Assert.Equal([0, 1, 2, 3], pair.Psns);
        Assert.Equal(6, pair.Right.InboxDrops);
    }

    [Fact]
    public void An_address_that_is_gone_takes_no_packets_and_can_come_back()
    {
        var pair = new Pair(13);
        Assert.Throws<InvalidOperationException>(() => pair.Network.CreateLink(s_right));
        pair.Right.Dispose();
        pair.Send(3);
        pair.RunToEnd();
        Assert.Equal(3, pair.Network.Statistics.Unreachable);
        SimulatedLink again = pair.Network.CreateLink(s_right);
        pair.Send(2, 50);
        pair.Network.Advance(pair.Network.NextDeliveryNs);
        Assert.Equal(2, again.Receive(pair.Receiver, 10));
    }

    [Fact]
    public void Time_never_goes_back()
    {
        var pair = new Pair(14);
        pair.Network.Advance(1_000_000);
        pair.Network.Advance(10);
        Assert.Equal(1_000_000, pair.Network.NowNs);
        pair.Send(1);
        Assert.Equal(1_005_000, pair.Network.NextDeliveryNs);
    }

    [Fact]
    public void A_switched_off_fault_leaves_the_others_where_they_were()
    {
        static IEnumerable<int> Survivors(SimulatedNetworkOptions options)
        {
            var pair = new Pair(15, options);
            pair.Send(300);
            pair.RunToEnd();
            return pair.Psns.Order();
        }

        var lossy = new SimulatedNetworkOptions { LossRate = 0.2 };
        Assert.Equal(Survivors(lossy), Survivors(lossy with { ReorderRate = 0.5, MarkRate = 0.5, DelayMaxNs = 90_000 }));
    }

    [Fact]
    public void The_batch_has_an_end()
    {
        var network = new SimulatedNetwork(1);
        SimulatedLink link = network.CreateLink(s_left);
        var route = new Route(s_left, s_right);
        int emitted = 0;
        for (; link.HasRoom; emitted++)
            link.Emit(TestPackets.Make(Opcode.RcAcknowledge), route);
        Assert.Equal(link.BatchPacketsMax, emitted);
        link.Flush();
        Assert.True(link.HasRoom);
        Assert.Equal(-1, link.PollDescriptor);
    }

    [Fact]
    public void Middle_packets_of_a_message_leave_and_come_as_runs_and_damage_ends_one()
    {
        const int mtuBytes = 1024, packets = 12;
        for (ulong seed = 0; seed < 50; seed++)
        {
            var pair = new Pair(seed, new SimulatedNetworkOptions { CorruptRate = seed < 25 ? 0 : 0.1, DelayMinNs = 1_000, DelayMaxNs = 1_000 });
            using var memory = new NativeBuffer(1 << 16);
            using var placing = new PlacingReceiver(7, mtuBytes, packetsMax: 64);
            var segment = new MemorySegment(memory.Pointer, packets * mtuBytes);
            Packet run = TestPackets.WithPayload(TestPackets.Make(Opcode.RcWriteMiddle, 7), &segment);
            run.Flags = PacketFlags.AcknowledgeRequest;
            run.DestinationQpn = PlacingReceiver.Qpn;
            run.PsnCount = packets;
            pair.Left.Emit(run, pair.Route);
            pair.Left.Flush();
            while (pair.Network.NextDeliveryNs != long.MaxValue)
            {
                pair.Network.Advance(pair.Network.NextDeliveryNs);
                pair.Right.Receive(placing, int.MaxValue);
            }

            int placed = placing.Runs.Sum(each => each.Packets);
            Assert.Equal(packets, placed + placing.Others.Count + (int)pair.Network.Statistics.Corrupted);
            Assert.Equal(memory.Span[..(placed * mtuBytes)], placing.Memory.Span[..(placed * mtuBytes)]);
            if (seed < 25)
                Assert.Equal([packets], placing.Runs.Select(each => each.Packets));
        }
    }
}
