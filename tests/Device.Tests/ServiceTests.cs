using System.Buffers.Binary;
using System.Net;
using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Device.Tests;

/// <summary>UD and UC queue pairs between two devices.</summary>
public sealed unsafe class ServiceTests
{
    private const ExtensionBits AllBits = ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord
        | ExtensionBits.UnreliableConnection | ExtensionBits.ExtendedVerbs | ExtensionBits.MemoryWindows;

    private const int HeaderBytes = 40;
    private const uint Qkey = 0x1111_2222;

    public static TheoryData<ExtensionBits, bool> Guests => new() { { ExtensionBits.None, false }, { AllBits, true } };

    [Theory]
    [MemberData(nameof(Guests))]
    public void A_datagram_arrives_behind_its_header_with_its_senders_number(ExtensionBits extension, bool scattered)
    {
        using var world = new World(extension, scattered);
        world.Receivers[0].PostReceive(7, world.B.Sge(0, HeaderBytes), world.B.Sge(1000, 500));
        world.Send(world.Guests.B.Device.Gid, world.Receivers[0].Qpn, 300, PvrdmaWrOpcode.SendWithImmediate);
        PvrdmaCqe sent = Assert.Single(world.SendCq.PollAll());
        Assert.Equal((0u, (uint)PvrdmaWcOpcode.Send), (sent.Status, sent.Opcode));
        PvrdmaCqe received = Assert.Single(world.ReceiveCq.PollAll());
        Assert.Equal((7ul, 0u, 340u, world.Sender.Qpn), (received.WorkRequestId, received.Status, received.ByteLength, received.SourceQpn));
        Assert.Equal((uint)(PvrdmaWcFlags.GlobalRouteHeader | PvrdmaWcFlags.WithImmediate), received.Flags);
        Assert.Equal(BinaryPrimitives.ReverseEndianness(0xCAFEBABE), received.ImmediateOrKey);
        Assert.Equal(world.A.ToArray(0, 300), world.B.ToArray(1000, 300));

        // IPv4 stands in the last 20 bytes: version, and the two addresses.
        byte[] header = world.B.ToArray(20, 20);
        Assert.Equal(0x45, header[0]);
        Assert.Equal(IPAddress.Parse("10.0.0.1").GetAddressBytes(), header[12..16]);
        Assert.Equal(IPAddress.Parse("10.0.0.2").GetAddressBytes(), header[16..20]);
    }

    [Fact]
    public void A_datagram_with_another_key_or_without_a_receive_is_dropped_and_nothing_fails()
    {
        using var world = new World(AllBits);
        world.Send(world.Guests.B.Device.Gid, world.Receivers[0].Qpn, 10);
        world.Receivers[0].PostReceive(1, world.B.Sge(0, 1000));
        world.Send(world.Guests.B.Device.Gid, world.Receivers[0].Qpn, 10, queueKey: Qkey + 1);
        world.Send(world.Guests.B.Device.Gid, 0x777, 10);
        Assert.Equal(3, world.SendCq.PollAll().Count(entry => entry.Status == 0));
        Assert.Empty(world.ReceiveCq.PollAll());
        Assert.Equal((uint)PvrdmaQpState.ReadyToSend, world.Receivers[0].Query().State);
        world.Send(world.Guests.B.Device.Gid, world.Receivers[0].Qpn, 20);
        Assert.Equal(60u, Assert.Single(world.ReceiveCq.PollAll()).ByteLength);
    }

    [Theory]
    [InlineData(1024)]
    [InlineData(4096)]
    public void A_datagram_longer_than_the_ports_mtu_is_a_length_error(int mtuBytes)
    {
        using var world = new World(AllBits, mtuBytes: mtuBytes);
        world.Receivers[0].PostReceive(1, world.B.Sge(0, 8000));
        world.Send(world.Guests.B.Device.Gid, world.Receivers[0].Qpn, mtuBytes);
        Assert.Equal(0u, Assert.Single(world.SendCq.PollAll()).Status);
        Assert.Equal((uint)(HeaderBytes + mtuBytes), Assert.Single(world.ReceiveCq.PollAll()).ByteLength);
        world.Send(world.Guests.B.Device.Gid, world.Receivers[0].Qpn, mtuBytes + 1);
        Assert.Equal((uint)PvrdmaWcStatus.LocalLengthError, Assert.Single(world.SendCq.PollAll()).Status);
        Assert.Equal((uint)PvrdmaQpState.SendQueueError, world.Sender.Query().State);
    }

