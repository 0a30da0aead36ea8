using RoceEngine.Abi;
using RoceEngine.Device;

namespace Device.Tests;

/// <summary>SRQs: QPs of one device that take their receives from one queue.</summary>
public sealed unsafe class SharedReceiveQueueTests
{
    private const ExtensionBits AllBits = ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord;

    public static TheoryData<ExtensionBits, bool> Guests => new() { { ExtensionBits.None, false }, { AllBits, true } };

    [Theory]
    [MemberData(nameof(Guests))]
    public void Messages_of_several_queue_pairs_take_the_requests_in_order(ExtensionBits extension, bool scattered)
    {
        using var world = new World(extension, scattered, queuePairs: 3);
        for (int i = 0; i < 9; i++)
        {
            Assert.True(world.Queue.TryPost((ulong)i, world.Region.Sge(i * 100, 60), world.Region.Sge(2000 + (i * 100), 40)));
        }

        for (int i = 0; i < 9; i++)
        {
            world.Send(i % 3, bytes: 80, seed: i);
            PvrdmaCqe received = Assert.Single(world.Cq.PollAll());
            Assert.Equal(((ulong)i, (ulong)world.Receivers[i % 3].Handle, 80u, 0u), (received.WorkRequestId, received.QpHandle,
                received.ByteLength, received.Status));
            byte[] arrived = [.. world.Region.ToArray(i * 100, 60), .. world.Region.ToArray(2000 + (i * 100), 20)];
            Assert.Equal(world.Data(i, 80), arrived);
        }
    }

    /// <summary>A request is copied when it is taken, so the ring never fills although messages are in progress.</summary>
    [Fact]
    public void A_slot_is_free_again_when_its_message_begins()
    {
        using var world = new World(AllBits, scattered: false, queuePairs: 1);
        for (int round = 0; round < 40; round++)
        {
            Assert.True(world.Queue.TryPost((ulong)round, world.Region.Sge(0, 100)));
            world.Send(0, bytes: 100, seed: round);
            Assert.Equal((ulong)round, Assert.Single(world.Cq.PollAll()).WorkRequestId);
        }

        Assert.Equal(PvrdmaRing.ReadProducer(world.Queue.Ring), PvrdmaRing.ReadConsumer(world.Queue.Ring));
        Assert.Equal(40ul, world.Pair.B.Device.Statistics.ReceivesFetched);
    }

    [Fact]
    public void Without_a_request_the_sender_waits_and_goes_on_when_one_is_posted_without_a_doorbell()
    {
        using var world = new World(AllBits, scattered: false, queuePairs: 1);
        world.Send(0, bytes: 10, seed: 1);
        Assert.Empty(world.Cq.PollAll());
        Assert.True(world.Queue.TryPost(7, world.Region.Sge(0, 100)));
        Assert.True(world.Pair.PassTime());
        Assert.Equal(7ul, Assert.Single(world.Cq.PollAll()).WorkRequestId);
    }

    [Fact]
    public void The_limit_raises_one_event_when_fewer_requests_wait_and_is_then_disarmed()
    {
        using var world = new World(AllBits, scattered: false, queuePairs: 1);
        for (int i = 0; i < 6; i++)
        {
            world.Queue.TryPost((ulong)i, world.Region.Sge(0, 100));
        }

        Assert.Equal(PvrdmaCommandError.None, world.Queue.Arm(4));
        Assert.Equal((16u, 2u, 4u), (world.Queue.Query().MaxWr, world.Queue.Query().MaxSge, world.Queue.Query().Limit));
        world.Send(0, 10, 1);
        world.Send(0, 10, 2);
        Assert.DoesNotContain(world.Events(), entry => entry.Type == (uint)PvrdmaEvent.SrqLimitReached);
        world.Send(0, 10, 3);
        PvrdmaEventEntry reached = Assert.Single(world.Events());
        Assert.Equal(((uint)PvrdmaEvent.SrqLimitReached, world.Queue.Handle), (reached.Type, reached.Info));
        Assert.Equal(0u, world.Queue.Query().Limit);
        world.Send(0, 10, 4);
        Assert.Empty(world.Events());
    }

