using RoceEngine.Abi;
using RoceEngine.Device;

namespace Device.Tests;

/// <summary>Work queues and work requests that lie. Each costs its own queue, and nobody else's.</summary>
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

    /// <summary>Commands are served before doorbells, so that the device may hear of the destruction first.</summary>
    [Fact]
    public void Posting_and_then_destroying_the_queue_pair_at_once_is_no_fault()
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, _) = pair.Connect();
        pair.A.RingReceive(a.Qp);
        pair.A.RingSend(a.Qp);
        Assert.Equal(PvrdmaCommandError.None, pair.A.Destroy(PvrdmaCommand.DestroyQp, a.Qp.Handle));
        pair.Run();
        Assert.Equal(0ul, pair.A.Device.Statistics.ByFault[(int)GuestFault.Doorbell]);

        pair.A.RingSend(a.Qp);
        pair.Run();
        Assert.Equal(1ul, pair.A.Device.Statistics.ByFault[(int)GuestFault.Doorbell]);
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
}
