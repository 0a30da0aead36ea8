using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>Marks answered by notifications at a limited rate, and notifications obeyed. IBTA annex A17.</summary>
public class CongestionTests
{
    private static readonly Packet s_notification = new()
    {
        Opcode = Opcode.CongestionNotification,
        PsnCount = 1,
        DestinationQpn = 11,
        PartitionKey = 0xFFFF,
    };

    private static Packet Marked(Packet packet)
    {
        packet.Flags |= PacketFlags.CongestionExperienced;
        packet.TrafficClass = 3;
        return packet;
    }

    private static int Notifications(PacketBuffer sent)
    {
        int count = 0;
        for (int i = 0; i < sent.Count; i++)
        {
            count += sent[i].Opcode == Opcode.CongestionNotification ? 1 : 0;
        }

        return count;
    }

    [Fact]
    public void A_marked_request_is_carried_out_and_answered_with_one_notification_to_the_peers_qp()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(Marked(lone.Request(Opcode.RcWriteOnly, 0, 64)));
        Assert.Equal(2, lone.Poll());
        Assert.Equal(Opcode.CongestionNotification, lone.Sent[0].Opcode);
        Assert.Equal(22u, lone.Sent[0].DestinationQpn);
        Assert.Equal((ushort)0xFFFF, lone.Sent[0].PartitionKey);
        Assert.Equal(0, lone.Sent[0].PayloadBytes);
        Assert.Equal(Opcode.RcAcknowledge, lone.Sent[1].Opcode);
        Assert.Equal((1, 1), (lone.Host.Counters.CongestionMarks, lone.Host.Counters.CongestionNotificationsSent));
    }

    [Fact]
    public void Marks_without_end_are_answered_once_in_an_interval()
    {
        var lone = new Lone(new DuoOptions());
        int notifications = 0;
        for (int i = 0; i < 1000; i++)
        {
            lone.Receive(Marked(lone.Request(Opcode.RcWriteOnly, i, 64)));
            lone.Poll();
            notifications += Notifications(lone.Sent);
            lone.NowNs += 1_000;
        }

        Assert.Equal(1000 * 1_000 / Path.NotificationIntervalNs, notifications);
        Assert.Equal(1000, lone.Host.Counters.CongestionMarks);
    }

    [Fact]
    public void A_marked_acknowledgement_is_answered_too()
    {
        var lone = new Lone(new DuoOptions { RetryCount = 7 });
        lone.PostWrite(1, 64);
        lone.Poll();
        lone.Receive(Marked(lone.Ack(0)));
        lone.Poll();
        Assert.Equal(1, Notifications(lone.Sent));
        Assert.Single(lone.Rings.SendsDone);
    }

    [Fact]
    public void A_notification_that_finds_no_room_waits_for_it()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(Marked(lone.Request(Opcode.RcWriteOnly, 0, 64)));
        var full = new PacketBuffer(0);
        Assert.True(lone.Qp.PollTransmit(full, 64, lone.NowNs));
        Assert.Equal(0, lone.Host.Counters.CongestionNotificationsSent);
        var free = new PacketBuffer();
        lone.Qp.PollTransmit(free, 64, lone.NowNs);
        Assert.Equal(1, Notifications(free));
    }

    [Fact]
    public void Notifications_cut_the_window_once_per_window_down_to_its_floor()
    {
        var lone = new Lone(new DuoOptions { WindowLimitBytes = 512 * 1024, RetryCount = 7 });
        int psn = -1;
        int received = 0;
        foreach (long expected in (long[])[256 * 1024, 128 * 1024, 64 * 1024, 64 * 1024])
        {
            lone.PostWrite((ulong)expected, 40 * 1024);
            psn += lone.Poll(budget: 100);
            lone.Receive(lone.Ack(psn));
            for (int i = 0; i < 20; i++, received++)
            {
                lone.Receive(s_notification);
                Assert.Equal(expected, lone.Window.LimitBytes);
            }
        }

        Assert.Equal(4, lone.Window.Notifications);
        Assert.Equal(received, lone.Host.Counters.CongestionNotificationsReceived);
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
        Assert.Equal(4, lone.Rings.SendsDone.Count);
    }

    [Fact]
    public void Notifications_that_grow_rare_cut_less_each_time()
    {
        var window = new PathWindow(1 << 20);
        var cuts = new List<double>();
        for (int notification = 0; notification < 5; notification++)
        {
            long before = window.LimitBytes;
            window.OnCongestionNotified();
            cuts.Add(1 - ((double)window.LimitBytes / before));
            for (int period = 0; period < 60; period++)
            {
                Deliver(window, window.LimitBytes);
            }

            Assert.Equal(1 << 20, window.LimitBytes);
        }

        Assert.Equal(0.5, cuts[0], 3);
        Assert.Equal(cuts.OrderDescending(), cuts);
        Assert.True(cuts[^1] < 0.05, $"the last cut was {cuts[^1]}");
    }

    [Theory]
    [InlineData(QueuePairState.Reset)]
    [InlineData(QueuePairState.Error)]
    public void A_qp_that_takes_no_packets_neither_answers_marks_nor_obeys_notifications(QueuePairState state)
    {
        var lone = new Lone(new DuoOptions());
        PathWindow window = lone.Window;
        Assert.Equal(0, lone.Qp.Modify(new QueuePairAttributes { State = state }, QueuePairAttributeMask.State, 0));
        lone.Receive(s_notification);
        lone.Receive(Marked(lone.Request(Opcode.RcWriteOnly, 0, 64)));
        Assert.Equal(0, lone.Poll());
        Assert.Equal(window.CeilingBytes, window.LimitBytes);
        Assert.Equal(0, lone.Host.Counters.CongestionNotificationsReceived);
    }

    [Fact]
    public void A_notification_from_another_address_is_dropped()
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(s_notification, Gid.FromIPv4(0x7F0000FF));
        Assert.Equal(lone.Window.CeilingBytes, lone.Window.LimitBytes);
        Assert.Equal(1, lone.Host.Counters.DroppedWrongSource);
    }

    [Fact]
    public void Unreliable_connections_answer_marks_and_slow_down_when_notified()
    {
        var pair = new UnreliablePair(new UnreliableOptions { Service = TransportService.UnreliableConnection });
        pair.PostReceive(1, 1024);
        pair.Post(pair.Send(1, 64));
        pair.Poll();
        pair.Hand(Marked(pair.Sent[0]));
        var answers = new PacketBuffer();
        Assert.Same(pair.Second, pair.B.Scheduled.Dequeue());
        pair.Second.PollTransmit(answers, 64, pair.NowNs);
        Assert.Equal(1, answers.Count);
        Assert.Equal(1, Notifications(answers));
        Assert.Equal(UnreliablePair.FirstQpn, answers[0].DestinationQpn);
        Assert.Single(pair.Received);

        PathWindow window = pair.A.Paths[pair.B.Address].Window;
        pair.First.HandlePacket(answers[0], pair.B.Address, pair.NowNs);
        Assert.Equal(window.CeilingBytes / 2, window.LimitBytes);
        for (ulong id = 0; id < 3000 && window.LimitBytes < window.CeilingBytes; id++)
        {
            pair.Sent.Clear();
            pair.Post(pair.Send(id, 64 * 1024));
            for (int turn = 0; turn < 20; turn++)
            {
                pair.Poll();
                pair.Sent.Clear();
                pair.Wait(50_000);
            }
        }

        Assert.Equal(window.CeilingBytes, window.LimitBytes);
    }

    [Theory]
    [InlineData(0, 1.0)]
    [InlineData(1, 1.0)]
    [InlineData(2, 1.0)]
    [InlineData(10, 0.92)]
    [InlineData(30, 0.72)]
    [InlineData(90, 0.5)]
    public void Loss_shrinks_the_window_by_the_share_beyond_what_chance_takes(int lostPercent, double left)
    {
        var window = new PathWindow(1_000_000);
        Deliver(window, 1_000_000 * (100 - lostPercent) / 100 - 100);
        window.OnPacketLoss(1_000_000 * lostPercent / 100);
        Deliver(window, 100);
        double growth = lostPercent <= 2 ? 0 : 32 * 1024;
        Assert.Equal((1_000_000 * left) + growth, window.LimitBytes, 1.0);
    }

    [Fact]
    public void Lasting_delay_shrinks_the_window_and_single_long_round_trips_do_not()
    {
        var window = new PathWindow(1 << 20);
        long nowNs = 1;
        for (int i = 0; i < 800; i++)
        {
            window.OnRoundTrip(i % 4 == 0 ? 20_000 : 30_000_000, nowNs += 1_000);
        }

        Assert.Equal(1 << 20, window.LimitBytes);
        Assert.Equal(20_000, window.BaseRoundTripNs);
        for (int i = 0; i < 8; i++)
        {
            window.OnRoundTrip(4_000_000, nowNs += 1_000);
        }

        // 4 ms, of which 2.02 ms were allowed.
        Assert.Equal((1 << 20) * (1 - (1.98 / 4)), window.LimitBytes, 2.0);
        Assert.Equal(1, window.Delays);
        long shrunk = window.LimitBytes;
        Deliver(window, shrunk);
        Assert.Equal(shrunk, window.LimitBytes);
        for (int i = 0; i < 8; i++)
        {
            window.OnRoundTrip(1_000_000, nowNs += 1_000);
        }

        Deliver(window, shrunk);
        Assert.True(window.LimitBytes > shrunk, "the window does not grow again");
    }

    /// <summary>Takes room and gives it back as acknowledged, in pieces that fit.</summary>
    private static void Deliver(PathWindow window, long bytes)
    {
        while (bytes > 0)
        {
            long piece = Math.Min(bytes, 4096);
            window.AcquireAnyway(piece);
            window.Release(piece, delivered: true);
            bytes -= piece;
        }
    }

    [Theory]
    [InlineData(64 << 10, 64 << 10)]
    [InlineData(400 << 10, 200 << 10)]
    [InlineData(4 << 20, 1 << 20)]
    public void A_window_is_at_most_half_of_what_lies_between_two_losses(int bytesBetweenLosses, int expectedBytes)
    {
        var window = new PathWindow(1 << 20);
        for (int i = 0; i < 2_000; i++)
        {
            window.OnPacketLoss(4096);
            for (int sent = 0; sent < bytesBetweenLosses; sent += 4096)
            {
                window.AcquireAnyway(4096);
                window.Release(4096, delivered: true);
            }
        }

        // A loss more or less in the few windows that are remembered makes a part of it.
        Assert.InRange(window.LimitBytes, expectedBytes * 3 / 4, Math.Min(1 << 20, expectedBytes * 4 / 3));
    }

    [Fact]
    public void A_window_that_losses_made_small_grows_again_when_they_end()
    {
        var window = new PathWindow(1 << 20);
        for (int i = 0; i < 10_000; i++)
        {
            if (i < 5_000 && i % 50 == 0)
            {
                window.OnPacketLoss(4096);
            }

            window.AcquireAnyway(4096);
            window.Release(4096, delivered: true);
            if (i == 4_999)
            {
                Assert.InRange(window.LimitBytes, 64 << 10, 160 << 10);
            }
        }

        Assert.Equal(1 << 20, window.LimitBytes);
    }
}