    /// <summary>A limit armed on an empty queue is told by the first message that finds nothing: whoever waits for the event is not left waiting.</summary>
    [Fact]
    public void A_limit_armed_on_an_empty_queue_is_told_by_the_next_message()
    {
        using var world = new World(AllBits, scattered: false, queuePairs: 1);
        Assert.Equal(PvrdmaCommandError.None, world.Queue.Arm(1));
        Assert.Empty(world.Events());
        world.Send(0, 10, 1);
        Assert.Equal((uint)PvrdmaEvent.SrqLimitReached, Assert.Single(world.Events()).Type);
    }

    [Fact]
    public void A_queue_pair_in_error_takes_no_more_and_tells_that_its_last_request_was_reached()
    {
        using var world = new World(AllBits, scattered: false, queuePairs: 2);
        for (int i = 0; i < 4; i++)
        {
            world.Queue.TryPost((ulong)i, world.Region.Sge(0, 100));
        }

        Assert.Equal(PvrdmaCommandError.None, world.Receivers[0].ModifyState(PvrdmaQpState.Error));
        Assert.Contains(
            world.Events(), entry => entry.Type == (uint)PvrdmaEvent.QpLastWqeReached && entry.Info == world.Receivers[0].Handle);
        Assert.Empty(world.Cq.PollAll());

        // The others go on with all four.
        for (int i = 0; i < 4; i++)
        {
            world.Send(1, 10, i);
            Assert.Equal(((ulong)i, (ulong)world.Receivers[1].Handle), world.Cq.PollAll().Select(entry => (entry.WorkRequestId, entry.QpHandle)).Single());
        }
    }

    [Fact]
    public void A_message_longer_than_its_request_ends_that_queue_pair_alone()
    {
        using var world = new World(AllBits, scattered: false, queuePairs: 2);
        world.Queue.TryPost(1, world.Region.Sge(0, 10));
        world.Queue.TryPost(2, world.Region.Sge(0, 100));
        world.Send(0, 50, 1);
        Assert.Equal((1ul, (uint)PvrdmaWcStatus.LocalLengthError), world.Cq.PollAll().Select(entry => (entry.WorkRequestId, entry.Status)).Single());
        Assert.Equal((uint)PvrdmaQpState.Error, world.Receivers[0].Query().State);
        world.Send(1, 50, 2);
        Assert.Equal((2ul, 0u), world.Cq.PollAll().Select(entry => (entry.WorkRequestId, entry.Status)).Single());
    }

