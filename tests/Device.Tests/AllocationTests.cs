using RoceEngine.Abi;

namespace Device.Tests;

public sealed class AllocationTests
{
    /// <summary>From the post to the completion on both sides: doorbell, fetch, translation, transmission, execution, completion, notification.</summary>
    [Theory]
    [InlineData(ExtensionBits.None, false)]
    [InlineData(ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord, false)]
    [InlineData(ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord, true)]
    public void The_way_of_a_work_request_allocates_nothing(ExtensionBits extension, bool isLocal)
    {
        using var pair = new DevicePair(new GuestOptions { Extension = extension, IsLocal = isLocal });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        PvrdmaSge[] source = [a.Region.Sge(0, 3000)];
        PvrdmaSge[] target = [b.Region.Sge(0, 4000)];
        PvrdmaSendWqe write = BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0) with { SgeCount = 1 };
        PvrdmaSendWqe read = BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaRead, 2, b, 0) with { SgeCount = 1 };
        var send = new PvrdmaSendWqe { WorkRequestId = 3, SgeCount = 1, Opcode = (uint)PvrdmaWrOpcode.Send, Flags = (uint)PvrdmaSendFlags.Signaled };
        var receive = new PvrdmaReceiveWqe { SgeCount = 1 };

        long allocated = 0;
        for (int i = 0; i < 400; i++)
        {
            // The first rounds warm up pools, tables and the just-in-time compiler's own bookkeeping.
            if (i == 200)
            {
                allocated = GC.GetAllocatedBytesForCurrentThread();
            }

            bool posted = b.Qp.TryWriteReceive(receive, target) && a.Qp.TryWriteSend(write, source) && a.Qp.TryWriteSend(read, source)
                && a.Qp.TryWriteSend(send, source);
            if (!posted)
            {
                Assert.Fail("a queue is full");
            }

            a.Cq.Arm(solicited: false);
            pair.B.RingReceive(b.Qp);
            pair.A.RingSend(a.Qp);
            pair.Run();
            int completions = 0;
            while (a.Cq.TryPoll(out PvrdmaCqe entry) || b.Cq.TryPoll(out entry))
            {
                completions += entry.Status == 0 ? 1 : 100;
            }

            if (completions != 4 || !pair.A.TryReadNotification(out _))
            {
                Assert.Fail($"{completions} completions in round {i}");
            }
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - allocated);
    }

    /// <summary>A message through an SRQ, a bind, an access through the window, and its invalidation.</summary>
    [Fact]
    public void Shared_receives_and_windows_allocate_nothing()
    {
        const ExtensionBits Bits = ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord | ExtensionBits.MemoryWindows;
        using var pair = new DevicePair(new GuestOptions { Extension = Bits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        var shared = new GuestSharedReceiveQueue(pair.B, b.Domain);
        Assert.Equal(PvrdmaCommandError.None, shared.Create());
        GuestQueuePair receiver = pair.B.CreateQueuePair(
            b.Domain, b.Cq, b.Cq, request => request with { UsesSrq = 1, SrqHandle = shared.Handle, MaxReceiveWr = 0 });
        GuestQueuePair sender = pair.A.CreateQueuePair(a.Domain, a.Cq, a.Cq);
        foreach ((GuestQueuePair here, GuestQueuePair there, TestGuest guest) in new[] { (sender, receiver, pair.B), (receiver, sender, pair.A) })
        {
            here.ToInit();
            here.ToReadyToReceive(guest.Device.Gid, there.Qpn);
            here.ToReadyToSend();
        }

        pair.B.Command(PvrdmaCommand.CreateMw, new PvrdmaCreateMw { PdHandle = b.Domain, Type = 2 }, out PvrdmaCreateMwResponse window);
        uint signaled = (uint)PvrdmaSendFlags.Signaled;
        var bind = new PvrdmaSendWqe
        {
            Opcode = (uint)PvrdmaWrOpcode.BindMemoryWindow, Flags = signaled, BindKey = window.RemoteKey, BindRegionKey = b.Region.Key,
            BindAddress = b.Region.Start, BindLength = 64, BindAccess = (uint)PvrdmaAccess.RemoteWrite,
        };
        var invalidate = new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.LocalInvalidate, Flags = signaled, ImmediateOrKey = window.RemoteKey };
        PvrdmaSendWqe write = BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0) with { SgeCount = 1, RdmaRemoteKey = window.RemoteKey };
        var send = new PvrdmaSendWqe { SgeCount = 1, Opcode = (uint)PvrdmaWrOpcode.Send, Flags = signaled };
        PvrdmaSge[] source = [a.Region.Sge(0, 64)];
        PvrdmaSge[] target = [b.Region.Sge(1000, 64)];

        long allocated = 0;
        for (int i = 0; i < 400; i++)
        {
            if (i == 200)
            {
                allocated = GC.GetAllocatedBytesForCurrentThread();
            }

            bool done = Step(pair, receiver, bind, []) && Step(pair, sender, write, source)
                && shared.TryPost(1, target) && Step(pair, sender, send, source) && Step(pair, receiver, invalidate, []);
            int completions = 0;
            while (a.Cq.TryPoll(out PvrdmaCqe entry) || b.Cq.TryPoll(out entry))
            {
                completions += entry.Status == 0 ? 1 : 100;
            }

            if (!done || completions != 5)
            {
                Assert.Fail($"{completions} completions in round {i}");
            }
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - allocated);

        static bool Step(DevicePair pair, GuestQueuePair qp, in PvrdmaSendWqe request, PvrdmaSge[] entries)
        {
            bool posted = qp.TryWriteSend(request, entries);
            pair.A.RingSend(qp);
            pair.B.RingSend(qp);
            pair.Run();
            return posted;
        }
    }
}
