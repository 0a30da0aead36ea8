using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Device.Tests;

public sealed unsafe class CommandTests
{
    [Fact]
    public void Commands_without_response_raise_no_response_interrupt()
    {
        using var guest = new TestGuest();
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        GuestRegion region = guest.CreateRegion(domain, 4096, PvrdmaAccess.LocalWrite);
        GuestQueuePair qp = guest.CreateQueuePair(domain, queue, queue);
        Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.CreateUc, default(PvrdmaCreateUc), out PvrdmaHandleResponse context));
        qp.ToInit();
        qp.Query();
        int responses = guest.Environment.Interrupts[0];
        Assert.Equal(7, responses);

        var gid = new PvrdmaCreateBind { Index = 1, GidType = 2, Mtu = 5 };
        Gid.FromIPv4(0x0A000001).Write(gid.Gid);
        Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.CreateBind, gid));
        Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.DestroyBind, new PvrdmaDestroyBind { Index = 1 }));
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyQp, qp.Handle));
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyCq, queue.Handle));
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyMr, region.Handle));
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyPd, domain));
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyUc, context.Handle));
        Assert.Equal(PvrdmaCommandError.NoSuchObject, guest.Command(PvrdmaCommand.ModifySrq, default(PvrdmaModifySrq)));
        Assert.Equal(PvrdmaCommandError.NoSuchObject, guest.Destroy(PvrdmaCommand.DestroySrq, 1));
        Assert.Equal(responses, guest.Environment.Interrupts[0]);
        Assert.Equal(0, guest.Device.PinnedPages);
    }

    /// <summary>The stock driver reads the error register right after the request, and waits for a response only when it is 0.</summary>
    [Fact]
    public void A_refused_creation_is_in_the_error_register_and_no_interrupt_follows()
    {
        using var guest = new TestGuest();
        Assert.Equal(PvrdmaCommandError.NoSuchObject, guest.Command(PvrdmaCommand.CreateMr, new PvrdmaCreateMr { PdHandle = 5 }));
        Assert.Equal((uint)PvrdmaCommandError.NoSuchObject, guest.Error);
        Assert.Equal(0, guest.Environment.Interrupts[0]);
        guest.CreateDomain();
        Assert.Equal(0u, guest.Error);
    }

    /// <summary>Of MODIFY_QP alone the stock driver reads the error in the response.</summary>
    [Fact]
    public void A_refused_modify_is_in_the_response()
    {
        using var guest = new TestGuest();
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        GuestQueuePair qp = guest.CreateQueuePair(domain, queue, queue);
        int before = guest.Environment.Interrupts[0];
        Assert.Equal(PvrdmaCommandError.InvalidArgument, qp.ModifyState(PvrdmaQpState.ReadyToSend));
        Assert.Equal(0u, guest.Error);
        Assert.Equal(before + 1, guest.Environment.Interrupts[0]);
    }

    [Fact]
    public void The_port_is_active_and_has_one_default_pkey()
    {
        using var guest = new TestGuest();
        Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.QueryPort, new PvrdmaQueryPort { Port = 1 }, out PvrdmaQueryPortResponse port));
        Assert.Equal((4u, 5u, 5u, 1u << 31, (ushort)1), (port.Attributes.State, port.Attributes.MaxMtu, port.Attributes.ActiveMtu,
            port.Attributes.MaxMessageBytes, port.Attributes.PkeyTableLength));
        Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.QueryPkey, new PvrdmaQueryPkey { Port = 1 }, out PvrdmaQueryPkeyResponse pkey));
        Assert.Equal(0xFFFF, pkey.Pkey);
        Assert.Equal(PvrdmaCommandError.InvalidArgument, guest.Command(PvrdmaCommand.QueryPort, new PvrdmaQueryPort { Port = 2 }));
        Assert.Equal(PvrdmaCommandError.InvalidArgument, guest.Command(PvrdmaCommand.QueryPkey, new PvrdmaQueryPkey { Port = 1, Index = 1 }));
    }

    [Fact]
    public void Handles_and_numbers_differ_and_cannot_be_guessed()
    {
        using var guest = new TestGuest();
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        GuestQueuePair[] pairs = [.. Enumerable.Range(0, 32).Select(_ => guest.CreateQueuePair(domain, queue, queue))];
        Assert.Equal(32, pairs.Select(qp => qp.Qpn).Distinct().Count());
        Assert.All(pairs, qp => Assert.InRange(qp.Qpn, 2u, 0xFF_FFFEu));
        Assert.Equal(Enumerable.Range(1, 32).Select(handle => (uint)handle), pairs.Select(qp => qp.Handle));

        // Consecutive numbers would give one difference 31 times.
        Assert.True(pairs.Zip(pairs.Skip(1), (first, second) => second.Qpn - first.Qpn).Distinct().Count() > 20);
        uint[] keys = [.. Enumerable.Range(0, 32).Select(_ => guest.CreateRegion(domain, 64, PvrdmaAccess.None).Key)];
        Assert.Equal(32, keys.Distinct().Count());
        Assert.True(keys.Zip(keys.Skip(1), (first, second) => second - first).Distinct().Count() > 20);
    }

    [Fact]
    public void An_object_in_use_cannot_be_destroyed_and_one_destroyed_is_gone()
    {
        using var guest = new TestGuest();
        guest.Command(PvrdmaCommand.CreateUc, default(PvrdmaCreateUc), out PvrdmaHandleResponse context);
        guest.Command(PvrdmaCommand.CreatePd, new PvrdmaHandleCommand { Handle = context.Handle }, out PvrdmaHandleResponse domain);
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        GuestRegion region = guest.CreateRegion(domain.Handle, 4096, PvrdmaAccess.LocalWrite);
        GuestQueuePair qp = guest.CreateQueuePair(domain.Handle, queue, queue);

        Assert.Equal(PvrdmaCommandError.Busy, guest.Destroy(PvrdmaCommand.DestroyPd, domain.Handle));
        Assert.Equal(PvrdmaCommandError.Busy, guest.Destroy(PvrdmaCommand.DestroyCq, queue.Handle));
        Assert.Equal(PvrdmaCommandError.Busy, guest.Destroy(PvrdmaCommand.DestroyUc, context.Handle));
        foreach ((PvrdmaCommand command, uint handle) in new[]
        {
            (PvrdmaCommand.DestroyQp, qp.Handle), (PvrdmaCommand.DestroyCq, queue.Handle), (PvrdmaCommand.DestroyMr, region.Handle),
            (PvrdmaCommand.DestroyPd, domain.Handle), (PvrdmaCommand.DestroyUc, context.Handle),
        })
        {
            Assert.Equal(PvrdmaCommandError.None, guest.Destroy(command, handle));
            Assert.Equal(PvrdmaCommandError.NoSuchObject, guest.Destroy(command, handle));
        }
    }

    [Fact]
    public void Query_gives_back_what_modify_set()
    {
        using var guest = new TestGuest();
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        GuestQueuePair qp = guest.CreateQueuePair(domain, queue, queue);
        Assert.Equal((uint)PvrdmaQpState.Reset, qp.Query().State);
        qp.ToInit();
        var peer = Gid.From(System.Net.IPAddress.Parse("10.0.0.9"));
        qp.ToReadyToReceive(peer, 0xABCDEF, PvrdmaMtu.Mtu2048);
        qp.ToReadyToSend(timeout: 17, retries: 5);

        PvrdmaQpAttributes attributes = qp.Query();
        Assert.Equal(((uint)PvrdmaQpState.ReadyToSend, (uint)PvrdmaMtu.Mtu2048, 0xABCDEFu, 0x123456u, 0x123456u), (attributes.State,
            attributes.PathMtu, attributes.DestinationQpn, attributes.ReceivePsn, attributes.SendPsn));
        Assert.Equal((17, 5, 7, 12, 4, 4), (attributes.Timeout, attributes.RetryCount, attributes.RnrRetry, attributes.MinRnrTimer,
            attributes.MaxRdAtomic, attributes.MaxDestinationRdAtomic));
        Assert.Equal(peer, Gid.Read(attributes.AddressHandle.GlobalRoute.DestinationGid));
        Assert.Equal((64u, 64u, 4u, 4u), (attributes.Capabilities.MaxSendWr, attributes.Capabilities.MaxReceiveWr,
            attributes.Capabilities.MaxSendSge, attributes.Capabilities.MaxReceiveSge));
    }

    /// <summary>The alternate path is kept and given back although it is never taken; the address vector comes back as it was given.</summary>
    [Fact]
    public void Query_gives_back_both_paths_and_the_migration_state()
    {
        using var guest = new TestGuest();
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        GuestQueuePair qp = guest.CreateQueuePair(domain, queue, queue);
        qp.ToInit();
        var attributes = new PvrdmaQpAttributes
        {
            State = (uint)PvrdmaQpState.ReadyToReceive, PathMtu = 3, DestinationQpn = 5, MaxDestinationRdAtomic = 1, AlternatePort = 1, AlternateTimeout = 9,
        };
        PvrdmaAhAttributes primary = Address("10.0.0.2", flow: 0x12345, serviceLevel: 3);
        PvrdmaAhAttributes alternate = Address("10.0.0.3", flow: 0x54321, serviceLevel: 4);
        attributes.AddressHandle = primary;
        attributes.AlternateAddressHandle = alternate;
        const QueuePairAttributeMask ToReceive = QueuePairAttributeMask.State | QueuePairAttributeMask.AddressVector | QueuePairAttributeMask.PathMtu
            | QueuePairAttributeMask.DestinationQpn | QueuePairAttributeMask.ReceivePsn | QueuePairAttributeMask.MaxDestinationRdAtomic
            | QueuePairAttributeMask.MinRnrTimer | QueuePairAttributeMask.AlternatePath;

        foreach (string lie in new[] { "port", "timeout", "pkey", "gid", "group" })
        {
            PvrdmaQpAttributes bad = attributes;
            switch (lie)
            {
                case "port": bad.AlternatePort = 2; break;
                case "timeout": bad.AlternateTimeout = 32; break;
                case "pkey": bad.AlternatePkeyIndex = 1; break;
                case "gid": bad.AlternateAddressHandle = default; break;
                default: bad.AlternateAddressHandle = Address("224.0.0.1", 0, 0); break;
            }

            Assert.Equal(PvrdmaCommandError.InvalidArgument, qp.Modify(bad, ToReceive));
        }

        Assert.Equal(PvrdmaCommandError.None, qp.Modify(attributes, ToReceive));
        qp.ToReadyToSend();
        Assert.Equal(PvrdmaCommandError.InvalidArgument, qp.Modify(new PvrdmaQpAttributes { PathMigrationState = 3 }, QueuePairAttributeMask.PathMigrationState));
        Assert.Equal(PvrdmaCommandError.None, qp.Modify(new PvrdmaQpAttributes { PathMigrationState = 1 }, QueuePairAttributeMask.PathMigrationState));
        PvrdmaQpAttributes answer = qp.Query();
        Assert.Equal((1u, (byte)1, (byte)9), (answer.PathMigrationState, answer.AlternatePort, answer.AlternateTimeout));
        AssertSame(primary, answer.AddressHandle);
        AssertSame(alternate, answer.AlternateAddressHandle);

        Assert.Equal(PvrdmaCommandError.None, qp.ModifyState(PvrdmaQpState.Reset));
        Assert.Equal((0u, (byte)0), (qp.Query().PathMigrationState, qp.Query().AlternatePort));

        static PvrdmaAhAttributes Address(string gid, uint flow, byte serviceLevel)
        {
            var address = new PvrdmaAhAttributes { Flags = PvrdmaAhAttributes.GlobalRouteFlag, Port = 1, ServiceLevel = serviceLevel };
            Gid.From(System.Net.IPAddress.Parse(gid)).Write(address.GlobalRoute.DestinationGid);
            address.GlobalRoute.FlowLabel = flow;
            address.GlobalRoute.HopLimit = 63;
            address.GlobalRoute.TrafficClass = 0x28;
            return address;
        }

        static void AssertSame(in PvrdmaAhAttributes expected, in PvrdmaAhAttributes actual)
        {
            Assert.Equal(Gid.Read(expected.GlobalRoute.DestinationGid), Gid.Read(actual.GlobalRoute.DestinationGid));
            Assert.Equal(
                (expected.GlobalRoute.FlowLabel, expected.GlobalRoute.HopLimit, expected.GlobalRoute.TrafficClass, expected.ServiceLevel, expected.Port),
                (actual.GlobalRoute.FlowLabel, actual.GlobalRoute.HopLimit, actual.GlobalRoute.TrafficClass, actual.ServiceLevel, actual.Port));
        }
    }

    /// <summary>A drained queue with a request on its way drains; with none it has drained.</summary>
    [Fact]
    public void Query_tells_whether_the_send_queue_still_drains()
    {
        using var pair = new DevicePair();
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        pair.Drop = _ => true;
        a.Qp.PostSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0), a.Region.Sge(0, 8));
        pair.Run();
        Assert.Equal(0, a.Qp.Query().SendQueueDraining);
        Assert.Equal(PvrdmaCommandError.None, a.Qp.ModifyState(PvrdmaQpState.SendQueueDrained));
        Assert.Equal(1, a.Qp.Query().SendQueueDraining);
        pair.Drop = null;
        Assert.True(pair.PassTime());
        Assert.Equal(((uint)PvrdmaQpState.SendQueueDrained, (byte)0), (a.Qp.Query().State, a.Qp.Query().SendQueueDraining));
        Assert.Single(a.Cq.PollAll());
    }

    public static TheoryData<string> BadAttributes => ["state", "mtu 0", "mtu 6", "mtu too large", "port", "pkey", "rnr timer", "timeout",
        "retry", "rnr retry", "psn", "qpn", "gid", "gid index", "access", "mask", "rd atomic", "current state"];

    [Theory]
    [MemberData(nameof(BadAttributes))]
    public void An_attribute_out_of_bounds_is_refused_and_changes_nothing(string what)
    {
        using var guest = new TestGuest();
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        GuestQueuePair qp = guest.CreateQueuePair(domain, queue, queue);
        qp.ToInit();
        var attributes = new PvrdmaQpAttributes
        {
            State = (uint)PvrdmaQpState.ReadyToReceive, PathMtu = 3, DestinationQpn = 5, Port = 1, MaxDestinationRdAtomic = 1, CurrentState = 1,
        };
        Gid.FromIPv4(0x0A000002).Write(attributes.AddressHandle.GlobalRoute.DestinationGid);
        var mask = QueuePairAttributeMask.State | QueuePairAttributeMask.AddressVector | QueuePairAttributeMask.PathMtu
            | QueuePairAttributeMask.DestinationQpn | QueuePairAttributeMask.ReceivePsn | QueuePairAttributeMask.MaxDestinationRdAtomic
            | QueuePairAttributeMask.MinRnrTimer;
        switch (what)
        {
            case "state": attributes.State = 258; break;
            case "mtu 0": attributes.PathMtu = 0; break;
            case "mtu 6": attributes.PathMtu = 6; break;
            case "mtu too large": attributes.PathMtu = 0x8000_0003; break;
            case "port": attributes.Port = 2; mask |= QueuePairAttributeMask.Port; break;
            case "pkey": attributes.PkeyIndex = 1; mask |= QueuePairAttributeMask.PartitionKeyIndex; break;
            case "rnr timer": attributes.MinRnrTimer = 32; break;
            case "timeout": attributes.Timeout = 32; mask |= QueuePairAttributeMask.Timeout; break;
            case "retry": attributes.RetryCount = 8; mask |= QueuePairAttributeMask.RetryCount; break;
            case "rnr retry": attributes.RnrRetry = 8; mask |= QueuePairAttributeMask.RnrRetry; break;
            case "psn": attributes.ReceivePsn = 1 << 24; break;
            case "qpn": attributes.DestinationQpn = 1 << 24; break;
            case "gid": attributes.AddressHandle.GlobalRoute.DestinationGid = default; break;
            case "gid index": attributes.AddressHandle.GlobalRoute.SourceGidIndex = 1; break;
            case "access": attributes.Access = 0x100; mask |= QueuePairAttributeMask.AccessFlags; break;
            case "mask": mask |= (QueuePairAttributeMask)(1u << 21); break;
            case "rd atomic": attributes.MaxDestinationRdAtomic = 255; break;
            default: attributes.CurrentState = 3; mask |= QueuePairAttributeMask.CurrentState; break;
        }

        Assert.Equal(PvrdmaCommandError.InvalidArgument, qp.Modify(attributes, mask));
        Assert.Equal((uint)PvrdmaQpState.Init, qp.Query().State);
    }

    [Fact]
    public void The_gid_table_takes_only_what_it_can_hold()
    {
        using var guest = new TestGuest();
        var bind = new PvrdmaCreateBind { Index = 3, GidType = 2, Mtu = 3 };
        Assert.Equal(PvrdmaCommandError.InvalidArgument, guest.Command(PvrdmaCommand.CreateBind, bind));
        Gid.FromIPv4(0x0A000005).Write(bind.Gid);
        Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.CreateBind, bind));
        Assert.Equal(PvrdmaCommandError.InvalidArgument, guest.Command(PvrdmaCommand.CreateBind, bind with { Index = 16 }));
        Assert.Equal(PvrdmaCommandError.InvalidArgument, guest.Command(PvrdmaCommand.CreateBind, bind with { Index = uint.MaxValue }));
        Assert.Equal(PvrdmaCommandError.InvalidArgument, guest.Command(PvrdmaCommand.CreateBind, bind with { GidType = 1 }));
        Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.DestroyBind, new PvrdmaDestroyBind { Index = 3 }));
        Assert.Equal(PvrdmaCommandError.NoSuchObject, guest.Command(PvrdmaCommand.DestroyBind, new PvrdmaDestroyBind { Index = 3 }));
        Assert.Equal(PvrdmaCommandError.NoSuchObject, guest.Command(PvrdmaCommand.DestroyBind, new PvrdmaDestroyBind { Index = uint.MaxValue }));
    }

    [Fact]
    public void The_objects_can_be_listed()
    {
        using var guest = new TestGuest();
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue(64);
        GuestRegion region = guest.CreateRegion(domain, 5000, PvrdmaAccess.LocalWrite, start: 0x5555_0000_0010);
        GuestQueuePair qp = guest.CreateQueuePair(domain, queue, queue);
        qp.ToInit();
        QueuePairSnapshot pair = Assert.Single(guest.Device.ListQueuePairs());
        Assert.Equal((qp.Handle, qp.Qpn, QueuePairState.Init, queue.Handle, 64u), (pair.Handle, pair.Qpn, pair.Attributes.State,
            pair.SendCompletionQueue, pair.SendDepth));
        Assert.Equal(new CompletionQueueSnapshot(queue.Handle, 64, 0, 2, false), Assert.Single(guest.Device.ListCompletionQueues()));
        Assert.Equal(
            new MemoryRegionSnapshot(region.Handle, domain, 0x5555_0000_0010, 5000, AccessFlags.LocalWrite),
            Assert.Single(guest.Device.ListMemoryRegions()));
        Assert.Equal(0u, pair.SharedReceiveQueue);
    }

    [Fact]
    public void Shared_receive_queues_and_windows_can_be_listed()
    {
        using var world = new KeyWorld();
        var shared = new GuestSharedReceiveQueue(world.Guest, world.Domain);
        Assert.Equal(PvrdmaCommandError.None, shared.Create());
        shared.TryPost(1);
        shared.TryPost(2);
        shared.Arm(1);
        var receiver = new GuestQueuePair(
            world.Guest, world.Domain, world.Queue, world.Queue, request => request with { UsesSrq = 1, SrqHandle = shared.Handle });
        Assert.Equal(PvrdmaCommandError.None, receiver.Create());
        Assert.Equal(shared.Handle, world.Guest.Device.ListQueuePairs()[^1].SharedReceiveQueue);
        Assert.Equal(
            new SharedReceiveQueueSnapshot(shared.Handle, world.Domain, 16, 2, 1, 1, false), Assert.Single(world.Guest.Device.ListSharedReceiveQueues()));

        GuestRegion region = world.Guest.CreateRegion(world.Domain, 4096, PvrdmaAccess.WindowBind);
        (uint handle, uint key) = world.CreateWindow(2);
        Assert.Equal(new MemoryWindowSnapshot(handle, world.Domain, 2, 0, 0, 0, AccessFlags.None), Assert.Single(world.Guest.Device.ListMemoryWindows()));
        Assert.Equal(CompletionStatus.Success, KeyWorld.Bind(world.Qp, key, region, 8, 16, PvrdmaAccess.RemoteRead));
        Assert.Equal(
            new MemoryWindowSnapshot(handle, world.Domain, 2, region.Handle, region.Start + 8, 16, AccessFlags.RemoteRead),
            Assert.Single(world.Guest.Device.ListMemoryWindows()));
    }

    [Theory]
    [InlineData(PvrdmaCommand.CreateMw)]
    [InlineData(PvrdmaCommand.ReregisterMr)]
    [InlineData(PvrdmaCommand.ResizeCqPages)]
    [InlineData(PvrdmaCommand.AttachMulticast)]
    [InlineData((PvrdmaCommand)21)]
    [InlineData((PvrdmaCommand)uint.MaxValue)]
    public void A_command_that_the_device_does_not_know_is_refused(PvrdmaCommand command)
    {
        using var guest = new TestGuest();
        *(ulong*)guest.Memory.At(guest.CommandSlot) = 42;
        *(uint*)guest.Memory.At(guest.CommandSlot + 8) = (uint)command;
        guest.Write(PvrdmaRegister.Request, 0);
        Assert.Equal((uint)PvrdmaCommandError.NotSupported, guest.Error);
        Assert.Equal(1ul, guest.Device.Statistics.CommandsRefused);
        Assert.Equal(1ul, guest.Device.Statistics.ByFault[(int)GuestFault.Command]);
    }
}
