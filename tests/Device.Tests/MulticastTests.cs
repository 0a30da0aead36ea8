using System.Net;
using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Wire;

namespace Device.Tests;

/// <summary>Multicast groups: who belongs to them, what the link is told, and who gets a copy.</summary>
public sealed class MulticastTests
{
    private static readonly Gid Group = Gid.From(IPAddress.Parse("ff0e::1234"));
    private static readonly Gid Group4 = Gid.From(IPAddress.Parse("239.1.2.3"));
    private static readonly Gid Source = Gid.From(IPAddress.Parse("10.0.0.9"));

    [Fact]
    public void Each_member_gets_a_copy_and_nobody_else()
    {
        using var world = new World(queuePairs: 4);
        Assert.Equal(PvrdmaCommandError.None, world.Attach(0, Group));
        Assert.Equal(PvrdmaCommandError.None, world.Attach(2, Group));
        Assert.Equal(PvrdmaCommandError.None, world.Attach(3, Group4));
        world.Deliver(Group);
        world.Deliver(Group4, Opcode.UdSendOnlyImmediate);
        Assert.Equal([(Opcode.UdSendOnly, Source, Group)], world.Passive[0].Datagrams);
        Assert.Empty(world.Passive[1].Datagrams);
        Assert.Equal([(Opcode.UdSendOnly, Source, Group)], world.Passive[2].Datagrams);
        Assert.Equal([(Opcode.UdSendOnlyImmediate, Source, Group4)], world.Passive[3].Datagrams);
        Assert.Equal(3ul, world.Guest.Device.Statistics.ReceivedPackets);
    }

    [Fact]
    public void The_link_joins_with_the_first_member_and_leaves_with_the_last()
    {
        using var world = new World(queuePairs: 2);
        world.Attach(0, Group);
        world.Attach(1, Group);
        Assert.Equal(PvrdmaCommandError.None, world.Attach(1, Group));
        Assert.Equal([Group], world.Guest.Environment.Groups);
        Assert.Equal(PvrdmaCommandError.None, world.Detach(1, Group));
        Assert.Equal(PvrdmaCommandError.InvalidArgument, world.Detach(1, Group));
        Assert.Equal([Group], world.Guest.Environment.Groups);
        world.Deliver(Group);
        Assert.Empty(world.Passive[1].Datagrams);
        Assert.Single(world.Passive[0].Datagrams);
        Assert.Equal(PvrdmaCommandError.None, world.Detach(0, Group));
        Assert.Empty(world.Guest.Environment.Groups);
        world.Deliver(Group);
        Assert.Single(world.Passive[0].Datagrams);
        Assert.Equal(1ul, world.Guest.Device.Statistics.UnknownGroupPackets);
    }

