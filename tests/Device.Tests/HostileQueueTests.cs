using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Protocol;

namespace Device.Tests;

/// <summary>Completion queues, device rings and doorbells that lie. Each costs its own queue, or the device of that guest.</summary>
public sealed unsafe class HostileQueueTests
{
    private const ExtensionBits AllBits = ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord;

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

    [Fact]
    public void Events_of_all_queue_pairs_wait_when_all_fail_before_anybody_reads_them()
    {
        const int queuePairs = 1200;
        using var guest = new TestGuest(new GuestOptions { RingPages = 2, Limits = new DeviceLimits { PendingEvents = 100 }, Pages = 20_000 });
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        List<uint> handles = [];
        for (int i = 0; i < queuePairs; i++)
        {
            GuestQueuePair qp = guest.CreateQueuePair(domain, queue, queue, request => request with { MaxSendWr = 1, MaxReceiveWr = 1 });
            qp.ToInit();
            handles.Add(qp.Handle);
        }

        guest.Device.BreakQueuePairs(guest.NowNs);
        var told = new List<uint>();
        for (int round = 0; round < 10; round++)
        {
            guest.Device.PublishCompletions();
            told.AddRange(guest.ReadEvents().Where(entry => entry.Type == (uint)PvrdmaEvent.QpFatal).Select(entry => entry.Info));
        }

        Assert.Equal(handles, told);
        Assert.Equal(0ul, guest.Device.Statistics.ByFault[(int)GuestFault.EventOverrun]);
    }

    private sealed class NoSink : RoceEngine.Wire.IPacketSink
    {
        public bool HasRoom => true;

        public void Emit(in RoceEngine.Wire.Packet packet, RoceEngine.Wire.Route route)
        {
        }
    }
}
