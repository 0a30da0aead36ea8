using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Protocol;

namespace Device.Tests;

/// <summary>Rings, work requests and doorbells that lie. Each costs its own queue, and nobody else's.</summary>
public sealed unsafe class HostileRingTests
{
    private const ExtensionBits AllBits = ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord;

    [Theory]
    [InlineData(65u)]
    [InlineData(127u)]
    [InlineData(128u)]
    [InlineData(0x8000_0000u)]
    [InlineData(uint.MaxValue)]
    public void An_impossible_send_index_ends_that_queue_pair_alone(uint index)
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        (DevicePair.Endpoint good, DevicePair.Endpoint goodPeer) = pair.Connect();
        PvrdmaRing.PublishProducer(&a.Qp.State->Send, index);
        pair.A.RingSend(a.Qp);
        pair.Run();
        Assert.Equal((uint)PvrdmaQpState.Error, a.Qp.Query().State);
        Assert.Equal([((uint)PvrdmaEvent.QpFatal, a.Qp.Handle)], pair.A.ReadEvents().Select(entry => (entry.Type, entry.Info)));
        Assert.True(pair.A.Environment.Interrupts[1] > 0);
        Assert.Equal(1ul, pair.A.Device.Statistics.ByFault[(int)GuestFault.RingIndex]);

        // Ringing again says nothing new.
        pair.A.RingSend(a.Qp);
        pair.Run();
        Assert.Empty(pair.A.ReadEvents());

