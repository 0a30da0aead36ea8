using RoceEngine.Abi;
using RoceEngine.Device;

namespace Device.Tests;

/// <summary>Completion events: armed by the UAR or by the arm word, told by the notification ring and vector 2.</summary>
public sealed unsafe class NotificationTests
{
    private const ExtensionBits AllBits = ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord;

    [Theory]
    [InlineData(ExtensionBits.None)]
    [InlineData(AllBits)]
    public void An_armed_queue_notifies_once_for_the_next_completion(ExtensionBits extension)
    {
        using var pair = new DevicePair(new GuestOptions { Extension = extension });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        Write(pair, a, b, 1);
        Assert.False(pair.A.TryReadNotification(out _));
        a.Cq.Arm(solicited: false);
        Write(pair, a, b, 2);
        Assert.True(pair.A.TryReadNotification(out uint handle));
        Assert.Equal(a.Cq.Handle, handle);
        Assert.Equal(1, pair.A.Environment.Interrupts[2]);
        Write(pair, a, b, 3);
        Assert.False(pair.A.TryReadNotification(out _));
        Assert.Equal(1, pair.A.Environment.Interrupts[2]);
        Assert.Equal(3, a.Cq.PollAll().Count);
    }

    [Theory]
    [InlineData(ExtensionBits.None)]
    [InlineData(AllBits)]
    public void A_queue_armed_for_solicited_events_waits_for_one(ExtensionBits extension)
    {
        using var pair = new DevicePair(new GuestOptions { Extension = extension });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        b.Cq.Arm(solicited: true);
        for (int i = 0; i < 3; i++)
        {
            b.Qp.PostReceive((ulong)i, b.Region.Sge(0, 64));
            PvrdmaSendFlags flags = i == 1 ? PvrdmaSendFlags.Solicited : PvrdmaSendFlags.None;
            a.Qp.PostSend(new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.Send, Flags = (uint)flags }, a.Region.Sge(0, 8));
            pair.Run();
            Assert.Equal(i == 1, pair.B.TryReadNotification(out _));
        }
    }

    [Theory]
    [InlineData(ExtensionBits.None)]
    [InlineData(AllBits)]
    public void An_error_counts_as_solicited(ExtensionBits extension)
    {
        using var pair = new DevicePair(new GuestOptions { Extension = extension });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        b.Qp.PostReceive(1, b.Region.Sge(0, 64));
        b.Cq.Arm(solicited: true);
        Assert.Equal(PvrdmaCommandError.None, b.Qp.ModifyState(PvrdmaQpState.Error));
        pair.Run();
        Assert.Equal((uint)PvrdmaWcStatus.FlushError, Assert.Single(b.Cq.PollAll()).Status);
        Assert.True(pair.B.TryReadNotification(out _));
    }

    [Fact]
    public void Arming_for_any_outranks_arming_for_solicited()
    {
        using var pair = new DevicePair();
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        a.Cq.Arm(solicited: false);
        a.Cq.Arm(solicited: true);
        Write(pair, a, b, 1);
        Assert.True(pair.A.TryReadNotification(out _));
    }

    [Fact]
    public void An_arm_word_of_nonsense_means_any()
    {
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        a.Cq.Page->ArmWord = 0xDEADBEEF;
        Write(pair, a, b, 1);
        Assert.True(pair.A.TryReadNotification(out _));
        Assert.Equal(0u, a.Cq.Page->ArmWord);
    }

    /// <summary>With a mapped UAR page arming is not seen, so each completion notifies, and any doorbell means all rings.</summary>
    [Fact]
    public void With_a_mapped_uar_any_doorbell_scans_all_rings_and_queues_count_as_armed()
    {
        using var pair = new DevicePair(new GuestOptions { UarMode = UarMode.Mapped });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        (DevicePair.Endpoint c, DevicePair.Endpoint d) = pair.Connect();
        a.Qp.TryWriteSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0), [a.Region.Sge(0, 8)]);
        c.Qp.TryWriteSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 2, d, 0), [c.Region.Sge(0, 8)]);

        // The doorbells of both queues were overwritten by a poll of some CQ.
        pair.A.Device.WriteUar(PvrdmaUar.CqOffset, PvrdmaUar.CqPoll | a.Cq.Handle, pair.A.NowNs);
        pair.Run();
        Assert.Equal(1ul, Assert.Single(a.Cq.PollAll()).WorkRequestId);
        Assert.Equal(2ul, Assert.Single(c.Cq.PollAll()).WorkRequestId);
        Assert.True(pair.A.TryReadNotification(out uint first));
        Assert.True(pair.A.TryReadNotification(out uint second));
        Assert.Equal(new HashSet<uint> { a.Cq.Handle, c.Cq.Handle }, [first, second]);
    }

    [Fact]
    public void Notifications_wait_while_their_ring_is_full_and_none_is_lost()
    {
        // A ring of one page holds 1,024 notifications; with a mapped UAR each completion makes one.
        using var pair = new DevicePair(new GuestOptions { UarMode = UarMode.Mapped, RingPages = 2 });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        (DevicePair.Endpoint c, DevicePair.Endpoint d) = pair.Connect();
        for (int i = 0; i < 1024; i++)
        {
            Write(pair, a, b, (ulong)i);
            a.Cq.PollAll();
        }

        Write(pair, c, d, 1);
        Write(pair, a, b, 5000);
        for (int i = 0; i < 1024; i++)
        {
            Assert.True(pair.A.TryReadNotification(out uint handle));
            Assert.Equal(a.Cq.Handle, handle);
        }

        Assert.False(pair.A.TryReadNotification(out _));
        int interrupts = pair.A.Environment.Interrupts[2];
        pair.Run();
        Assert.Equal(interrupts + 1, pair.A.Environment.Interrupts[2]);
        Assert.True(pair.A.TryReadNotification(out uint waiting));
        Assert.Equal(c.Cq.Handle, waiting);
        Assert.True(pair.A.TryReadNotification(out waiting));
        Assert.Equal(a.Cq.Handle, waiting);
    }

    /// <summary>A guest that sleeps after arming and polling once more is always woken: each completion is either seen by that poll or notifies.</summary>
    [Fact]
    public void No_wakeup_is_lost_between_arming_and_polling()
    {
        // As many messages as two threads that may share a core get through in this time.
        const int TimeMs = 1500;
        using var pair = new DevicePair(new GuestOptions { Extension = AllBits });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        int polled = 0;
        int lost = 0;
        int interruptsSeen = 0;
        bool finished = false;
        var sleeper = new Thread(() =>
        {
            while (!Volatile.Read(ref finished))
            {
                b.Cq.Arm(solicited: false);
                int found = b.Cq.PollAll().Count;
                Volatile.Write(ref polled, polled + found);
                if (found != 0)
                {
                    continue;
                }

                // Asleep: only an interrupt wakes, and one comes, for a message is sent whenever all before it were polled.
                long until = Environment.TickCount64 + 60_000;
                while (Volatile.Read(ref pair.B.Environment.Interrupts[2]) == interruptsSeen && !Volatile.Read(ref finished))
                {
                    if (Environment.TickCount64 > until)
                    {
                        lost = 1;
                        return;
                    }

                    Thread.Yield();
                }

                interruptsSeen = Volatile.Read(ref pair.B.Environment.Interrupts[2]);
                while (pair.B.TryReadNotification(out _))
                {
                }
            }
        });
        sleeper.Start();
        int sent = 0;
        long end = Environment.TickCount64 + TimeMs;
        while (sleeper.IsAlive && (Environment.TickCount64 < end || Volatile.Read(ref polled) < sent))
        {
            // One message, then a pause until it is polled, so that the guest falls asleep over and over.
            if (Environment.TickCount64 < end && Volatile.Read(ref polled) == sent)
            {
                b.Qp.PostReceive((ulong)sent, b.Region.Sge(0, 64));
                a.Qp.PostSend(new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.Send }, a.Region.Sge(0, 8));
                sent++;
            }

            pair.Run();
            Thread.Yield();
        }

        Volatile.Write(ref finished, true);
        sleeper.Join();
        Assert.Equal(0, lost);
        Assert.Equal(sent, polled);
    }

    private static void Write(DevicePair pair, DevicePair.Endpoint from, DevicePair.Endpoint to, ulong id)
    {
        from.Qp.PostSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, id, to, 0), from.Region.Sge(0, 8));
        pair.Run();
    }
}
