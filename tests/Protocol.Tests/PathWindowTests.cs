using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>The window of a path, and how QPs share it.</summary>
public class PathWindowTests
{
    [Fact]
    public void Losses_halve_the_window_down_to_its_floor_and_deliveries_let_it_grow_to_its_limit()
    {
        var lone = new Lone(new DuoOptions { WindowLimitBytes = 512 * 1024, RetryCount = 7 });
        lone.PostWrite(1, 200 * 1024);
        for (long expected = 256 * 1024; expected >= 64 * 1024; expected /= 2)
        {
            lone.Poll(budget: 1000);
            lone.Wait(4096L << 14);
            Assert.Equal(expected, lone.Window.LimitBytes);
        }

        lone.Poll(budget: 1000);
        lone.Wait(4096L << 14);
        Assert.Equal(PathWindow.FloorBytes, lone.Window.LimitBytes);
        int psn = -1;
        for (ulong id = 2; lone.Window.LimitBytes < 512 * 1024; id++)
        {
            Assert.True(id < 1000, "the window does not grow back");
            while (lone.Rings.SendsDone.Count < (int)id - 1)
            {
                psn += lone.Poll(budget: 1000);
                lone.Receive(lone.Ack(psn));
            }

            lone.PostWrite(id, 200 * 1024);
        }

        Assert.Equal(4, lone.Window.Losses);
    }

    [Fact]
    public void Many_qps_share_a_small_window_fairly_and_leave_nothing_in_it()
    {
        var world = new World(42);
        FakeHost a = world.AddHost(new FlatMemory(64));
        FakeHost b = world.AddHost(new FlatMemory(64));
        a.WindowLimitBytes = b.WindowLimitBytes = 16 * 1024;
        uint key = a.Memory.RegisterAll(Duo.AllAccess);
        uint remoteKey = b.Memory.RegisterAll(Duo.AllAccess);
        var options = new DuoOptions();
        const int Pairs = 20;
        for (uint i = 0; i < Pairs; i++)
        {
            QueuePair qp = a.Create(100 + i, signalAll: true);
            Duo.Connect(qp, b.Address, 200 + i, 0, 0, options);
            Duo.Connect(b.Create(200 + i), a.Address, 100 + i, 0, 0, options);
            for (ulong id = 0; id < 10; id++)
            {
                FakeHost.RingsOf(qp).Sends.Enqueue(Requests.Write(id, a.Memory.BaseAddress, 50_000, key, b.Memory.BaseAddress, remoteKey));
            }

            qp.HandleSendDoorbell(world.NowNs);
        }

        List<int> LeastDone() => [.. a.QueuePairs.Values.Select(qp => FakeHost.RingsOf(qp).SendsDone.Count)];
        int spread = 0;
        while (LeastDone().Min() < 10)
        {
            Assert.True(world.RunFor(100_000) || LeastDone().Min() == 10, "no end in sight");
            spread = Math.Max(spread, LeastDone().Max() - LeastDone().Min());
        }

        Assert.InRange(spread, 0, 3);
        Assert.Equal(0, a.Paths[b.Address].Window.InFlightBytes);
        Assert.False(a.Paths[b.Address].Window.HasWaiting);
        Assert.Equal(0, a.Counters.Timeouts);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_qp_that_leaves_lets_the_next_one_in(bool destroy)
    {
        var host = new FakeHost(Gid.FromIPv4(1), new FlatMemory(64)) { WindowLimitBytes = 4096 };
        Gid peer = Gid.FromIPv4(2);
        uint key = host.Memory.RegisterAll(Duo.AllAccess);
        QueuePair[] qps = [host.Create(1), host.Create(2), host.Create(3)];
        var sink = new PacketBuffer();
        foreach (QueuePair qp in qps)
        {
            Duo.Connect(qp, peer, 9, 0, 0, new DuoOptions());
            FakeHost.RingsOf(qp).Sends.Enqueue(Requests.Write(1, host.Memory.BaseAddress, 100_000, key, 0, 0));
            qp.HandleSendDoorbell(1);
            Assert.Same(qp, host.Scheduled.Dequeue());
            Assert.False(qp.PollTransmit(sink, 64, 1));
        }

        foreach (QueuePair qp in qps)
        {
            if (destroy)
            {
                qp.Destroy();
            }
            else
            {
                Assert.Equal(0, qp.Modify(new QueuePairAttributes { State = QueuePairState.Error }, QueuePairAttributeMask.State, 2));
            }

            while (host.Scheduled.TryDequeue(out QueuePair? next))
            {
                Assert.False(next.PollTransmit(sink, 64, 2));
            }
        }

        Assert.Equal(0, host.Paths[peer].Window.InFlightBytes);
        Assert.False(host.Paths[peer].Window.HasWaiting);
        Assert.True(sink.Count >= 7, "the QPs in line never got their turn");
    }

    [Fact]
    public void A_local_way_needs_no_window()
    {
        var duo = new Duo(new DuoOptions { IsLocal = true, WindowLimitBytes = 4096 });
        duo.Post(Requests.Write(1, duo.A.Memory.BaseAddress, 1_000_000, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey));
        duo.PollA();
        Assert.Equal(0, duo.PathToB.Window.InFlightBytes);
        Assert.Equal(4, duo.FromA.Count);
        duo.Settle();
        Assert.Single(duo.FirstRings.SendEntries);
    }
}