        good.Qp.PostSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 1, goodPeer, 0), good.Region.Sge(0, 64));
        pair.Run();
        Assert.Equal((uint)PvrdmaWcStatus.Success, Assert.Single(good.Cq.PollAll()).Status);
        Assert.Equal((uint)PvrdmaQpState.ReadyToSend, b.Qp.Query().State);
    }

    [Fact]
    public void An_impossible_receive_index_ends_the_receiver_when_a_message_comes()
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        PvrdmaRing.PublishProducer(&b.Qp.State->Receive, 100);
        a.Qp.PostSend(new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.Send, Flags = 2 }, a.Region.Sge(0, 10));
        pair.Run();
        Assert.Equal((uint)PvrdmaQpState.Error, b.Qp.Query().State);
        Assert.Equal([(uint)PvrdmaEvent.QpFatal], pair.B.ReadEvents().Select(entry => entry.Type));
        Assert.False(pair.B.Device.IsFatal);
    }

    [Fact]
    public void An_index_that_goes_back_over_requests_already_taken_is_impossible()
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        pair.Drop = _ => true;
        a.Qp.PostSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0), a.Region.Sge(0, 64));
        a.Qp.PostSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 2, b, 0), a.Region.Sge(0, 64));
        pair.Run();
        PvrdmaRing.PublishProducer(&a.Qp.State->Send, 1);
        pair.A.RingSend(a.Qp);
        pair.Run();
        Assert.Equal((uint)PvrdmaQpState.Error, a.Qp.Query().State);
    }

    public static TheoryData<string> WorkRequests =>
        ["sges", "sges huge", "opcode", "opcode huge", "fast register", "masked atomic", "bind", "flags", "inline huge", "inline read", "lengths", "inline on atomic"];

    [Theory]
    [MemberData(nameof(WorkRequests))]
    public void An_impossible_send_completes_with_an_error_and_moves_no_byte(string lie)
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        a.Region.Fill(1);
        PvrdmaSendWqe head = BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 42, b, 0);
        head.Flags = 0;
        head.SgeCount = 1;
        PvrdmaSge[] entries = [a.Region.Sge(0, 64)];
        switch (lie)
        {
            case "sges": head.SgeCount = 5; break;
            case "sges huge": head.SgeCount = uint.MaxValue; break;
            case "opcode": head.Opcode = 16; break;
            case "opcode huge": head.Opcode = 0x1_0000_00; break;
            case "fast register": head.Opcode = (uint)PvrdmaWrOpcode.FastRegisterMr; break;
            case "masked atomic": head.Opcode = (uint)PvrdmaWrOpcode.MaskedAtomicCompareSwap; break;
            case "bind": head.Opcode = (uint)PvrdmaWrOpcode.BindMemoryWindow; break;
            case "flags": head.Flags = 0x40; break;
            case "inline huge": head.Flags = (uint)PvrdmaSendFlags.Inline; head.TotalBytes = 65; break;
            case "inline read": head.Flags = (uint)PvrdmaSendFlags.Inline; head.Opcode = (uint)PvrdmaWrOpcode.RdmaRead; break;
            case "inline on atomic": head.Flags = (uint)PvrdmaSendFlags.Inline; head.Opcode = (uint)PvrdmaWrOpcode.AtomicFetchAdd; head.TotalBytes = 8; break;
            default:
                head.SgeCount = 3;
                entries = [a.Region.Sge(0, 64), .. Enumerable.Repeat(new PvrdmaSge { Length = 0x4000_0000, LocalKey = a.Region.Key }, 2)];
                break;
        }

        a.Qp.TryWriteSend(head, entries);
        a.Qp.TryWriteSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 43, b, 0), [a.Region.Sge(0, 64)]);
        pair.A.RingSend(a.Qp);
        pair.Run();
        List<PvrdmaCqe> done = a.Cq.PollAll();
        Assert.Equal([42ul, 43ul], done.Select(entry => entry.WorkRequestId));
        Assert.Equal([(uint)PvrdmaWcStatus.LocalQpOperationError, (uint)PvrdmaWcStatus.FlushError], done.Select(entry => entry.Status));
        Assert.Equal(new byte[64], b.Region.ToArray(0, 64));
        Assert.Equal((uint)PvrdmaQpState.ReadyToSend, b.Qp.Query().State);
    }

    [Theory]
    [InlineData(5u)]
    [InlineData(uint.MaxValue)]
    public void An_impossible_receive_ends_the_receiver(uint sgeCount)
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        Assert.True(b.Qp.TryWriteReceive(new PvrdmaReceiveWqe { WorkRequestId = 7, SgeCount = sgeCount }, [b.Region.Sge(0, 64)]));
        a.Qp.PostSend(new PvrdmaSendWqe { WorkRequestId = 1, Opcode = (uint)PvrdmaWrOpcode.Send, Flags = 2 }, a.Region.Sge(0, 10));
        pair.Run();
        Assert.Equal((uint)PvrdmaQpState.Error, b.Qp.Query().State);
        Assert.NotEqual((uint)PvrdmaWcStatus.Success, Assert.Single(a.Cq.PollAll()).Status);
        Assert.All(b.Cq.PollAll(), entry => Assert.NotEqual((uint)PvrdmaWcStatus.Success, entry.Status));
    }

    public static TheoryData<string> LocalRanges => ["key", "before", "after", "length", "wraps", "other domain", "read only for read"];

    [Theory]
    [MemberData(nameof(LocalRanges))]
    public void A_range_outside_its_region_is_a_protection_error(string lie)
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect(regionBytes: 10_000);
        PvrdmaSge entry = a.Region.Sge(0, 64);
        PvrdmaWrOpcode opcode = PvrdmaWrOpcode.RdmaWrite;
        switch (lie)
        {
            case "key": entry.LocalKey++; break;
            case "before": entry.Address--; break;
            case "after": entry = a.Region.Sge(9_937, 64); break;
            case "length": entry.Length = 10_001; break;
            case "wraps": entry.Address = ulong.MaxValue - 10; break;
            case "other domain":
                uint domain = a.Guest.CreateDomain();
                entry.LocalKey = a.Guest.CreateRegion(domain, 10_000, PvrdmaAccess.LocalWrite, a.Region.Start).Key;
                break;
            default:
                entry.LocalKey = a.Guest.CreateRegion(a.Domain, 10_000, PvrdmaAccess.RemoteRead, a.Region.Start).Key;
                opcode = PvrdmaWrOpcode.RdmaRead;
                break;
        }

        a.Qp.PostSend(BackToBackTests.Rdma(opcode, 1, b, 0), entry);
        pair.Run();
        Assert.Equal((uint)PvrdmaWcStatus.LocalProtectionError, Assert.Single(a.Cq.PollAll()).Status);
    }

    public static TheoryData<string> RemoteRanges => ["before", "after", "length", "wraps", "destroyed", "read only", "other domain"];

    [Theory]
    [MemberData(nameof(RemoteRanges))]
    public void A_remote_range_outside_its_region_is_an_access_error(string lie)
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect(regionBytes: 10_000);
        PvrdmaSendWqe write = BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0);
        uint bytes = 64;
        switch (lie)
        {
            case "before": write.RemoteAddress--; break;
            case "after": write.RemoteAddress += 9_937; break;
            case "length": write.RemoteAddress += 1; bytes = 10_000; break;
            case "wraps": write.RemoteAddress = ulong.MaxValue - 10; break;
            case "destroyed": b.Guest.Destroy(PvrdmaCommand.DestroyMr, b.Region.Handle); break;
            case "read only": write.RdmaRemoteKey = b.Guest.CreateRegion(b.Domain, 10_000, PvrdmaAccess.RemoteRead, b.Region.Start).Key; break;
            default:
                uint domain = b.Guest.CreateDomain();
                write.RdmaRemoteKey = b.Guest.CreateRegion(
                    domain, 10_000, PvrdmaAccess.LocalWrite | PvrdmaAccess.RemoteWrite, b.Region.Start).Key;
                break;
        }

        a.Qp.PostSend(write, a.Region.Sge(0, (int)bytes));
        pair.Run();
        Assert.Equal((uint)PvrdmaWcStatus.RemoteAccessError, Assert.Single(a.Cq.PollAll()).Status);
    }

    [Fact]
    public void A_completion_queue_that_overruns_fails_with_its_queue_pairs_and_no_other()
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        (DevicePair.Endpoint good, DevicePair.Endpoint goodPeer) = pair.Connect();
        GuestCompletionQueue small = a.Guest.CreateCompletionQueue(4);
        GuestQueuePair qp = a.Guest.CreateQueuePair(a.Domain, small, a.Cq, request => request with { SignalAll = 1 });
        GuestQueuePair peer = b.Guest.CreateQueuePair(b.Domain, b.Cq, b.Cq);
        qp.ToInit();
        qp.ToReadyToReceive(b.Guest.Device.Gid, peer.Qpn);
        qp.ToReadyToSend();
        peer.ToInit();
        peer.ToReadyToReceive(a.Guest.Device.Gid, qp.Qpn);
        peer.ToReadyToSend();
        for (int i = 0; i < 8; i++)
        {
            PvrdmaSendWqe write = BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, (ulong)i, b, 0);
            write.Flags = 0;
            qp.PostSend(write, a.Region.Sge(0, 8));
        }

        pair.Run();
        Assert.Equal(4, small.PollAll().Count);
        Assert.Equal((uint)PvrdmaQpState.Error, qp.Query().State);
        Assert.Equal(
            [((uint)PvrdmaEvent.CqError, small.Handle), ((uint)PvrdmaEvent.QpFatal, qp.Handle)],
            pair.A.ReadEvents().Select(entry => (entry.Type, entry.Info)));
        Assert.Equal((uint)PvrdmaQpState.ReadyToSend, a.Qp.Query().State);
        Assert.True(pair.A.Device.ListCompletionQueues().Single(queue => queue.Handle == small.Handle).IsFailed);

        good.Qp.PostSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 9, goodPeer, 0), good.Region.Sge(0, 8));
        pair.Run();
        Assert.Equal(9ul, Assert.Single(good.Cq.PollAll()).WorkRequestId);
    }

    [Fact]
    public void A_consumer_index_that_lies_fails_its_completion_queue()
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        PvrdmaRing.PublishConsumer(a.Cq.Ring, 0x4000_0000);

        // The index is looked at when the queue seems full: 256 entries.
        for (int i = 0; i < 257; i++)
        {
            a.Qp.TryWriteSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, (ulong)i, b, 0), [a.Region.Sge(0, 8)]);
            pair.A.RingSend(a.Qp);
            pair.Run();
        }

        Assert.Equal((uint)PvrdmaQpState.Error, a.Qp.Query().State);
        Assert.Contains(pair.A.ReadEvents(), entry => entry.Type == (uint)PvrdmaEvent.CqError && entry.Info == a.Cq.Handle);
        Assert.False(pair.A.Device.IsFatal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_device_ring_with_an_impossible_index_makes_the_device_fatal(bool notifications)
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        PvrdmaRing.PublishConsumer(notifications ? pair.A.NotificationRing : pair.A.AsyncRing, 0xFFFF);
        a.Cq.Arm(solicited: false);
        PvrdmaSendWqe write = BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0);
        a.Qp.PostSend(write, a.Region.Sge(0, 8));
        pair.Run();
        if (!notifications)
        {
            PvrdmaRing.PublishProducer(&a.Qp.State->Send, 0xFFFF);
            pair.A.RingSend(a.Qp);
            pair.Run();
        }

        Assert.True(pair.A.Device.IsFatal);
        Assert.Equal(DeviceControlPage.StateFatal, ((DeviceControlPage*)(pair.A.Control + ControlRegion.DevicePage))->DeviceState);
        Assert.All(pair.A.Device.ListQueuePairs(), qp => Assert.Equal(QueuePairState.Error, qp.Attributes.State));
        pair.A.Write(PvrdmaRegister.Request, 0);
        Assert.Equal((uint)PvrdmaCommandError.NotActive, pair.A.Error);
        pair.A.RingSend(a.Qp);
        pair.Run();
        Assert.False(pair.B.Device.IsFatal);
        if (notifications)
        {
            Assert.Contains(pair.A.ReadEvents(), entry => entry.Type == (uint)PvrdmaEvent.DeviceFatal);
        }
    }

    [Theory]
    [InlineData(ExtensionBits.None)]
    [InlineData(AllBits)]
    public void Doorbells_for_handles_that_name_nothing_are_counted(ExtensionBits extension)
    {
        using var guest = new TestGuest(new GuestOptions { Extension = extension });
        if (extension == ExtensionBits.None)
        {
            foreach (uint value in new[] { 0u, uint.MaxValue, PvrdmaUar.QpSend | 5, PvrdmaUar.QpReceive | PvrdmaUar.HandleMask })
            {
                guest.Device.WriteUar(PvrdmaUar.QpOffset, value, 0);
                guest.Device.WriteUar(PvrdmaUar.CqOffset, value, 0);
                guest.Device.WriteUar(PvrdmaUar.SrqOffset, value, 0);
                guest.Device.WriteUar(12, value, 0);
                guest.Device.WriteUar(-1, value, 0);
            }
        }
        else
        {
            new Span<byte>(guest.Control + ControlRegion.SendSummary, ControlRegion.Bytes - ControlRegion.SendSummary).Fill(0xFF);
            int served = 0;
            for (int turn = 0; turn < 2000; turn++)
            {
                int once = guest.Device.HarvestDoorbells(100, 0);
                Assert.InRange(once, 0, 100);
                served += once;
            }

            Assert.Equal(2 * ControlRegion.HandlesMax, served);
            Assert.False(guest.Device.HasDoorbells);
        }

        Assert.True(guest.Device.Statistics.ByFault[(int)GuestFault.Doorbell] >= 15);
        Assert.False(guest.Device.IsFatal);
    }

    [Fact]
    public void Events_wait_while_the_ring_is_full_and_are_dropped_when_too_many_wait()
    {
        using var guest = new TestGuest(new GuestOptions
        {
            RingPages = 2,
            Limits = new DeviceLimits { PendingEvents = 100 },
            Pages = 20_000,
        });
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();

        // The ring holds 512 entries, 100 wait, the rest is lost.
        var handles = new List<uint>();
        for (int i = 0; i < 700; i++)
        {
            GuestQueuePair qp = guest.CreateQueuePair(domain, queue, queue, request => request with { MaxSendWr = 1, MaxReceiveWr = 1 });
            qp.ToInit();
            qp.ToReadyToReceive(guest.Device.Gid, 5);
            qp.ToReadyToSend();
            PvrdmaRing.PublishProducer(&qp.State->Send, 1000);
            guest.RingSend(qp);
            guest.Device.Transmit(new NoSink(), 16, guest.NowNs);
            guest.Device.PublishCompletions();
            handles.Add(qp.Handle);
        }

        List<uint> told = [.. guest.ReadEvents().Select(entry => entry.Info)];
        Assert.Equal(512, told.Count);
        guest.Device.PublishCompletions();
        told.AddRange(guest.ReadEvents().Select(entry => entry.Info));
        Assert.Equal(handles.Take(612), told);
        Assert.Equal(88ul, guest.Device.Statistics.ByFault[(int)GuestFault.EventOverrun]);
    }

    private sealed class NoSink : RoceEngine.Wire.IPacketSink
    {
        public bool HasRoom => true;

        public void Emit(in RoceEngine.Wire.Packet packet, RoceEngine.Wire.Route route)
        {
        }
    }
}
