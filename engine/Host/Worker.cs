using System.Collections.Concurrent;
using RoceEngine.Interop;
using RoceEngine.Links;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Host;

/// <summary>
/// A share of the datapath: some devices and everything that they touch, for one thread at a time. It has no clock and no thread:
/// whoever owns it calls <see cref="Turn"/> with the time, so that a simulation can be that owner.
/// </summary>
public sealed class Worker : IDisposable
{
    private const int DoorbellsPerTurn = 256;
    private const int WirePacketsPerTurn = 256;

    /// <summary>Eight trains of the largest packets.</summary>
    private const int TransmitPacketsPerTurn = 120;

    private const int LocalPacketsPerRound = 512;
    private const int LocalRoundsPerTurn = 16;

    private readonly ConcurrentQueue<WorkerCommand> _commands = new();
    private readonly LocalSwitch _local = new();
    private readonly IHostReporter _reporter;
    private readonly CaptureFanOut _captures = new();
    private DeviceSlot[] _slots = [];
    private volatile bool _hasCommands;
    private bool _isHurried;
    private int _firstToTransmit;
    private StallGuard _stalls;

    public Worker(int index, IHostReporter reporter)
    {
        Index = index;
        _reporter = reporter;
    }

    public int Index { get; }

    /// <summary>The thread that owns it, as <see cref="ThreadScheduling"/> has it; 0 where none does for long.</summary>
    internal int ThreadId { get; set; }

    /// <summary>The running turn's time.</summary>
    public long NowNs { get; private set; }

    /// <summary>The devices. The array is replaced as a whole when one comes or goes.</summary>
    public ReadOnlySpan<DeviceSlot> Slots => _slots;

    /// <summary>Packets between devices of this worker.</summary>
    public LocalSwitch Local => _local;

    /// <summary>The last turn brought packets from other hosts.</summary>
    internal bool HasNews { get; private set; }

    /// <summary>Called on the posting thread after a command was queued, to wake a sleeping owner.</summary>
    public Action? Wake { get; set; }

    /// <summary>The device that is being served, so that a failure is known to be its.</summary>
    internal DeviceSlot? Current
    {
        get;

        // Mostly it is the same one, and writing a reference costs more than looking.
        set
        {
            if (field != value)
                field = value;
        }
    }

    /// <summary>Increases whenever <see cref="Slots"/>, or what one of them must be waited for with, changes.</summary>
    public int SlotsVersion { get; private set; }

    /// <summary>A slot's descriptors changed.</summary>
    internal void DescriptorsChanged() => SlotsVersion++;

    /// <summary>Queues a command for the next turn. From any thread.</summary>
    public void Post(WorkerCommand command)
    {
        _commands.Enqueue(command);
        _hasCommands = true;
        if (command.IsUrgent && ThreadId != 0)
            _ = ThreadScheduling.TrySet(ThreadId, ThreadUrgency.RealTime);
        Wake?.Invoke();
    }

    /// <summary>When some device wants to be called again without any news; long.MaxValue for never.</summary>
    public long NextDeadlineNs
    {
        get
        {
            long deadline = long.MaxValue;
            foreach (DeviceSlot slot in _slots)
                deadline = Math.Min(deadline, slot.Device.NextDeadlineNs);
            return Math.Max(deadline, _stalls.HeldUntilNs);
        }
    }

    /// <summary>
    /// One turn: commands, doorbells, timers, packets out, packets in, completions. Bounded, and without allocation unless there
    /// are commands. Returns 0 when there was nothing to do and nothing to tell a guest.
    /// </summary>
    public int Turn(long nowNs)
    {
        NowNs = nowNs;
        int work = 0;
        if (_hasCommands)
            work += RunCommands(nowNs);
        try
        {
            work += Serve(nowNs);
        }
        catch (Exception e) when (Current is not null)
        {
            Expel(Current, e);
            work++;
        }
        if (MovingChecks.AreIn && _isHurried)
            CalmDown();
        return work;
    }

    /// <summary>What was urgent is done, and what it had to say to peers sent.</summary>
    private void CalmDown()
    {
        _isHurried = false;
        if (ThreadId != 0)
            _ = ThreadScheduling.TrySet(ThreadId, ThreadUrgency.Brief);
    }

