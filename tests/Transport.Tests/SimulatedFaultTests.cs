using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

/// <summary>Delay spikes, queues, partitions with an end, and what a router may mark.</summary>
public class SimulatedFaultTests
{
    private const byte NotCapable = 0;
    private const byte Capable = 2;

    private static readonly Gid s_left = Gid.FromIPv4(0x0A00_0001);
    private static readonly Gid s_right = Gid.FromIPv4(0x0A00_0002);

    private readonly RecordingReceiver _receiver = new();
    private readonly List<long> _arrivalsNs = [];
    private readonly SimulatedNetwork _network = new(17);
    private readonly SimulatedLink _left;
    private readonly SimulatedLink _right;

    public SimulatedFaultTests()
    {
        _left = _network.CreateLink(s_left);
        _right = _network.CreateLink(s_right);
    }

    private IEnumerable<int> Psns => _receiver.Packets.Select(packet => (int)packet.Fields.Psn.Value);

    private void Send(int count, uint firstPsn = 0, byte trafficClass = Capable)
    {
        var route = new Route(s_left, s_right, trafficClass, hopLimit: 9);
        for (uint i = 0; i < count; i++)
            _left.Emit(TestPackets.Make(Opcode.RcAcknowledge, firstPsn + i), route);
        _left.Flush();
    }

    private void RunToEnd()
    {
        while (_network.NextDeliveryNs != long.MaxValue)
        {
            _network.Advance(_network.NextDeliveryNs);
            int received = _right.Receive(_receiver, int.MaxValue);
            _arrivalsNs.AddRange(Enumerable.Repeat(_network.NowNs, received));
        }
    }

    [Fact]
    public void A_delay_spike_holds_back_what_follows_and_loses_and_reorders_nothing()
    {
        _network.Options = new SimulatedNetworkOptions { SpikeRate = 0.02, SpikeDelayNs = 3_000_000 };
        Send(500);
        RunToEnd();
        Assert.Equal(Enumerable.Range(0, 500), Psns);
        Assert.InRange(_network.Statistics.Spikes, 1, 50);
        Assert.InRange(_arrivalsNs.Max(), 100_000, 3_005_000);
        Assert.Equal(_arrivalsNs.Order(), _arrivalsNs);
    }

    [Fact]
    public void Options_changed_during_a_run_hold_from_the_next_datagram_on()
    {
        Send(10);
        _network.Options = new SimulatedNetworkOptions { LossRate = 1 };
        Send(10, 10);
        _network.Options = new SimulatedNetworkOptions();
        Send(10, 20);
        RunToEnd();
        Assert.Equal([.. Enumerable.Range(0, 10), .. Enumerable.Range(20, 10)], Psns);
    }

    [Fact]
    public void A_partition_with_an_end_heals_by_itself()
    {
        _network.PartitionUntil(s_left, s_right, healsAtNs: 1_000_000);
        Send(5);
        _network.Advance(999_999);
        Send(5, 5);
        _network.Advance(1_000_000);
        Send(5, 10);
        RunToEnd();
        Assert.Equal(Enumerable.Range(10, 5), Psns);
        Assert.Equal(10, _network.Statistics.Partitioned);
    }

    [Fact]
    public void An_address_cut_off_hears_nobody_until_it_heals()
    {
        _network.CutOffUntil(s_right, long.MaxValue);
        Send(5);
        RunToEnd();
        Assert.Empty(_receiver.Packets);
        _network.HealPartitions();
        Send(5, 5);
        RunToEnd();
        Assert.Equal(Enumerable.Range(5, 5), Psns);
    }

    [Fact]
    public void A_port_gives_its_bytes_one_after_the_other()
    {
        // An acknowledgement is 20 bytes of UDP payload and 42 of headers: 62 µs at 1 MB/s.
        _network.Options = new SimulatedNetworkOptions { PortBytesPerSecond = 1_000_000, DelayMinNs = 0, DelayMaxNs = 0 };
        Send(10);
        RunToEnd();
        Assert.Equal(Enumerable.Range(1, 10).Select(number => number * 62_000L), _arrivalsNs);
    }

    [Fact]
    public void A_full_queue_drops_what_comes_then()
    {
        _network.Options = new SimulatedNetworkOptions { PortBytesPerSecond = 1_000_000, QueueBytesMax = 3 * 62 };
        Send(10);
        RunToEnd();
        Assert.Equal([0, 1, 2, 3], Psns);
        Assert.Equal(6, _network.Statistics.QueueDrops);
        Send(1, 100);
        RunToEnd();
        Assert.Equal(100, Psns.Last());
    }

    [Fact]
    public void A_long_queue_marks_what_comes_then()
    {
        _network.Options = new SimulatedNetworkOptions { PortBytesPerSecond = 1_000_000, MarkQueueBytes = 3 * 62 };
        Send(10);
        RunToEnd();
        Assert.Equal([4, 5, 6, 7, 8, 9], _receiver.Packets.Where(IsMarked).Select(packet => (int)packet.Fields.Psn.Value));
        Assert.Equal(6, _network.Statistics.Marked);
    }

    [Fact]
    public void Only_senders_that_are_ecn_capable_are_marked()
    {
        _network.Options = new SimulatedNetworkOptions { MarkRate = 1 };
        Send(3, 0, NotCapable);
        Send(3, 3, Capable);
        RunToEnd();
        Assert.Equal([3, 4, 5], _receiver.Packets.Where(IsMarked).Select(packet => (int)packet.Fields.Psn.Value));
        Assert.Equal([0, 0, 0, 3, 3, 3], _receiver.Packets.Select(packet => (int)packet.Fields.TrafficClass));
        Assert.All(_receiver.Packets, packet => Assert.Equal(9, packet.Fields.HopLimit));
    }

    private static bool IsMarked(ReceivedPacket packet) => (packet.Fields.Flags & PacketFlags.CongestionExperienced) != 0;
}
