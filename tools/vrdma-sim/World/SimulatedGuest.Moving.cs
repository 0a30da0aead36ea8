using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.Host;
using RoceEngine.Interop;
using RoceEngine.Simulation.Checking;
using RoceEngine.Wire;

namespace RoceEngine.Simulation.World;

/// <content>The guest's device goes from host to host behind its back, or is saved.</content>
internal sealed unsafe partial class SimulatedGuest
{
    private byte[]? _frozen;
    private bool _isCopied;
    private SimulatedHost? _goesTo;

    /// <summary>The device stands still between two hosts.</summary>
    public bool IsFrozen => _frozen is not null;

    /// <summary>Times that the device stood still.</summary>
    public int MoveCount { get; private set; }

    /// <summary>The guest lives, and a host serves its device.</summary>
    public bool IsServed => IsAlive && !IsFrozen;

    /// <summary>The device begins nothing new, and tells its peers.</summary>
    public void Quiesce()
    {
        DeviceSlot slot = _slot!;
        Host.Worker.Post(new WorkerCommand((_, _) => slot.Device.Quiesce()));
        _world.Touch();
    }

    /// <summary>The device stands still from now on; what comes for it waits at its link.</summary>
    /// <param name="copiesMemory">The guest gets a copy of its memory in the place of the memory that it has.</param>
    /// <param name="goesTo">Where the device will be.</param>
    public void Freeze(bool copiesMemory, SimulatedHost goesTo)
    {
        DeviceSlot slot = _slot!;
        MoveCount++;
        Execute((worker, nowNs) => _frozen = worker.Freeze(slot, nowNs));
        _isCopied = copiesMemory;
        _goesTo = goesTo;
        _world.Log.Add(_world.NowNs, EventKind.Frozen, Name, (ulong)_frozen!.Length);
    }

    /// <summary>The device goes on where it was to go, with the memory that it had or with a copy in its place.</summary>
    public void GoOn()
    {
        SimulatedHost host = _goesTo!;
        DeviceSlot old = _slot!;
        byte[] state = _frozen!;
        ChannelMemory memory = _isCopied ? old.Memory.Copy() : old.Memory;
        old.Link.Dispose();
        DeviceSlot slot = DeviceSlot.ForMoved(Options(), memory, OpenLink(), _world.Plan.WindowBytes, host);
        Host = host;
        _visited.Add(host.Index);
        Execute((worker, nowNs) => worker.Adopt(slot, state, nowNs));
        if (_isCopied)
        {
            // The guest sees the copy at the address where the original was.
            SharedMemory.MapSharedOver(_channel!.GuestRam, memory.GuestRamDescriptor, _channel.GuestRamBytes);
            SharedMemory.MapSharedOver(_channel.Control, memory.ControlDescriptor, _channel.ControlBytes);
            memory.Release();
        }
        _slot = slot;
        _frozen = null;
        old.Close();
        NextPollNs = _world.NowNs;
        _world.Log.Add(_world.NowNs, EventKind.Moved, Name, (ulong)host.Index);
    }

    /// <summary>Saves the device while it goes on. What was saved loads over a copy of the memory, and saves as the same again.</summary>
    public void SaveAndCompare()
    {
        DeviceSlot slot = _slot!;
        byte[] saved = [];
        long savedNs = 0;
        ChannelMemory? copy = null;
        Execute((worker, nowNs) =>
        {
            savedNs = nowNs;
            saved = worker.Save(slot, nowNs);
            copy = slot.Memory.Copy();
        });
        using var other = new SimulatedHost(Host.Index);
        DeviceSlot twin = DeviceSlot.ForMoved(Options(), copy!, new SilentLink(), _world.Plan.WindowBytes, other);
        copy!.Release();
        byte[] again = [];
        var command = new WorkerCommand((worker, nowNs) =>
        {
            worker.Prepare(twin, saved, nowNs);
            again = worker.Save(twin, nowNs);
            worker.Abandon(twin);
        });
        other.Worker.Post(command);
        other.Worker.Turn(savedNs);
        SimulationFailure.Unless(command.Error is null, () => $"{Name}: what was saved does not load: {command.Error}");
        SimulationFailure.Unless(saved.AsSpan().SequenceEqual(again), () => $"{Name}: what was saved and loaded saves as something else ({FirstDifference(saved, again)})");
        twin.Close();
        _world.Log.Add(_world.NowNs, EventKind.Saved, Name, (ulong)saved.Length);
    }

    /// <summary>The guest waits for its device: what it asked for happens when the device runs, so that comes now.</summary>
    private void Drive()
    {
        if (IsFrozen && !_world.IsPolling)
            GoOn();
        _world.Drive(Host);
    }

    private static string FirstDifference(byte[] one, byte[] other) =>
        $"{one.Length} and {other.Length} bytes, alike up to byte {one.AsSpan().CommonPrefixLength(other)}";

    private void Execute(Action<Worker, long> action)
    {
        // A host that stalls does this when it goes on: the world does not wait for it here.
        var command = new WorkerCommand(action);
        Host.Worker.Post(command);
        Host.Worker.Turn(_world.NowNs);
        SimulationFailure.Unless(command.Error is null, () => $"{Name}: {command.Error}");
        _world.HostWorked(Host);
    }

    private DeviceOptions Options() => new() { Name = Name, Gid = Gid.From(Address), Random = new SeededSource(_dice.Fork()) };

    private ILink OpenLink()
    {
        ILink link = _world.Network.CreateLink(Gid.From(Address));
        return _world.Settings.Interference is { } interference ? interference.Wrap(link) : link;
    }

    /// <summary>A link to nowhere.</summary>
    private sealed class SilentLink : ILink
    {
        public bool HasRoom => true;

        public int PollDescriptor => -1;

        public void Emit(in Packet packet, Route route)
        {
        }

        public void Flush()
        {
        }

        public int Receive(IPacketReceiver receiver, int packetsMax) => 0;

        public int JoinMulticast(in Gid group) => 0;

        public void LeaveMulticast(in Gid group)
        {
        }

        public void Dispose()
        {
        }
    }
}