    [Theory]
    [InlineData(17u)]
    [InlineData(32u)]
    [InlineData(uint.MaxValue)]
    public void An_impossible_index_ends_the_queue_and_all_that_take_from_it(uint index)
    {
        using var world = new World(AllBits, scattered: false, queuePairs: 2);
        (DevicePair.Endpoint c, DevicePair.Endpoint d) = world.Pair.Connect();
        PvrdmaRing.PublishProducer(world.Queue.Ring, index);
        world.Send(0, 10, 1);
        List<PvrdmaEventEntry> events = world.Events();
        Assert.Contains(events, entry => entry.Type == (uint)PvrdmaEvent.SrqError && entry.Info == world.Queue.Handle);
        Assert.All(world.Receivers, qp => Assert.Equal((uint)PvrdmaQpState.Error, qp.Query().State));
        Assert.Equal(1ul, world.Pair.B.Device.Statistics.ByFault[(int)GuestFault.RingIndex]);

        // Nobody can join it any more; who has nothing to do with it goes on.
        Assert.Equal(PvrdmaCommandError.InvalidArgument, world.CreateReceiver(out _));
        c.Qp.PostSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 1, d, 0), c.Region.Sge(0, 8));
        world.Pair.Run();
        Assert.Equal(0u, Assert.Single(c.Cq.PollAll()).Status);
    }

    [Fact]
    public void A_request_with_too_many_entries_ends_the_queue_pair_that_took_it()
    {
        using var world = new World(AllBits, scattered: false, queuePairs: 2);
        world.Queue.TryPost(5, world.Region.Sge(0, 10), world.Region.Sge(0, 10), world.Region.Sge(0, 10));
        world.Queue.TryPost(6, world.Region.Sge(0, 100));
        world.Send(0, 10, 1);
        Assert.Equal((5ul, (uint)PvrdmaWcStatus.LocalQpOperationError), world.Cq.PollAll().Select(entry => (entry.WorkRequestId, entry.Status)).Single());
        world.Send(1, 10, 2);
        Assert.Equal((6ul, 0u), world.Cq.PollAll().Select(entry => (entry.WorkRequestId, entry.Status)).Single());
    }

    [Fact]
    public void It_cannot_go_while_a_queue_pair_takes_from_it()
    {
        using var world = new World(AllBits, scattered: false, queuePairs: 1);
        TestGuest guest = world.Pair.B;
        Assert.Equal(PvrdmaCommandError.Busy, guest.Destroy(PvrdmaCommand.DestroySrq, world.Queue.Handle));
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyQp, world.Receivers[0].Handle));
        Assert.Equal(PvrdmaCommandError.Busy, guest.Destroy(PvrdmaCommand.DestroyPd, world.Domain));
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroySrq, world.Queue.Handle));
        Assert.Equal(PvrdmaCommandError.NoSuchObject, guest.Destroy(PvrdmaCommand.DestroySrq, world.Queue.Handle));
        Assert.Equal(0, guest.Device.SharedReceiveQueueCount);
    }

    public static TheoryData<string, PvrdmaCommandError> Lies => new()
    {
        { "type", PvrdmaCommandError.NotSupported },
        { "domain", PvrdmaCommandError.NoSuchObject },
        { "requests 0", PvrdmaCommandError.InvalidArgument },
        { "requests odd", PvrdmaCommandError.InvalidArgument },
        { "requests huge", PvrdmaCommandError.InvalidArgument },
        { "entries", PvrdmaCommandError.InvalidArgument },
        { "pages 0", PvrdmaCommandError.InvalidArgument },
        { "pages short", PvrdmaCommandError.InvalidArgument },
        { "directory", PvrdmaCommandError.BadAddress },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_creation_that_lies_is_refused(string lie, PvrdmaCommandError expected)
    {
        using var guest = new TestGuest();
        var queue = new GuestSharedReceiveQueue(guest, guest.CreateDomain(), workRequests: 256);
        PvrdmaCreateSrq request = queue.Request;
        switch (lie)
        {
            case "type": request.SrqType = 1; break;
            case "domain": request.PdHandle = 9; break;
            case "requests 0": request.Attributes.MaxWr = 0; break;
            case "requests odd": request.Attributes.MaxWr = 255; break;
            case "requests huge": request.Attributes.MaxWr = 1u << 31; break;
            case "entries": request.Attributes.MaxSge = 17; break;
            case "pages 0": request.PageCount = 0; break;
            case "pages short": request.PageCount--; break;
            default: request.DirectoryAddress = (ulong)guest.Memory.Bytes; break;
        }

        queue.Request = request;
        Assert.Equal(expected, queue.Create());
        Assert.Equal((0, 0L), (guest.Device.SharedReceiveQueueCount, guest.Device.PinnedPages));
    }

    [Fact]
    public void What_cannot_be_modified_is_refused_and_changes_nothing()
    {
        using var world = new World(AllBits, scattered: false, queuePairs: 0);
        TestGuest guest = world.Pair.B;
        PvrdmaCommandError Modify(uint mask, uint limit) => guest.Command(
            PvrdmaCommand.ModifySrq,
            new PvrdmaModifySrq { SrqHandle = world.Queue.Handle, AttributeMask = mask, Attributes = new PvrdmaSrqAttributes { Limit = limit, MaxWr = 32 } });
        Assert.Equal(PvrdmaCommandError.NotSupported, Modify(PvrdmaModifySrq.MaxWrMask, 1));
        Assert.Equal(PvrdmaCommandError.InvalidArgument, Modify(4, 1));
        Assert.Equal(PvrdmaCommandError.InvalidArgument, Modify(PvrdmaModifySrq.LimitMask, 17));
        Assert.Equal(PvrdmaCommandError.NoSuchObject, guest.Command(PvrdmaCommand.ModifySrq, new PvrdmaModifySrq { SrqHandle = 77, AttributeMask = 2 }));
        Assert.Equal((16u, 0u), (world.Queue.Query().MaxWr, world.Queue.Query().Limit));
        Assert.Equal(PvrdmaCommandError.None, Modify(PvrdmaModifySrq.LimitMask, 16));
    }

    [Fact]
    public void A_queue_pair_of_another_domain_cannot_take_from_it()
    {
        using var world = new World(AllBits, scattered: false, queuePairs: 0);
        uint other = world.Pair.B.CreateDomain();
        Assert.Equal(PvrdmaCommandError.InvalidArgument, world.CreateReceiver(out _, other));
        Assert.Equal(PvrdmaCommandError.NoSuchObject, world.CreateReceiver(out _, handle: 99));
    }

    /// <summary>The stock driver rings after each post to an SRQ; it changes nothing, and a handle that lies is counted.</summary>
    [Fact]
    public void The_doorbell_of_the_stock_driver_is_accepted_and_checked()
    {
        using var world = new World(ExtensionBits.None, scattered: false, queuePairs: 1);
        VrdmaDevice device = world.Pair.B.Device;
        world.Queue.TryPost(3, world.Region.Sge(0, 10));
        device.WriteUar(PvrdmaUar.SrqOffset, PvrdmaUar.SrqReceive | world.Queue.Handle, world.Pair.B.NowNs);
        Assert.Equal(0ul, device.Statistics.ByFault[(int)GuestFault.Doorbell]);
        device.WriteUar(PvrdmaUar.SrqOffset, PvrdmaUar.SrqReceive | 55, world.Pair.B.NowNs);
        Assert.Equal(1ul, device.Statistics.ByFault[(int)GuestFault.Doorbell]);
        world.Send(0, 10, 1);
        Assert.Equal(3ul, Assert.Single(world.Cq.PollAll()).WorkRequestId);
    }

    /// <summary>Senders on device A, receivers with one SRQ on device B.</summary>
    private sealed class World : IDisposable
    {
        private readonly List<GuestQueuePair> _senders = [];
        private readonly GuestRegion _source;

        public World(ExtensionBits extension, bool scattered, int queuePairs)
        {
            Pair = new DevicePair(new GuestOptions { Extension = extension, Scattered = scattered });
            Domain = Pair.B.CreateDomain();
            Cq = Pair.B.CreateCompletionQueue();
            Region = Pair.B.CreateRegion(Domain, 8192, PvrdmaAccess.LocalWrite);
            Queue = new GuestSharedReceiveQueue(Pair.B, Domain);
            Assert.Equal(PvrdmaCommandError.None, Queue.Create());
            uint domain = Pair.A.CreateDomain();
            GuestCompletionQueue cq = Pair.A.CreateCompletionQueue();
            _source = Pair.A.CreateRegion(domain, 4096, PvrdmaAccess.LocalWrite);
            for (int i = 0; i < queuePairs; i++)
            {
                GuestQueuePair sender = Pair.A.CreateQueuePair(domain, cq, cq);
                Assert.Equal(PvrdmaCommandError.None, CreateReceiver(out GuestQueuePair receiver));
                Connect(sender, receiver, Pair.B);
                Connect(receiver, sender, Pair.A);
                _senders.Add(sender);
                Receivers.Add(receiver);
            }
        }

        public DevicePair Pair { get; }

        public uint Domain { get; }

        public GuestCompletionQueue Cq { get; }

        public GuestRegion Region { get; }

        public GuestSharedReceiveQueue Queue { get; }

        public List<GuestQueuePair> Receivers { get; } = [];

        public PvrdmaCommandError CreateReceiver(out GuestQueuePair qp, uint? domain = null, uint? handle = null)
        {
            // As the stock library does: no sizes for a receive queue that is not there.
            qp = new GuestQueuePair(Pair.B, domain ?? Domain, Cq, Cq, request =>
            {
                request.UsesSrq = 1;
                request.SrqHandle = handle ?? Queue.Handle;
                request.MaxReceiveWr = request.MaxReceiveSge = 0;
                return request;
            });
            return qp.Create();
        }

        public byte[] Data(int seed, int bytes) => [.. Enumerable.Range(0, bytes).Select(i => (byte)((i * 7) + (seed * 13) + 1))];

        public void Send(int from, int bytes, int seed)
        {
            byte[] data = Data(seed, bytes);
            for (int i = 0; i < bytes; i++)
            {
                *_source.At(i) = data[i];
            }

            _senders[from].PostSend(new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.Send }, _source.Sge(0, bytes));
            Pair.Run();
        }

        /// <summary>The events of device B but those that a connection is in use.</summary>
        public List<PvrdmaEventEntry> Events()
        {
            Pair.Run();
            return [.. Pair.B.ReadEvents().Where(entry => entry.Type != (uint)PvrdmaEvent.CommunicationEstablished)];
        }

        public void Dispose() => Pair.Dispose();

        private static void Connect(GuestQueuePair qp, GuestQueuePair peer, TestGuest peerGuest)
        {
            qp.ToInit();
            qp.ToReadyToReceive(peerGuest.Device.Gid, peer.Qpn);
            qp.ToReadyToSend();
        }
    }
}
