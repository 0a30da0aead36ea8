using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests.Simulation;

/// <summary>Hosts, a network and a clock in one thread: everything follows from the seed.</summary>
internal sealed class World
{
    private readonly List<FakeHost> _hosts = [];
    private readonly PriorityQueue<Action, (long TimeNs, long Order)> _plans = new();
    private long _order;

    public World(ulong seed)
    {
        Random = new Random(HashCode(seed));
        Network = new LossyNetwork(Random);
    }

    public Random Random { get; }

    public LossyNetwork Network { get; }

    public long NowNs { get; private set; } = 1_000;

    public FakeHost AddHost(FlatMemory memory)
    {
        var host = new FakeHost(Gid.FromIPv4(0x7F000002u + (uint)_hosts.Count), memory);
        _hosts.Add(host);
        return host;
    }

    /// <summary>Plans something for a time.</summary>
    public void At(long timeNs, Action action) => _plans.Enqueue(action, (timeNs, _order++));

    /// <summary>Runs until nothing is left to happen; false when the clock passes <paramref name="limitNs"/> first.</summary>
    public bool Run(long limitNs)
    {
        while (true)
        {
            long next = NextNs();
            if (next == long.MaxValue)
            {
                return true;
            }

            if (next > limitNs)
            {
                return false;
            }

            NowNs = Math.Max(NowNs, next);
            Turn();
        }
    }

    /// <summary>Runs for some time; false when nothing is left to happen.</summary>
    public bool RunFor(long ns)
    {
        long end = NowNs + ns;
        while (NowNs < end && NextNs() != long.MaxValue)
        {
            NowNs = Math.Max(NowNs, NextNs());
            Turn();
        }

        return NextNs() != long.MaxValue;
    }

    private static int HashCode(ulong seed) => (int)((seed * 0x9E37_79B9_7F4A_7C15) >> 33);

    private long NextNs()
    {
        long next = Network.NextArrivalNs;
        if (_plans.TryPeek(out _, out (long TimeNs, long) plan))
        {
            next = Math.Min(next, plan.TimeNs);
        }

        foreach (FakeHost host in _hosts)
        {
            next = host.Scheduled.Count > 0 ? NowNs : Math.Min(next, host.Timers.NextDeadlineNs);
        }

        return next;
    }

    private void Turn()
    {
        while (_plans.TryPeek(out _, out (long TimeNs, long) plan) && plan.TimeNs <= NowNs)
        {
            _plans.Dequeue()();
        }

        // A random number of arrivals per turn, so that acknowledgements coalesce in all ways.
        for (int i = Random.Next(1, 40); i > 0 && Network.Deliver(NowNs, Receive); i--)
        {
        }

        foreach (FakeHost host in _hosts)
        {
            while (host.Timers.PopDue(NowNs) is { } due)
            {
                due.HandleTimeout(NowNs);
            }

            Transmit(host);
        }

        // The next turn comes later: a clock that stands still would hide what waits for it.
        NowNs += Random.Next(200, 3_000);
    }

    private void Receive(Packet packet, Route route)
    {
        FakeHost host = _hosts.Single(each => each.Address == route.Destination);
        if (host.QueuePairs.TryGetValue(packet.DestinationQpn, out QueuePair? qp))
        {
            qp.HandlePacket(packet, route.Source, NowNs);
        }
    }

    private void Transmit(FakeHost host)
    {
        var sink = new Sink(this, Random.Next(4) == 0 ? Random.Next(1, 10) : 1_000);
        for (int i = host.Scheduled.Count; i > 0; i--)
        {
            QueuePair qp = host.Scheduled.Dequeue();
            Assert.True(qp.TransmitScheduled);
            if (qp.PollTransmit(sink, Random.Next(1, 65), NowNs))
            {
                host.Scheduled.Enqueue(qp);
            }

            Assert.Equal(host.Scheduled.Contains(qp), qp.TransmitScheduled);
        }
    }

    private sealed class Sink(World world, int room) : IPacketSink
    {
        private int _room = room;

        public bool HasRoom => _room > 0;

        public void Emit(in Packet packet, Route route)
        {
            Assert.True(_room-- > 0, "a packet was emitted into a full batch");
            world.Network.Send(packet, route, world.NowNs);
        }
    }
}
