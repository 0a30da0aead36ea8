using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Addresses.Tests;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

/// <summary>Two hosts with an MTU of 1500 between them.</summary>
public sealed unsafe class NetworkNamespaceTests : IDisposable
{
    private readonly NativeBuffer _memory = new(1 << 17);
    private readonly NetworkNamespaces _network = NetworkNamespaces.CreateOrSkip(1500);

    public void Dispose()
    {
        _network.Dispose();
        _memory.Dispose();
    }

    private static Gid Address(int host, bool isIPv6) => Gid.From(IPAddress.Parse(isIPv6 ? $"fd11::{host}" : $"10.11.0.{host}"));

    private static UdpLink Open(string name, Gid address) => NetworkNamespace.In(name, () => new UdpLink(address));

    private void Emit(UdpLink link, Route route, int payloadBytes, uint psn)
    {
        var segment = new MemorySegment(_memory.Pointer + psn, payloadBytes);
        link.Emit(TestPackets.WithPayload(TestPackets.Make(Opcode.RcWriteMiddle, psn), &segment), route);
    }

    private static void ReceiveUntil(UdpLink link, RecordingReceiver receiver, int count)
    {
        long deadline = Environment.TickCount64 + 20_000;
        while (receiver.Packets.Count < count && Environment.TickCount64 < deadline)
            link.Receive(receiver, 100);
        Assert.Equal(count, receiver.Packets.Count);
    }

