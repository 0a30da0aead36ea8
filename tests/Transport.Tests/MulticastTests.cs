using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

/// <summary>Packets to a group come to its members, on every kind of link.</summary>
public class MulticastTests
{
    private const int InvalidArgument = 22;

    private static readonly Gid s_group = Gid.FromIPv4(0xEF0B_0001);
    private static readonly Gid s_otherGroup = Gid.FromIPv4(0xEF0B_0002);
    private static readonly Gid s_group6 = new(0xFF15_0000_0000_0000, 0x0B01);

    private static Gid Address(uint number) => Gid.FromIPv4(0x0A00_0000 + number);

    [Theory]
    [InlineData("224.0.0.1", true)]
    [InlineData("239.255.255.255", true)]
    [InlineData("240.0.0.0", false)]
    [InlineData("223.255.255.255", false)]
    [InlineData("ff02::1", true)]
    [InlineData("fe80::1", false)]
    public void Group_addresses_are_known_as_such(string text, bool isMulticast) =>
        Assert.Equal(isMulticast, Gid.From(System.Net.IPAddress.Parse(text)).IsMulticast);

    [Fact]
    public void The_simulated_network_gives_each_member_but_the_sender_a_copy()
    {
        var network = new SimulatedNetwork(1);
        SimulatedLink[] links = [.. Enumerable.Range(1, 4).Select(number => network.CreateLink(Address((uint)number)))];
        foreach (SimulatedLink member in links[..3])
            Assert.Equal(0, member.JoinMulticast(s_group));
        Emit(links[0], links[0].Address, s_group, 7);
        network.Advance(1_000_000);

        Assert.Equal([0, 1, 1, 0], links.Select(link => Received(link).Count));
        Emit(links[0], links[0].Address, s_group, 8);
        links[1].LeaveMulticast(s_group);
        links[2].Dispose();
        Emit(links[0], links[0].Address, s_group, 9);
        network.Advance(2_000_000);
        Assert.Equal([8], Received(links[1]).Select(packet => (int)packet.Fields.Psn.Value));
    }

    [Fact]
    public void A_partition_keeps_a_groups_packets_from_one_member_only()
    {
        var network = new SimulatedNetwork(1);
        SimulatedLink[] links = [.. Enumerable.Range(1, 3).Select(number => network.CreateLink(Address((uint)number)))];
        foreach (SimulatedLink member in links)
            Assert.Equal(0, member.JoinMulticast(s_group));
        network.SetPartition(links[0].Address, links[1].Address, isCut: true);
        Emit(links[0], links[0].Address, s_group, 7);
        network.Advance(1_000_000);
        Assert.Empty(Received(links[1]));
        ReceivedPacket packet = Assert.Single(Received(links[2]));
        Assert.Equal((links[0].Address, s_group), (packet.Source, packet.Destination));
    }

    [Fact]
    public void The_local_switch_gives_each_member_a_copy_and_the_wire_keeps_the_routes_state()
    {
        using var local = new LocalSwitch();
        RecordingReceiver[] members = [new(), new()];
        foreach (RecordingReceiver member in members)
            local.Join(s_group, member);
        var state = new object();
        var route = new Route(Address(1), s_group, trafficClass: 6, hopLimit: 3) { LinkState = state };
        local.Emit(TestPackets.Make(Opcode.UdSendOnly, 5), route);
        Assert.Equal(1, local.Deliver(10));
        foreach (RecordingReceiver member in members)
        {
            ReceivedPacket packet = Assert.Single(member.Packets);
            Assert.Equal((Address(1), s_group), (packet.Source, packet.Destination));
            Assert.Equal((6, 3), (packet.Fields.TrafficClass, packet.Fields.HopLimit));
        }
        Assert.Same(state, route.LinkState);

        local.Leave(s_group, members[0]);
        local.Emit(TestPackets.Make(Opcode.UdSendOnly, 6), route);
        local.Leave(s_otherGroup, members[1]);
        local.Deliver(10);
        Assert.Equal([1, 2], members.Select(member => member.Packets.Count));
        local.Leave(s_group, members[1]);
        local.Emit(TestPackets.Make(Opcode.UdSendOnly, 7), route);
        Assert.Equal(0, local.Deliver(10));
        Assert.Equal(0, local.PacketsDropped);
    }