    [Fact]
    public void A_queue_pair_in_a_group_cannot_be_destroyed()
    {
        using var world = new World(queuePairs: 1);
        world.Attach(0, Group);
        Assert.Equal(PvrdmaCommandError.Busy, world.Guest.Destroy(PvrdmaCommand.DestroyQp, world.Pairs[0].Handle));
        world.Detach(0, Group);
        Assert.Equal(PvrdmaCommandError.None, world.Guest.Destroy(PvrdmaCommand.DestroyQp, world.Pairs[0].Handle));
        Assert.Equal(PvrdmaCommandError.NoSuchObject, world.Attach(0, Group));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_end_of_the_device_leaves_all_groups(bool byReset)
    {
        var world = new World(queuePairs: 2);
        world.Attach(0, Group);
        world.Attach(1, Group4);
        Assert.Equal(2, world.Guest.Environment.Groups.Count);
        if (byReset)
        {
            world.Guest.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
            Assert.Empty(world.Guest.Environment.Groups);
        }

        world.Dispose();
        Assert.Empty(world.Guest.Environment.Groups);
    }

    [Theory]
    [InlineData("10.0.0.3")]
    [InlineData("fe80::1")]
    [InlineData("::")]
    public void What_is_no_group_is_refused(string address)
    {
        using var world = new World(queuePairs: 1);
        Assert.Equal(PvrdmaCommandError.InvalidArgument, world.Attach(0, Gid.From(IPAddress.Parse(address))));
        Assert.Equal(PvrdmaCommandError.InvalidArgument, world.Detach(0, Group));
    }

    [Fact]
    public void Only_datagram_queue_pairs_can_belong_to_a_group()
    {
        using var world = new World(queuePairs: 1, PvrdmaQpType.Rc);
        Assert.Equal(PvrdmaCommandError.InvalidArgument, world.Attach(0, Group));
        Assert.Empty(world.Guest.Environment.Groups);
    }

    [Fact]
    public void Limits_and_the_refusal_of_the_link_are_told()
    {
        using var world = new World(queuePairs: 3, limits: new DeviceLimits { MulticastGroups = 1, QueuePairsPerMulticastGroup = 2 });
        Assert.Equal((1u, 2u, 2u), (world.Guest.Device.Capabilities.MaxMulticastGroups, world.Guest.Device.Capabilities.MaxMulticastQpAttach,
            world.Guest.Device.Capabilities.MaxTotalMulticastQpAttach));
        world.Guest.Environment.JoinError = 22;
        Assert.Equal(PvrdmaCommandError.InvalidArgument, world.Attach(0, Group));
        world.Guest.Environment.JoinError = 105;
        Assert.Equal(PvrdmaCommandError.LimitReached, world.Attach(0, Group));
        world.Guest.Environment.JoinError = 0;
        Assert.Equal(PvrdmaCommandError.None, world.Attach(0, Group));
        Assert.Equal(PvrdmaCommandError.None, world.Attach(1, Group));
        Assert.Equal(PvrdmaCommandError.LimitReached, world.Attach(2, Group));
        Assert.Equal(PvrdmaCommandError.LimitReached, world.Attach(2, Group4));
    }

    /// <summary>A group's address is no way to a QP by its number, nor for connections.</summary>
    [Fact]
    public void Packets_to_a_group_must_be_datagrams_for_the_multicast_number()
    {
        using var world = new World(queuePairs: 1);
        world.Attach(0, Group);
        world.Deliver(Group, Opcode.RcSendOnly);
        world.Deliver(Group, Opcode.UdSendOnly, world.Pairs[0].Qpn);
        world.Deliver(world.Guest.Device.Gid, Opcode.UdSendOnly, 0xFF_FFFF);
        Assert.Empty(world.Passive[0].Datagrams);
        Assert.Equal(0, world.Passive[0].Packets);
        Assert.Equal(3ul, world.Guest.Device.Statistics.UnknownGroupPackets);
        world.Deliver(world.Guest.Device.Gid, Opcode.UdSendOnly, world.Pairs[0].Qpn);
        Assert.Equal([(Opcode.UdSendOnly, Source, world.Guest.Device.Gid)], world.Passive[0].Datagrams);
    }

    private sealed class World : IDisposable
    {
        public World(int queuePairs, PvrdmaQpType type = PvrdmaQpType.Ud, DeviceLimits? limits = null)
        {
            Guest = new TestGuest(new GuestOptions
            {
                Extension = ExtensionBits.ExtendedVerbs,
                Creator = PassiveQueuePair.Into(Passive),
                Limits = limits ?? new DeviceLimits(),
            });
            uint domain = Guest.CreateDomain();
            GuestCompletionQueue queue = Guest.CreateCompletionQueue();
            for (int i = 0; i < queuePairs; i++)
            {
                Pairs.Add(Guest.CreateQueuePair(domain, queue, queue, request => request with { QpType = (byte)type }));
            }
        }

        public TestGuest Guest { get; }

        public List<PassiveQueuePair> Passive { get; } = [];

        public List<GuestQueuePair> Pairs { get; } = [];

        public PvrdmaCommandError Attach(int pair, Gid group) => Guest.Command(PvrdmaCommand.AttachMulticast, Request(pair, group));

        public PvrdmaCommandError Detach(int pair, Gid group) => Guest.Command(PvrdmaCommand.DetachMulticast, Request(pair, group));

        public void Deliver(Gid destination, Opcode opcode = Opcode.UdSendOnly, uint qpn = 0xFF_FFFF)
        {
            var packet = new Packet { Opcode = opcode, DestinationQpn = qpn, PsnCount = 1 };
            Guest.Device.HandlePacket(packet, Source, destination, Guest.NowNs);
        }

        public void Dispose() => Guest.Dispose();

        private PvrdmaMulticast Request(int pair, Gid group)
        {
            var request = new PvrdmaMulticast { QpHandle = Pairs[pair].Handle };
            group.Write(request.Group);
            return request;
        }
    }
}
