using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.Host;
using RoceEngine.Interop;
using RoceEngine.Protocol;
using RoceEngine.Simulation.Checking;
using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.Traffic;
using RoceEngine.Wire;

namespace RoceEngine.Simulation.World;

/// <content>The guest's device goes from host to host behind its back.</content>
internal sealed unsafe partial class SimulatedGuest
{
    private byte[]? _frozen;
    private MoveKind _moveKind;
    private SimulatedHost? _goesTo;

    /// <summary>The device stands still between two hosts.</summary>
    public bool IsFrozen => _frozen is not null;

    /// <summary>Times that the device stood still.</summary>
    public int MoveCount { get; private set; }

    /// <summary>The guest lives, and a host serves its device.</summary>
    public bool IsServed => IsAlive && !IsFrozen;

    /// <summary>The device does not know what a pause notice is.</summary>
    public bool IsStock => _world.Plan.IsStock[Index];

    /// <summary>The ends of its connections that have a queue pair.</summary>
    public IEnumerable<ConnectionEnd> Ends => _ends.Values;

    /// <summary>Counts what its connections are in the middle of.</summary>
    public void CountSituations()
    {
        foreach (QueuePairSnapshot qp in Device.ListQueuePairs())
        {
            if (_ends.TryGetValue(qp.Qpn, out ConnectionEnd? end))
                end.CountSituations(qp);
        }
    }

    /// <summary>The device begins nothing new, and tells its peers.</summary>
    public void Quiesce()
    {
        DeviceSlot slot = _slot!;
        Host.Worker.Post(new WorkerCommand((_, _) =>
        {
            slot.Device.Quiesce();
            _world.Settings.Interference?.OnQuiesced(slot);
        }));
        _world.Touch();
    }

    /// <summary>The device was about to go, and stays: it never stood still.</summary>
    public void StayAfterAll()
    {
        DeviceSlot slot = _slot!;
        Execute((_, nowNs) => slot.Device.Resume(nowNs));
    }

    /// <summary>The device stands still from now on; what comes for it waits at its link.</summary>
    /// <param name="kind">How it will go on.</param>
    /// <param name="goesTo">Where.</param>
    public void Freeze(MoveKind kind, SimulatedHost goesTo)
    {
        DeviceSlot slot = _slot!;
        MoveCount++;
        Execute((worker, nowNs) =>
        {
            _world.Settings.Interference?.OnFreezing(slot);
            _frozen = ForgetsToStop ? worker.Save(slot, nowNs) : worker.Freeze(slot, nowNs);
        });
        _moveKind = kind;
        _goesTo = kind == MoveKind.Dropped ? Host : goesTo;
        _world.Log.Add(_world.NowNs, EventKind.Frozen, Name, (ulong)_frozen!.Length);

        // What was made elsewhere out of the state, and will not run, leaves no trace.
        if (kind == MoveKind.Dropped)
            LetTwinLive(_frozen!, slot.Memory.Copy(), new SilentLink(), (worker, twin, _) => worker.Abandon(twin));
        if (kind >= MoveKind.Restored && !ForgetsToStop)
            slot.Link.Dispose();
    }

    /// <summary>The device goes on where it was to go, with the memory that it had or with a copy in its place.</summary>
    public void GoOn()
    {
        SimulatedHost host = _goesTo!;
        (ConnectionEnd End, bool WasLocal)[] ends = [.. Ends.Select(end => (end, end.Peer.Guest.Host == Host))];
        DeviceSlot old = _slot!;
        byte[] state = _frozen!;
        bool isCopied = _moveKind is MoveKind.Copied or MoveKind.Restored or MoveKind.RestoredAgain;
        ChannelMemory memory = isCopied ? old.Memory.Copy() : old.Memory;
        if (!ForgetsToStop)
            old.Link.Dispose();
        DeviceSlot slot = DeviceSlot.ForMoved(Options(), memory, ForgetsToStop ? new SilentLink() : OpenLink(), _world.Plan.WindowBytes, host);
        Host = host;
        _visited.Add(host.Index);
        Execute((worker, nowNs) => Start(worker, slot, state, nowNs));
        if (isCopied)
        {
            // The guest sees the copy at the address where the original was.
            SharedMemory.MapSharedOver(_channel!.GuestRam, memory.GuestRamDescriptor, _channel.GuestRamBytes);
            SharedMemory.MapSharedOver(_channel.Control, memory.ControlDescriptor, _channel.ControlBytes);
            memory.Release();
        }
        _slot = slot;
        _frozen = null;
        if (!ForgetsToStop)
            old.Close();
        _world.CheckServedOnce(this);
        foreach ((ConnectionEnd end, bool wasLocal) in ends)
            end.OnDeviceMoved(wasLocal);
        NextPollNs = _world.NowNs;
        _world.Log.Add(_world.NowNs, EventKind.Moved, Name, (ulong)host.Index);
    }

    private bool ForgetsToStop => _world.Settings.Interference is { ForgetsToStop: true };

    /// <summary>As a host starts a device that came: before it is served, the queue pairs of one that lives already are broken.</summary>
    private void Start(Worker worker, DeviceSlot slot, byte[] state, long nowNs)
    {
        worker.Prepare(slot, state, nowNs);
        _world.Settings.Interference?.OnLoaded(slot);
        if (_moveKind == MoveKind.RestoredAgain)
        {
            foreach (QueuePairSnapshot qp in slot.Device.ListQueuePairs())
            {
                if (_ends.TryGetValue(qp.Qpn, out ConnectionEnd? end))
                    end.OnBroken(mustSay: qp.Attributes.State != QueuePairState.Error);
            }
            Break(slot.Device, nowNs);
        }
        worker.Start(slot, nowNs);
        if (_moveKind == MoveKind.RestoredAgain)
            CheckBroken(slot.Device);
    }

    /// <summary>The guest waits for its device: what it asked for happens when the device runs, so that comes now.</summary>
    private void Drive()
    {
        if (IsFrozen && !_world.IsPolling)
            GoOn();
        _world.Drive(Host);
    }

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
        if (IsStock)
            link = new StockLink(link);
        return _world.Settings.Interference is { } interference ? interference.Wrap(link) : link;
    }
}
