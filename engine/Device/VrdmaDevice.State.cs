using System.Diagnostics;
using RoceEngine.Abi;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <content>The whole device as a state that can be carried elsewhere. See <see cref="DeviceState"/> for what stands in it.</content>
public sealed unsafe partial class VrdmaDevice
{
    /// <summary>
    /// Makes a device out of a state that <see cref="SaveState"/> made, over guest memory (and a control region) that has what it had then. Handles,
    /// keys and QPNs are the same. It does nothing until <see cref="Resume"/>.
    /// </summary>
    /// <param name="options">Name, address and limits; the address must be the one that was saved.</param>
    /// <param name="ram">Guest memory, as large as it was.</param>
    /// <param name="environment">The worker that drives the device.</param>
    /// <param name="controlRegion">The guest's control region, or null where it had none.</param>
    /// <param name="state">The state.</param>
    /// <param name="nowNs">The present, ns.</param>
    /// <exception cref="StateException">The state is damaged, or does not fit these options.</exception>
    public static VrdmaDevice FromState(
        DeviceOptions options, GuestRam ram, IDeviceEnvironment environment, byte* controlRegion, ReadOnlyMemory<byte> state, long nowNs)
    {
        var device = new VrdmaDevice(options, ram, environment);
        try
        {
            device._core.NowNs = nowNs;
            device.TakeControlRegion(controlRegion);
            StateCursor cursor = StateCursor.Load(state, nowNs);
            device.Transfer(cursor);
            cursor.Check(cursor.RemainingBytes == 0, "something follows its end");
            return device;
        }
        catch
        {
            device.Retire();
            throw;
        }
    }

    /// <summary>
    /// The device as bytes. Changes nothing: the device may go on. To be called between turns, with nothing emitted that was not flushed; completions
    /// are published first.
    /// </summary>
    public ReadOnlyMemory<byte> SaveState(long nowNs)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _core.NowNs = nowNs;
        PublishCompletions();
        _sendDoorbells.GiveBack();
        _receiveDoorbells.GiveBack();
        StateCursor state = StateCursor.Save(nowNs);
        Transfer(state);
        return state.Saved;
    }

    /// <summary>
    /// Lets a device run that was loaded, or that stood still: timers start anew, peers are asked how far they are, groups are joined, and the
    /// guest is signalled, since signals may have been lost on the way.
    /// </summary>
    public void Resume(long nowNs)
    {
        _core.NowNs = nowNs;
        _core.IsQuiescing = false;
        _core.Multicast.JoinAgain();
        foreach (DeviceQueuePair qp in _core.Objects.QueuePairs.All())
        {
            qp.Protocol.Resume(nowNs);
        }

        SetDeviceState(IsFatal ? DeviceControlPage.StateFatal : DeviceControlPage.StateRunning);
        _core.Events.SignalAgain();
        _core.Interrupts.Raise(PvrdmaInterruptVector.Response);
        MirrorRegisters();
    }

    /// <summary>
    /// All queue pairs go into error, each with QP_FATAL: what they know of their peers is older than what was said since, and no sequence number may be
    /// used twice. After <see cref="Resume"/>.
    /// </summary>
    public void BreakQueuePairs(long nowNs)
    {
        _core.NowNs = nowNs;
        _core.Events.ExpectFailures();
        foreach (DeviceQueuePair qp in _core.Objects.QueuePairs.All())
        {
            if (qp.Protocol.State != QueuePairState.Reset)
                _core.Failures.MoveToError(qp);
        }
    }

    /// <summary>Ends this object without a word to the guest, whose device goes on elsewhere. On the device's thread.</summary>
    public void Retire()
    {
        DetachExtension();
        Dispose();
    }

    /// <summary>True from <see cref="Quiesce"/> to <see cref="Resume"/>.</summary>
    public bool IsQuiescing => _core.IsQuiescing;

    /// <summary>
    /// Begins no new work request, and tells all peers to wait; what is under way goes on, and peers are served. The first of the two steps of standing
    /// still; ended by <see cref="Resume"/>.
    /// </summary>
    public void Quiesce()
    {
        _core.IsQuiescing = true;
        foreach (DeviceQueuePair qp in _core.Objects.QueuePairs.All())
        {
            qp.Protocol.Pause();
        }
    }

    /// <summary>True when no send work request is under way.</summary>
    public bool IsQuiet => _core.Protocol.SlotsInUse == 0;

    private void Transfer(StateCursor state)
    {
        DeviceState.TransferHead(state, _core);
        state.Value(ref _mac);
        state.Value(ref _error);
        state.Value(ref _regionLow);
        state.Value(ref _regionAddress);
        state.Flag(ref _hasRegion);
        IsActive = state.Flag(IsActive);
        IsFatal = state.Flag(IsFatal);
        _core.Extension = (ExtensionBits)state.Value((uint)_core.Extension) & Offered;
        _commands.Transfer(state);
        DeviceState.TransferObjects(state, _core);
        state.Check(!IsActive || _hasRegion, "an active device has no shared region");
    }
}
