using System.Net;
using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.Host;
using RoceEngine.Simulation.Checking;
using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.Traffic;
using RoceEngine.Verbs;
using RoceEngine.Wire;

namespace RoceEngine.Simulation.World;

/// <summary>A guest of a world: its device, its completion queues, and what all of its connections share. May be killed and come back.</summary>
internal sealed partial class SimulatedGuest : IDisposable
{
    private const long GuestRamBytes = 96L << 20;

    private readonly SimulatedWorld _world;
    private readonly Dice _dice;
    private readonly HashSet<int> _visited = [];
    private readonly Dictionary<uint, ConnectionEnd> _ends = [];
    private readonly List<WorkCompletion> _polled = [];
    private readonly WorkCompletion[] _buffer = new WorkCompletion[32];
    private readonly List<CompletionQueue> _queues = [];
    private int _completionsMax;
    private DeviceSlot? _slot;
    private DeviceChannel? _channel;

    public SimulatedGuest(SimulatedWorld world, int index, SimulatedHost host, Dice dice)
    {
        _world = world;
        _dice = dice;
        Index = index;
        Host = host;
        _visited.Add(host.Index);
        Name = $"guest{index}@host{host.Index}";
        Address = IPAddress.Parse(world.Plan.IsIPv6 ? $"fd00::{host.Index + 1}:{index + 1}" : $"198.18.{host.Index + 1}.{index + 1}");
    }

    public int Index { get; }

    public string Name { get; }

    /// <summary>Where its device is, or was last.</summary>
    public SimulatedHost Host { get; private set; }

    public IPAddress Address { get; }

    public bool IsAlive => _slot is not null;

    /// <summary>When it looks at its completion queues next; <see cref="long.MaxValue"/> while there cannot be anything.</summary>
    public long NextPollNs { get; private set; } = long.MaxValue;

    public RdmaContext Context { get; private set; } = null!;

    public ProtectionDomain Domain { get; private set; } = null!;

    public SourceMemory Source { get; private set; } = null!;

    public SharedCounters Counters { get; private set; } = null!;

    public SharedReceives SharedReceives { get; private set; } = null!;

    public VrdmaDevice Device => _slot!.Device;

    /// <summary>The host that it was planned for, and all others that its device has been on.</summary>
    public IReadOnlySet<int> VisitedHosts => _visited;

    public CompletionQueue Queue(int index) => _queues[index];

    /// <summary>Starts the guest and gives it what its connections share.</summary>
    public void Attach(int completionsMax)
    {
        _completionsMax = completionsMax;
        ChannelMemory memory = ChannelMemory.Create(GuestRamBytes, ControlRegion.Bytes);
        DeviceSlot slot = new(Options(), memory, OpenLink(), _world.Plan.WindowBytes, Host);
        _slot = slot;
        Host.Worker.Post(new WorkerCommand((worker, _) => worker.Add(slot)));
        _world.Drive(Host);
        _channel = DeviceChannel.Embed(memory, Name, Address.ToString(), Drive, onDispose: null);
        memory.Release();
        Context = RdmaContext.Open(_channel);
        Domain = Context.AllocateProtectionDomain();
        for (int i = 0; i < _world.Plan.CompletionQueues; i++)
            _queues.Add(Context.CreateCompletionQueue(completionsMax));
        Source = new SourceMemory(Context, Domain, _world.Plan.SourceBytes, _dice.Between(0, Pattern.Bytes - _world.Plan.SourceBytes));
        Counters = new SharedCounters(Context, Domain);
        SharedReceives = new SharedReceives(_world, Name, Context, Domain, _dice.Fork());
        _world.Log.Add(_world.NowNs, EventKind.Attached, Name);
    }

    /// <summary>The guest's process ends without a word; its host takes the device away.</summary>
    public void Kill()
    {
        DeviceSlot slot = _slot!;
        if (!IsFrozen)
        {
            Host.Worker.Post(new WorkerCommand((worker, _) => worker.Remove(slot)));
            _world.Drive(Host);
        }
        _frozen = null;
        foreach (ConnectionEnd end in _ends.Values)
            end.GuestDied();
        _ends.Clear();
        _queues.Clear();
        SharedReceives.Abandon();
        _slot = null;
        NextPollNs = long.MaxValue;
        slot.Close();
        Context.Dispose();
        _world.Log.Add(_world.NowNs, EventKind.Killed, Name);
    }

