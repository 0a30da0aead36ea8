using RoceEngine.Interop;

namespace RoceEngine.Host;

/// <summary>How a worker's owner sleeps without missing anything: announce it, look once more, then wait on all descriptors.</summary>
internal sealed class WorkerSleep : IDisposable
{
    private readonly Worker _worker;
    private readonly int _control;
    private PollDescriptor[] _descriptors;
    private int _slotsVersion = -1;

    public WorkerSleep(Worker worker)
    {
        _worker = worker;
        _control = SystemCallException.Check(Events.Create(0, Events.EFD_CLOEXEC | Events.EFD_NONBLOCK), "eventfd");
        _descriptors = [];
        worker.Wake = Wake;
    }

    /// <summary>Ends a wait, the present or the next one. From any thread.</summary>
    public void Wake() => Events.Signal(_control);

    /// <summary>
    /// Announces the sleep and turns once more. False when that turn found work: then there is no sleep. A guest that rang before
    /// it saw the announcement is found by that turn; one that rings after it kicks. The fence stands between the two.
    /// </summary>
    public bool TryPrepare()
    {
        _worker.SetNeedWakeup(true);
        Interlocked.MemoryBarrier();
        _worker.ForceWirePoll();
        return _worker.Turn(HostClock.NowNs()) == 0;
    }

    /// <summary>Finds out what to wait for and how long at most, while the caller still owns the worker.</summary>
    public PreparedWait Prepare(long waitNsMax)
    {
        if (_slotsVersion != _worker.SlotsVersion)
            CollectDescriptors();
        long deadlineNs = _worker.NextDeadlineNs;
        long waitNs = deadlineNs == long.MaxValue ? long.MaxValue : deadlineNs - HostClock.NowNs();
        return new PreparedWait(_descriptors, Math.Min(waitNs, waitNsMax));
    }

    /// <summary>Waits. Needs nothing of the worker, so that another thread may own it meanwhile. True when a descriptor ended it.</summary>
    public static bool Wait(PreparedWait wait) =>
        wait.WaitNs > 0 && Events.Wait(wait.Descriptors, wait.WaitNs == long.MaxValue ? -1 : wait.WaitNs) > 0;

    /// <summary>Takes the announcement back. The caller owns the worker again.</summary>
    public void Finish()
    {
        _worker.SetNeedWakeup(false);
        _worker.ForceWirePoll();
        DrainEvents();
    }

    // Only what is still there is drained: a descriptor of a device that left meanwhile may be somebody else's by now. Sockets
    // keep their packets for the turn.
    private void DrainEvents()
    {
        Events.Drain(_control);
        ReadOnlySpan<DeviceSlot> slots = _worker.Slots;
        for (int i = 0; i < slots.Length && 1 + 2 * i < _descriptors.Length; i++)
        {
            ref PollDescriptor kick = ref _descriptors[1 + 2 * i];
            if (kick.ReturnedEvents != 0 && kick.Descriptor == slots[i].Memory.KickDescriptor)
                Events.Drain(kick.Descriptor);
        }
    }

    private void CollectDescriptors()
    {
        ReadOnlySpan<DeviceSlot> slots = _worker.Slots;
        _descriptors = new PollDescriptor[1 + 2 * slots.Length];
        _descriptors[0].Descriptor = _control;
        for (int i = 0; i < slots.Length; i++)
        {
            _descriptors[1 + 2 * i].Descriptor = slots[i].Memory.KickDescriptor;
            _descriptors[2 + 2 * i].Descriptor = slots[i].Link.PollDescriptor;
        }
        foreach (ref PollDescriptor descriptor in _descriptors.AsSpan())
            descriptor.Events = PollDescriptor.POLLIN;
        _slotsVersion = _worker.SlotsVersion;
    }

    public void Dispose() => _ = Events.Close(_control);
}

/// <summary>What a sleeping owner waits for.</summary>
internal readonly record struct PreparedWait(PollDescriptor[] Descriptors, long WaitNs);
