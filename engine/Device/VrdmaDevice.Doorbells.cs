using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <content>BAR2 (the UAR pages), the extension's control region, and its doorbell bitmaps.</content>
public sealed unsafe partial class VrdmaDevice
{
    private byte* _controlRegion;
    private DoorbellHarvester _sendDoorbells;
    private DoorbellHarvester _receiveDoorbells;

    /// <summary>True when the bitmap has doorbells that were not served yet. For the worker, before it sleeps.</summary>
    public bool HasDoorbells => UsesBitmap && IsActive && !IsFatal && (_receiveDoorbells.HasWork || _sendDoorbells.HasWork);

    private bool UsesBitmap => _controlRegion != null && (_core.Extension & ExtensionBits.DoorbellBitmap) != 0;

    /// <summary>
    /// Gives the device a control region of <see cref="ControlRegion.Bytes"/>, mapped until disposal. Without one there is no doorbell
    /// bitmap. Call before the guest runs.
    /// </summary>
    public void AttachExtension(byte* controlRegion)
    {
        ArgumentNullException.ThrowIfNull(controlRegion);
        ObjectDisposedException.ThrowIf(_disposed, this);
        TakeControlRegion(controlRegion);
        SetDeviceState(DeviceControlPage.StateRunning);
        MirrorRegisters();
    }

    /// <summary>A UAR write of the guest: page (one per context) and register in the offset, handle and operation in the value.</summary>
    public void WriteUar(int offset, uint value, long nowNs)
    {
        if (!IsActive || IsFatal)
        {
            return;
        }

        _core.NowNs = nowNs;
        if (_core.Options.UarMode == UarMode.Mapped)
        {
            ScanRings(nowNs);
            return;
        }

        uint handle = value & PvrdmaUar.HandleMask;
        switch (offset & (PvrdmaUar.PageBytes - 1))
        {
            case PvrdmaUar.QpOffset:
                RingQueuePair(handle, value);
                break;
            case PvrdmaUar.CqOffset:
                RingCompletionQueue(handle, value);
                break;
            case PvrdmaUar.SrqOffset:
                RingShared(handle);
                break;
            default:
                _core.Fault(GuestFault.Doorbell, (uint)offset, "write to a UAR offset that means nothing");
                break;
        }

        _core.Failures.Process();
    }

    /// <summary>Looks at the rings of all QPs: what any doorbell means when the UAR page is plain memory in which writes replace each other.</summary>
    public void ScanRings(long nowNs)
    {
        if (!IsActive || IsFatal)
        {
            return;
        }

        _core.NowNs = nowNs;
        foreach (DeviceQueuePair qp in _core.Objects.QueuePairs.All())
        {
            if (qp.Protocol.State != QueuePairState.Reset)
            {
                qp.Protocol.HandleReceiveDoorbell(nowNs);
                qp.Protocol.HandleSendDoorbell(nowNs);
            }
        }

        _core.Failures.Process();
    }

    /// <summary>
    /// Serves doorbells of the bitmaps, at most <paramref name="budget"/>; returns how many. When it returns the budget, more may wait. Receives
    /// first: a send that follows may need them.
    /// </summary>
    public int HarvestDoorbells(int budget, long nowNs)
    {
        if (!UsesBitmap || !IsActive || IsFatal)
        {
            return 0;
        }

        _core.NowNs = nowNs;
        int served = 0;
        while (served < budget && _receiveDoorbells.TryNext(out uint handle))
        {
            RingReceives(handle);
            served++;
        }

        while (served < budget && _sendDoorbells.TryNext(out uint handle))
        {
            RingSends(handle);
            served++;
        }

        if (served != 0)
        {
            _core.Failures.Process();
        }

        return served;
    }

    private void RingQueuePair(uint handle, uint value)
    {
        if ((value & PvrdmaUar.QpReceive) != 0)
        {
            RingReceives(handle);
        }

        if ((value & PvrdmaUar.QpSend) != 0)
        {
            RingSends(handle);
        }
    }

    private void RingSends(uint handle)
    {
        if (_core.Objects.QueuePairs[handle] is { } qp)
        {
            _core.Statistics.SendDoorbells++;
            qp.Protocol.HandleSendDoorbell(_core.NowNs);
        }
        else
        {
            _core.Fault(GuestFault.Doorbell, handle, "send doorbell of a queue pair that does not exist");
        }
    }

    private void RingReceives(uint handle)
    {
        if (_core.Objects.QueuePairs[handle] is { } qp)
        {
            _core.Statistics.ReceiveDoorbells++;
            qp.Protocol.HandleReceiveDoorbell(_core.NowNs);
        }
        else
        {
            _core.Fault(GuestFault.Doorbell, handle, "receive doorbell of a queue pair that does not exist");
        }
    }

    /// <summary>Nothing to do: whoever needs a shared receive looks at the ring itself.</summary>
    private void RingShared(uint handle)
    {
        if (_core.Objects.SharedReceiveQueues[handle] is not null)
        {
            _core.Statistics.ReceiveDoorbells++;
        }
        else
        {
            _core.Fault(GuestFault.Doorbell, handle, "doorbell of a shared receive queue that does not exist");
        }
    }

    private void RingCompletionQueue(uint handle, uint value)
    {
        if (_core.Objects.CompletionQueues[handle] is not { } queue)
        {
            _core.Fault(GuestFault.Doorbell, handle, "doorbell of a completion queue that does not exist");
            return;
        }

        // Polling needs nothing: entries are published by themselves. Arming for any completion outranks an arming for solicited ones.
        if ((value & PvrdmaUar.CqArm) != 0)
        {
            queue.Armed = ArmState.Any;
        }
        else if ((value & PvrdmaUar.CqArmSolicited) != 0 && queue.Armed == ArmState.None)
        {
            queue.Armed = ArmState.Solicited;
        }
    }

    private void MirrorRegisters()
    {
        if (_controlRegion == null)
        {
            return;
        }

        foreach (int offset in ReadableRegisters)
        {
            Volatile.Write(ref *(uint*)(_controlRegion + ControlRegion.RegisterPage + offset), PeekRegister(offset));
        }
    }

    private void SetDeviceState(uint state)
    {
        if (_controlRegion != null)
        {
            Volatile.Write(ref ((DeviceControlPage*)(_controlRegion + ControlRegion.DevicePage))->DeviceState, state);
        }
    }

    /// <summary>A guest that posts and destroys the QP at once has done nothing wrong: commands are served before doorbells.</summary>
    private void WithdrawDoorbells(uint handle)
    {
        _sendDoorbells.Withdraw(handle);
        _receiveDoorbells.Withdraw(handle);
    }

    private void TakeControlRegion(byte* controlRegion)
    {
        _controlRegion = controlRegion;
        if (controlRegion != null)
        {
            _sendDoorbells = new DoorbellHarvester(DoorbellBitmap.ForSends(controlRegion));
            _receiveDoorbells = new DoorbellHarvester(DoorbellBitmap.ForReceives(controlRegion));
            _core.QueuePairRemoved = WithdrawDoorbells;
        }
    }

    private void DetachExtension()
    {
        _core.QueuePairRemoved = null;
        _controlRegion = null;
        _sendDoorbells = default;
        _receiveDoorbells = default;
    }
}