    [Fact]
    public void Udp_links_of_one_machine_all_get_what_is_sent_to_their_group()
    {
        using UdpLink sender = TestAddresses.OpenLink();
        using UdpLink first = TestAddresses.OpenLink();
        using UdpLink second = TestAddresses.OpenLink();
        using UdpLink stranger = TestAddresses.OpenLink();
        Assert.Equal(0, first.JoinMulticast(s_group));
        Assert.Equal(0, second.JoinMulticast(s_group));
        Assert.Equal(0, stranger.JoinMulticast(s_otherGroup));
        Assert.NotEqual(stranger.PollDescriptor, sender.PollDescriptor);

        Emit(sender, sender.Address, s_group, 1, 2, 3);
        foreach (UdpLink member in (UdpLink[])[first, second])
        {
            List<ReceivedPacket> packets = ReceiveUntil(member, 3);
            Assert.Equal([1, 2, 3], packets.Select(packet => (int)packet.Fields.Psn.Value));
            Assert.All(packets, packet => Assert.Equal((sender.Address, s_group), (packet.Source, packet.Destination)));
        }
        Assert.Empty(Received(stranger));

        first.LeaveMulticast(s_group);
        Emit(sender, sender.Address, s_group, 4);
        Assert.Single(ReceiveUntil(second, 1));
        Assert.Empty(Received(first));
    }

    [Fact]
    public void A_member_hears_its_own_address_and_its_group_by_one_descriptor()
    {
        using UdpLink sender = TestAddresses.OpenLink();
        using UdpLink member = TestAddresses.OpenLink();
        int alone = member.PollDescriptor;
        Assert.Equal(0, member.JoinMulticast(s_otherGroup));
        Assert.NotEqual(alone, member.PollDescriptor);
        Emit(sender, sender.Address, s_otherGroup, 1);
        Emit(sender, sender.Address, member.Address, 2);
        Assert.Equal([1, 2], ReceiveUntil(member, 2).Select(packet => (int)packet.Fields.Psn.Value).Order());
    }

    [Fact]
    public void What_is_no_group_of_the_family_or_joined_already_is_refused()
    {
        using UdpLink link = TestAddresses.OpenLink();
        SimulatedLink simulated = new SimulatedNetwork(1).CreateLink(Address(1));
        foreach (ILink each in (ILink[])[link, simulated])
        {
            Assert.Equal(InvalidArgument, each.JoinMulticast(Address(9)));
            Assert.Equal(InvalidArgument, each.JoinMulticast(s_group6));
            Assert.Equal(0, each.JoinMulticast(s_group));
            Assert.Equal(InvalidArgument, each.JoinMulticast(s_group));
            each.LeaveMulticast(s_otherGroup);
            each.LeaveMulticast(s_group);
            Assert.Equal(0, each.JoinMulticast(s_group));
        }
    }

    private static void Emit(ILink link, Gid source, Gid destination, params ReadOnlySpan<uint> psns)
    {
        var route = new Route(source, destination, trafficClass: 2);
        foreach (uint psn in psns)
            link.Emit(TestPackets.Make(Opcode.UdSendOnly, psn), route);
        link.Flush();
    }

    private static List<ReceivedPacket> Received(ILink link)
    {
        var receiver = new RecordingReceiver();
        link.Receive(receiver, 1000);
        return receiver.Packets;
    }

    /// <summary>Loopback delivers within the sending call; the patience is for kernels that do not.</summary>
    private static List<ReceivedPacket> ReceiveUntil(ILink link, int count)
    {
        var receiver = new RecordingReceiver();
        for (int attempt = 0; attempt < 1000 && receiver.Packets.Count < count; attempt++)
        {
            if (link.Receive(receiver, 1000) == 0)
                Thread.Sleep(5);
        }
        return receiver.Packets;
    }
}