    private int Serve(long nowNs)
    {
        DeviceSlot[] slots = _slots;
        int work = 0;
        _stalls.BeginTurn(nowNs);
        foreach (DeviceSlot slot in slots)
        {
            Current = slot;
            work += slot.Harvest(DoorbellsPerTurn, nowNs);
            if (slot.Device.NextDeadlineNs <= nowNs)
                work += HandleTimeouts(slot, nowNs);
        }
        work += TransmitAll(slots, nowNs);

        // What arrives is answered in the next turn, which follows at once. A guest that waits for it sees it without the time that
        // sending an ACK takes, and its own request and the ACK leave together, the request first.
        int worked = work;
        foreach (DeviceSlot slot in slots)
        {
            Current = slot;
            work += slot.ReceiveFromWire(WirePacketsPerTurn, nowNs, isBusy: work > 0);
        }
        HasNews = work > worked;
        for (int round = 0; round < LocalRoundsPerTurn && _local.QueuedPackets > 0; round++)
        {
            Current = null;
            work += _local.Deliver(LocalPacketsPerRound);
            work += TransmitAll(slots, nowNs);
        }
        foreach (DeviceSlot slot in slots)
        {
            Current = slot;
            if (slot.Publish())
                work++;
        }
        Current = null;
        return work;
    }

    private int HandleTimeouts(DeviceSlot slot, long nowNs)
    {
        int work = 0;
        if (_stalls.IsAfterStall(slot.Device.NextDeadlineNs, nowNs))
            work = slot.ReceiveAllFromWire(WirePacketsPerTurn, nowNs);
        if (_stalls.TimersRun(nowNs))
            slot.Device.HandleTimeouts(nowNs);
        return work;
    }

    /// <summary>Another device begins each time: those served first must not fill the local queue for ever before the others.</summary>
    private int TransmitAll(DeviceSlot[] slots, long nowNs)
    {
        int work = 0;
        _firstToTransmit = _firstToTransmit + 1 < slots.Length ? _firstToTransmit + 1 : 0;
        for (int i = 0; i < slots.Length; i++)
        {
            int index = _firstToTransmit + i;
            DeviceSlot slot = slots[index < slots.Length ? index : index - slots.Length];
            Current = slot;
            if (slot.Transmit(TransmitPacketsPerTurn, nowNs))
                work++;
            work += slot.Flush(nowNs);
        }
        return work;
    }

    /// <summary>Every guest must kick (or need not) after ringing a doorbell.</summary>
    public void SetNeedWakeup(bool needWakeup)
    {
        foreach (DeviceSlot slot in _slots)
            slot.SetNeedWakeup(needWakeup);
    }

    /// <summary>The next turn looks at every socket.</summary>
    public void ForceWirePoll()
    {
        foreach (DeviceSlot slot in _slots)
            slot.ForceWirePoll();
    }

    /// <summary>Takes a device in. Only within a command.</summary>
    public void Add(DeviceSlot slot)
    {
        slot.Join(this, _local);
        Welcome(slot);
    }

    /// <summary>
    /// Ends a device, here since packets of its neighbours may still point into its memory; its owner then closes the rest. Only within a command.
    /// False when it was not here.
    /// </summary>
    public bool Remove(DeviceSlot slot)
    {
        if (!_slots.Contains(slot))
            return false;
        if (!slot.IsExpelled)
            slot.AnswerPeers(NowNs);
        Part(slot);

        // What the leaver had sent to its neighbours points into its memory: it must be gone before that is unmapped.
        DeliverLocal();
        slot.Device.Dispose();
        return true;
    }

    /// <summary>
    /// Makes the device of a slot out of a state, ready to run here; it is not served yet. Only within a command.
    /// </summary>
    /// <param name="slot">Made by <see cref="DeviceSlot.ForMoved"/>.</param>
    /// <param name="state">What <see cref="Save"/> or <see cref="Freeze"/> gave.</param>
    /// <param name="nowNs">The turn's time.</param>
    /// <exception cref="Protocol.StateException">The state is damaged, or of another device. The slot is to be closed.</exception>
    public void Prepare(DeviceSlot slot, ReadOnlyMemory<byte> state, long nowNs)
    {
        slot.Join(this, _local);
        try
        {
            slot.Load(state, nowNs);
        }
        catch
        {
            slot.Leave();
            throw;
        }
    }