    [Fact]
    public void Datagrams_take_their_receives_from_a_shared_queue()
    {
        using var world = new World(AllBits, shared: true);
        Assert.Equal(PvrdmaCommandError.None, world.Shared!.Arm(2));
        for (ulong i = 0; i < 4; i++)
        {
            world.Shared.TryPost(i, world.B.Sge((int)i * 200, 200));
        }

        for (int i = 0; i < 3; i++)
        {
            world.Send(world.Guests.B.Device.Gid, world.Receivers[i % 2].Qpn, 50);
            Assert.Equal(((ulong)i, 90u, (ulong)world.Receivers[i % 2].Handle),
                world.ReceiveCq.PollAll().Select(entry => (entry.WorkRequestId, entry.ByteLength, entry.QpHandle)).Single());
        }

        world.Guests.Run();
        PvrdmaEventEntry reached = Assert.Single(world.Guests.B.ReadEvents(), entry => entry.Type == (uint)PvrdmaEvent.SrqLimitReached);
        Assert.Equal(world.Shared.Handle, reached.Info);
    }

    [Theory]
    [InlineData("ff0e::77")]
    [InlineData("239.0.0.77")]
    public void A_datagram_to_a_group_reaches_each_member_once(string address)
    {
        using var world = new World(AllBits);
        var group = Gid.From(IPAddress.Parse(address));
        foreach (GuestQueuePair qp in world.Receivers)
        {
            var attach = new PvrdmaMulticast { QpHandle = qp.Handle };
            group.Write(attach.Group);
            Assert.Equal(PvrdmaCommandError.None, world.Guests.B.Command(PvrdmaCommand.AttachMulticast, attach));
            qp.PostReceive(qp.Handle, world.B.Sge((int)qp.Handle * 1000, 200));
        }

        world.Send(group, 0xFF_FFFF, 100);
        Assert.Equal(0u, Assert.Single(world.SendCq.PollAll()).Status);
        List<PvrdmaCqe> received = world.ReceiveCq.PollAll();
        Assert.Equal(world.Receivers.Select(qp => ((ulong)qp.Handle, 140u)), received.Select(entry => (entry.QpHandle, entry.ByteLength)));
        foreach (GuestQueuePair qp in world.Receivers)
        {
            Assert.Equal(world.A.ToArray(0, 100), world.B.ToArray(((int)qp.Handle * 1000) + HeaderBytes, 100));
        }
    }