    /// <summary>The first packet waits for the neighbour's address; after it the way is open.</summary>
    private void Warm(UdpLink left, UdpLink right, Route route)
    {
        Emit(left, route, 4, 0);
        left.Flush();
        ReceiveUntil(right, new RecordingReceiver(), 1);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Packets_of_path_mtu_1024_arrive_intact_whoever_cuts_the_trains(bool isIPv6, bool stackCutsTrains)
    {
        if (stackCutsTrains)
            _network.ForbidTrainsOnDevice();
        using UdpLink left = Open(_network.Left, Address(1, isIPv6));
        using UdpLink right = Open(_network.Right, Address(2, isIPv6));
        var route = new Route(left.Address, right.Address, trafficClass: 0x20, hopLimit: 3);
        Warm(left, right, route);

        for (uint i = 0; i < 100; i++)
            Emit(left, route, 1024, i);
        left.Flush();
        var receiver = new RecordingReceiver();
        ReceiveUntil(right, receiver, 100);
        Assert.Equal(Enumerable.Range(0, 100), receiver.Packets.Select(packet => (int)packet.Fields.Psn.Value));
        for (int i = 0; i < 100; i++)
            Assert.True(receiver.Packets[i].Payload.AsSpan().SequenceEqual(_memory.Span.Slice(i, 1024)));
        Assert.Equal(0, right.Statistics.MalformedTotal);
        Assert.True(left.GsoActive);
        Assert.Equal(3, left.Statistics.MessagesSent);
    }

    [Fact]
    public void Segments_leave_with_df_set_and_the_identification_that_their_icrc_covers()
    {
        _network.ForbidTrainsOnDevice();
        Gid leftAddress = Address(1, isIPv6: false);
        Gid rightAddress = Address(2, isIPv6: false);
        using UdpLink left = Open(_network.Left, leftAddress);
        using UdpLink right = Open(_network.Right, rightAddress);
        var route = new Route(leftAddress, rightAddress);
        Warm(left, right, route);

        using Socket raw = NetworkNamespace.In(
            _network.Right, () => new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Udp) { ReceiveTimeout = 10_000, ReceiveBufferSize = 1 << 20 });
        for (uint i = 0; i < 20; i++)
            Emit(left, route, 512, i);
        Emit(left, route, 600, 20);
        left.Flush();

        var packet = new byte[65_536];
        for (int i = 0; i < 21; i++)
        {
            int bytes = raw.Receive(packet);
            var ip = packet.AsSpan(0, bytes);
            int identification = BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
            Assert.Equal(0x4000, BinaryPrimitives.ReadUInt16BigEndian(ip[6..]));
            Assert.Equal(i < 20 ? i : 0, identification);
            ReadOnlySpan<byte> datagram = ip[28..];
            Assert.True(IcrcVerifier.TryVerify(leftAddress, rightAddress, RoceUdp.Port, datagram, out ushort covered, out bool dontFragment));
            Assert.Equal(identification, covered);
            Assert.True(dontFragment);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_path_mtu_beyond_the_mtu_is_counted_and_does_not_end_the_use_of_trains(bool isIPv6)
    {
        using UdpLink left = Open(_network.Left, Address(1, isIPv6));
        using UdpLink right = Open(_network.Right, Address(2, isIPv6));
        var route = new Route(left.Address, right.Address);
        Warm(left, right, route);

        for (uint i = 0; i < 10; i++)
            Emit(left, route, 2048, i);
        left.Flush();
        Emit(left, route, 4096, 10);
        left.Flush();
        Assert.Equal(11, left.Statistics.DroppedTooLong);
        Assert.Equal(11, left.Statistics.DroppedTotal);
        Assert.True(left.GsoActive);

        for (uint i = 0; i < 10; i++)
            Emit(left, route, 1024, i);
        left.Flush();
        var receiver = new RecordingReceiver();
        ReceiveUntil(right, receiver, 10);
        Assert.Equal(0, right.Statistics.MalformedTotal);
    }

    [Theory]
    [InlineData(false, "239.11.0.9")]
    [InlineData(true, "ff15::b09")]
    [InlineData(true, "ff02::b09")]
    public void A_groups_packets_come_to_members_on_both_hosts_by_the_interface_of_their_address(bool isIPv6, string groupText)
    {
        Gid group = Gid.From(IPAddress.Parse(groupText));
        using UdpLink left = Open(_network.Left, Address(1, isIPv6));
        using UdpLink right = Open(_network.Right, Address(2, isIPv6));
        Assert.Equal(0, NetworkNamespace.In(_network.Left, () => left.JoinMulticast(group)));
        Assert.Equal(0, NetworkNamespace.In(_network.Right, () => right.JoinMulticast(group)));
        Warm(left, right, new Route(left.Address, right.Address));
        var route = new Route(left.Address, group, trafficClass: 0x2A, hopLimit: 7);
        for (uint i = 0; i < 40; i++)
            Emit(left, route, 1024, i);
        left.Flush();
        foreach (UdpLink member in (UdpLink[])[left, right])
        {
            var receiver = new RecordingReceiver();
            ReceiveUntil(member, receiver, 40);
            Assert.Equal(Enumerable.Range(0, 40), receiver.Packets.Select(packet => (int)packet.Fields.Psn.Value));
            Assert.All(receiver.Packets, packet => Assert.Equal((left.Address, group), (packet.Source, packet.Destination)));
            Assert.All(receiver.Packets, packet => Assert.Equal((0x2A, 7), (packet.Fields.TrafficClass, packet.Fields.HopLimit)));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Traffic_class_and_hop_limit_arrive_with_the_packet_and_congestion_experienced_is_flagged(bool isIPv6)
    {
        using UdpLink left = Open(_network.Left, Address(1, isIPv6));
        using UdpLink right = Open(_network.Right, Address(2, isIPv6));
        Route[] routes =
        [
            new Route(left.Address, right.Address, trafficClass: 2),
            new Route(left.Address, right.Address, trafficClass: 0),
            new Route(left.Address, right.Address, trafficClass: 0x6B, hopLimit: 3),
        ];
        Warm(left, right, routes[0]);
        for (uint i = 0; i < 3; i++)
        {
            Emit(left, routes[i], 64, i);
            left.Flush();
        }

        var receiver = new RecordingReceiver();
        ReceiveUntil(right, receiver, 3);
        Assert.Equal([(2, 64), (0, 64), (0x6B, 3)], receiver.Packets.Select(packet => ((int)packet.Fields.TrafficClass, (int)packet.Fields.HopLimit)));
        Assert.Equal([false, false, true], receiver.Packets.Select(packet => (packet.Fields.Flags & PacketFlags.CongestionExperienced) != 0));
    }

    [Fact]
    public void A_destination_without_a_route_is_counted_as_unreachable()
    {
        using UdpLink left = Open(_network.Left, Address(1, isIPv6: false));
        left.Emit(TestPackets.Make(Opcode.RcAcknowledge), new Route(left.Address, Gid.FromIPv4(0xC000_0201)));
        left.Flush();
        Assert.Equal(1, left.Statistics.DroppedUnreachable);
    }
}
