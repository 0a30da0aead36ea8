using System.Net;
using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.Links;
using RoceEngine.Verbs;
using RoceEngine.Wire;

namespace RoceEngine.Host.Tests;

/// <summary>
/// Whole hosts in one thread: each device has a worker of its own, its packets cross a seeded network, and every poll of a guest
/// lets virtual time pass for all of them.
/// </summary>
internal sealed class SimulatedHosts : IDisposable
{
    private const long TickNs = 500;

    private readonly List<Worker> _workers = [];
    private readonly List<DeviceSlot> _slots = [];
    private readonly List<long> _stalledUntilNs = [];
    private long _nowNs = 1_000_000;

    public SimulatedHosts(ulong seed, SimulatedNetworkOptions options) => Network = new SimulatedNetwork(seed, options);

    public SimulatedNetwork Network { get; }

    public long NowNs => _nowNs;

    /// <summary>A guest on a host of its own.</summary>
    public Endpoint AddGuest(string address)
    {
        var worker = new Worker(_workers.Count, SilentReporter.Instance);
        _workers.Add(worker);
        _stalledUntilNs.Add(0);
        Gid gid = Gid.From(IPAddress.Parse(address));
        ChannelMemory memory = ChannelMemory.Create(8 << 20, ControlRegion.Bytes);
        var options = new DeviceOptions { Name = address, Gid = gid, Random = new SeededSource(Network.Seed + (ulong)_workers.Count) };
        var slot = new DeviceSlot(options, memory, Network.CreateLink(gid), windowBytes: 256 * 1024, SilentReporter.Instance);
        _slots.Add(slot);
        worker.Post(new WorkerCommand((owner, _) => owner.Add(slot)));
        Tick();
        DeviceChannel channel = DeviceChannel.Embed(memory, address, address, Tick, onDispose: null);
        memory.Release();
        return new Endpoint(RdmaContext.Open(channel));
    }

    /// <summary>Time passes: what has arrived is handled, and every worker has its turn.</summary>
    public void Tick()
    {
        _nowNs += TickNs;
        Network.Advance(_nowNs);
        for (int i = 0; i < _workers.Count; i++)
        {
            if (_nowNs >= _stalledUntilNs[i])
                _workers[i].Turn(_nowNs);
        }
    }

    /// <summary>A host, in the order in which guests were added, has no turn until then: its processor is with somebody else. What comes waits for it.</summary>
    public void Stall(int host, long untilNs) => _stalledUntilNs[host] = untilNs;

    /// <summary>Time passes until then.</summary>
    public void TickUntil(long nowNs)
    {
        while (_nowNs < nowNs)
            Tick();
    }

    public void Dispose()
    {
        foreach (DeviceSlot slot in _slots)
            slot.Close();
        foreach (Worker worker in _workers)
            worker.Dispose();
    }

    // A linear congruential generator: nobody guesses keys in a simulation, but all runs of a seed must agree.
    private sealed class SeededSource(ulong seed) : IRandomSource
    {
        private ulong _state = seed;

        public void Fill(Span<byte> bytes)
        {
            foreach (ref byte each in bytes)
            {
                _state = _state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407;
                each = (byte)(_state >> 56);
            }
        }
    }
}