    public void Add(ConnectionEnd end, uint number) => _ends.Add(number, end);

    public void Remove(uint number) => _ends.Remove(number);

    /// <summary>The guest's host did something: there may be completions.</summary>
    public void HostWorked(SimulatedHost host, long nowNs)
    {
        if (host == Host && IsAlive && NextPollNs == long.MaxValue)
            NextPollNs = nowNs + (_world.Plan.PollNsMax == 0 ? 0 : _dice.Between(0, _world.Plan.PollNsMax));
    }

    public void PollIfDue(long nowNs)
    {
        if (NextPollNs > nowNs)
            return;
        NextPollNs = long.MaxValue;
        PollAll();
    }

    /// <summary>Takes everything out of all completion queues, and all asynchronous events.</summary>
    public void PollAll()
    {
        TakeCompletions();
        while (Context.TryGetAsyncEvent(out AsyncEvent happened))
        {
            // What it is about may have come since the queues were looked at: the host works while an event is handled.
            TakeCompletions();
            OnEvent(happened);
        }
    }

    private void TakeCompletions()
    {
        foreach (CompletionQueue queue in _queues)
        {
            int count;
            while ((count = queue.Poll(_buffer)) > 0)
            {
                _polled.Clear();
                _polled.AddRange(_buffer.AsSpan(0, count));
                _world.Settings.Interference?.OnPolled(_polled);
                foreach (WorkCompletion completion in _polled)
                    Dispatch(completion);
            }
        }
    }

    /// <summary>Completion queues have another size than they were made with.</summary>
    public bool HasResized { get; private set; }

    /// <summary>Gives all completion queues another size, at least the one they were made with, whatever stands in them.</summary>
    public void ResizeQueues()
    {
        HasResized = true;
        foreach (CompletionQueue queue in _queues)
            queue.Resize(_completionsMax * _dice.Between(1, 4));
        _world.Touch();
    }

    /// <summary>Compares what its connections share with the models, gives everything back, and sees that the device holds nothing.</summary>
    public void Close()
    {
        Source.Verify(Name);
        Counters.Verify(Name);
        SimulationFailure.Unless(_ends.Count == 0, () => $"{Name}: queue pairs are left");
        foreach (CompletionQueue queue in _queues)
            queue.Dispose();
        _queues.Clear();
        Source.Dispose();
        Counters.Dispose();
        SharedReceives.Dispose();
        Domain.Dispose();
        VrdmaDevice device = Device;
        SimulationFailure.Unless(
            device.QueuePairCount + device.CompletionQueueCount + device.MemoryRegionCount + device.ProtectionDomainCount == 0 && device.PinnedPages == 0,
            () => $"{Name}: the device keeps {device.QueuePairCount} QPs, {device.CompletionQueueCount} CQs, {device.MemoryRegionCount} MRs, "
                + $"{device.ProtectionDomainCount} PDs and {device.PinnedPages} pages after all were destroyed");
    }

    public void Dispose()
    {
        if (_slot is null)
            return;
        DeviceSlot slot = _slot;
        _slot = null;
        Host.StalledUntilNs = 0;
        _frozen = null;
        Host.Worker.Post(new WorkerCommand((worker, _) => worker.Remove(slot)));
        Host.Worker.Turn(_world.NowNs);
        slot.Close();
        if (Context is not null)
            Context.Dispose();
        else
            _channel?.Dispose();
    }

    private void Dispatch(in WorkCompletion completion)
    {
        uint number = completion.QueuePairNumber;
        if (!_ends.TryGetValue(number, out ConnectionEnd? end))
            throw new SimulationFailure($"{Name}: a completion for queue pair {number:x6}, which was destroyed");
        end.OnCompletion(completion);
    }

    private void OnEvent(in AsyncEvent happened)
    {
        string subject = Name;
        if (happened.QueuePair is { } pair && _ends.TryGetValue(pair.Number, out ConnectionEnd? end))
        {
            subject = end.Name;
            end.OnEvent(happened.Type);
        }
        _world.Log.Add(_world.NowNs, EventKind.AsyncEvent, subject, (ulong)happened.Type);
        if (happened.Type == AsyncEventType.SharedReceiveQueueLimitReached)
            SharedReceives.OnLimitReached();
        if (happened.Type is AsyncEventType.DeviceFatal or AsyncEventType.CompletionQueueError)
            throw new SimulationFailure($"{subject}: {happened.Type} without a cause");
    }
}