    [Fact]
    public void An_unreliable_connection_sends_and_writes()
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        var a = new DevicePair.Endpoint(pair.A, 65536, 0x1000_0000);
        var b = new DevicePair.Endpoint(pair.B, 65536, 0x2000_0000);
        GuestQueuePair x = CreateConnection(a);
        GuestQueuePair y = CreateConnection(b);
        Connect(x, pair.B, y);
        Connect(y, pair.A, x);
        a.Region.Fill(5);
        y.PostReceive(3, b.Region.Sge(10_000, 8000));
        x.PostSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0), a.Region.Sge(0, 7000));
        x.PostSend(new PvrdmaSendWqe { WorkRequestId = 2, Opcode = (uint)PvrdmaWrOpcode.Send, Flags = (uint)PvrdmaSendFlags.Signaled }, a.Region.Sge(7000, 5000));
        Settle(pair);
        Assert.Equal([(1ul, 0u), (2ul, 0u)], a.Cq.PollAll().Select(entry => (entry.WorkRequestId, entry.Status)));
        Assert.Equal((3ul, 0u, 5000u), b.Cq.PollAll().Select(entry => (entry.WorkRequestId, entry.Status, entry.ByteLength)).Single());
        Assert.Equal(a.Region.ToArray(0, 7000), b.Region.ToArray(0, 7000));
        Assert.Equal(a.Region.ToArray(7000, 5000), b.Region.ToArray(10_000, 5000));
        Assert.Equal(TransportService.UnreliableConnection, pair.A.Device.ListQueuePairs()[^1].Service);
    }

    /// <summary>Nobody acknowledges these: a request completes by time, a turn after its last packet went out.</summary>
    private static void Settle(DevicePair pair)
    {
        pair.Run();
        while (pair.PassTime())
        {
        }
    }

    private static GuestQueuePair CreateConnection(DevicePair.Endpoint end) =>
        end.Guest.CreateQueuePair(end.Domain, end.Cq, end.Cq, request => request with { QpType = (byte)PvrdmaQpType.Uc });

    private static void Connect(GuestQueuePair qp, TestGuest peerGuest, GuestQueuePair peer)
    {
        qp.ToInit();
        qp.ConnectUnreliably(peerGuest, peer);
    }

    /// <summary>From the init state to ready to send.</summary>
    private static void ToSend(GuestQueuePair qp, uint psn) => Assert.Equal(
        PvrdmaCommandError.None,
        qp.Modify(
            new PvrdmaQpAttributes { State = (uint)PvrdmaQpState.ReadyToSend, SendPsn = psn },
            QueuePairAttributeMask.State | QueuePairAttributeMask.SendPsn));

    /// <summary>A datagram sender on device A, two receivers on device B.</summary>
    private sealed class World : IDisposable
    {
        private readonly uint _domain;

        public World(ExtensionBits extension, bool scattered = false, bool shared = false, int mtuBytes = 4096)
        {
            Guests = new DevicePair(new GuestOptions { Extension = extension, Scattered = scattered, ActiveMtuBytes = mtuBytes });
            _domain = Guests.A.CreateDomain();
            SendCq = Guests.A.CreateCompletionQueue();
            A = Guests.A.CreateRegion(_domain, 8192, PvrdmaAccess.LocalWrite);
            A.Fill(3);
            Sender = Create(Guests.A, _domain, SendCq, request => request);

            uint domain = Guests.B.CreateDomain();
            ReceiveCq = Guests.B.CreateCompletionQueue();
            B = Guests.B.CreateRegion(domain, 8192, PvrdmaAccess.LocalWrite);
            if (shared)
            {
                Shared = new GuestSharedReceiveQueue(Guests.B, domain);
                Assert.Equal(PvrdmaCommandError.None, Shared.Create());
            }

            for (int i = 0; i < 2; i++)
            {
                Receivers.Add(Create(Guests.B, domain, ReceiveCq, request => shared ? request with { UsesSrq = 1, SrqHandle = Shared!.Handle } : request));
            }
        }

        public DevicePair Guests { get; }

        public GuestRegion A { get; }

        public GuestRegion B { get; }

        public GuestCompletionQueue SendCq { get; }

        public GuestCompletionQueue ReceiveCq { get; }

        public GuestSharedReceiveQueue? Shared { get; }

        public GuestQueuePair Sender { get; }

        public List<GuestQueuePair> Receivers { get; } = [];

        public void Send(Gid to, uint qpn, int bytes, PvrdmaWrOpcode opcode = PvrdmaWrOpcode.Send, uint queueKey = Qkey)
        {
            var head = new PvrdmaSendWqe
            {
                Opcode = (uint)opcode,
                Flags = (uint)PvrdmaSendFlags.Signaled,
                ImmediateOrKey = BinaryPrimitives.ReverseEndianness(0xCAFEBABE),
                DatagramQpn = qpn,
                DatagramQkey = queueKey,
            };
            head.DatagramAddress.PortAndPd = (1u << 24) | _domain;
            head.DatagramAddress.HopLimit = 64;
            to.Write(head.DatagramAddress.DestinationGid);
            Sender.PostSend(head, A.Sge(0, bytes));
            Settle(Guests);
        }

        public void Dispose() => Guests.Dispose();

        private static GuestQueuePair Create(TestGuest guest, uint domain, GuestCompletionQueue cq, Func<PvrdmaCreateQp, PvrdmaCreateQp> change)
        {
            GuestQueuePair qp = guest.CreateQueuePair(domain, cq, cq, request => change(request with { QpType = (byte)PvrdmaQpType.Ud }));
            Assert.Equal(
                PvrdmaCommandError.None,
                qp.Modify(
                    new PvrdmaQpAttributes { State = (uint)PvrdmaQpState.Init, Port = 1, Qkey = Qkey },
                    QueuePairAttributeMask.State | QueuePairAttributeMask.PartitionKeyIndex | QueuePairAttributeMask.Port | QueuePairAttributeMask.QueueKey));
            Assert.Equal(PvrdmaCommandError.None, qp.ModifyState(PvrdmaQpState.ReadyToReceive));
            ToSend(qp, 0x100);
            Assert.Equal(Qkey, qp.Query().Qkey);
            return qp;
        }
    }
}