    /// <summary>Lets a prepared device run. Only within a command.</summary>
    public void Start(DeviceSlot slot, long nowNs)
    {
        Welcome(slot);
        slot.Device.Resume(nowNs);
    }

    /// <summary>A prepared device will not run here; its owner then closes the slot. Only within a command.</summary>
    public void Abandon(DeviceSlot slot)
    {
        slot.Retire();
        slot.Leave();
    }

    /// <summary>Takes in a device that comes from elsewhere, and lets it run. Parameters and errors as <see cref="Prepare"/> has them.</summary>
    public void Adopt(DeviceSlot slot, ReadOnlyMemory<byte> state, long nowNs)
    {
        Prepare(slot, state, nowNs);
        Start(slot, nowNs);
    }

    /// <summary>A device as bytes; it goes on as if nothing had happened. Only within a command.</summary>
    public byte[] Save(DeviceSlot slot, long nowNs)
    {
        DeliverLocal();
        return slot.Save(nowNs);
    }

    /// <summary>
    /// A device as bytes, and from then on it stands still: it is served no more, its guest hears nothing, and what comes for its address waits
    /// at its link. To go on, here or elsewhere, it is adopted in another slot over the same guest memory. Only within a command.
    /// </summary>
    public byte[] Freeze(DeviceSlot slot, long nowNs)
    {
        byte[] state = Save(slot, nowNs);
        Halt(slot);
        return state;
    }

    /// <summary>The second half of <see cref="Freeze"/>, for a device that was saved in the same command.</summary>
    public void Halt(DeviceSlot slot)
    {
        Part(slot);
        slot.Retire();
    }

    internal void AddTap(CaptureTap tap)
    {
        _captures.Add(tap);
        SetTaps();
    }

    internal void RemoveTap(CaptureTap tap)
    {
        _captures.Remove(tap);
        SetTaps();
    }

    private void SetTaps()
    {
        _local.Tap = _captures.Local;
        foreach (DeviceSlot slot in _slots)
            slot.SetTap(_captures.Wire);
    }

    private void Welcome(DeviceSlot slot)
    {
        slot.Open();
        slot.ForceWirePoll();
        slot.SetTap(_captures.Wire);
        _slots = [.. _slots, slot];
        SlotsVersion++;
        SetRoutesLocal(slot.Address, isLocal: true);
    }

    private void Part(DeviceSlot slot)
    {
        _slots = [.. _slots.Where(other => other != slot)];
        SlotsVersion++;
        slot.Leave();
        SetRoutesLocal(slot.Address, isLocal: false);
    }

    private void DeliverLocal()
    {
        while (_local.QueuedPackets > 0)
            _local.Deliver(LocalPacketsPerRound);
    }

    private void SetRoutesLocal(in Gid address, bool isLocal)
    {
        foreach (DeviceSlot slot in _slots)
            slot.Paths?.SetLocal(address, isLocal);
    }

    private int RunCommands(long nowNs)
    {
        _hasCommands = false;
        Interlocked.MemoryBarrier(); // a command queued after the flag was cleared sets it again
        int count = 0;
        while (_commands.TryDequeue(out WorkerCommand? command))
        {
            command.Execute(this, nowNs);
            _isHurried |= command.IsUrgent;
            count++;
        }
        return count;
    }

    // A device that throws has a defect that its guest found. Its neighbours must not pay for it.
    private void Expel(DeviceSlot slot, Exception error)
    {
        Current = null;
        _reporter.Report(ReportLevel.Error, $"device {slot.Name} ({slot.Address}) failed and is served no more: {error}");
        slot.IsExpelled = true;
        slot.TellFatal();
        try
        {
            Remove(slot);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _reporter.Report(ReportLevel.Error, $"device {slot.Name} ({slot.Address}) could not be taken down cleanly: {e}");
        }
    }

    public void Dispose() => _local.Dispose();
}
