using RoceEngine.Abi;

namespace RoceEngine.Device;

/// <content>BAR1: the registers.</content>
public sealed unsafe partial class VrdmaDevice
{
    /// <summary>A 48-bit MAC address, first byte lowest.</summary>
    private ulong _mac;

    private uint _error;
    private uint _regionLow;
    private ulong _regionAddress;
    private bool _hasRegion;

    /// <summary>What the extension can offer: the doorbell bitmap only where there is a control region to hold it.</summary>
    private ExtensionBits Offered =>
        ExtensionBits.Inline | ExtensionBits.UnreliableConnection | ExtensionBits.MemoryWindows | ExtensionBits.ArmWord
        | ExtensionBits.ExtendedVerbs | (_controlRegion == null ? ExtensionBits.None : ExtensionBits.DoorbellBitmap)
        | (_core.Options.GuestSharesProcess ? ExtensionBits.ProcessMemory : ExtensionBits.None);

    private static ReadOnlySpan<int> ReadableRegisters =>
    [
        PvrdmaRegister.Version, PvrdmaRegister.Error, PvrdmaRegister.InterruptCause, PvrdmaRegister.InterruptMask, PvrdmaRegister.MacLow,
        PvrdmaRegister.MacHigh, PvrdmaRegister.ExtensionCaps, PvrdmaRegister.ExtensionEnable, PvrdmaRegister.ExtensionInlineBytes,
    ];

    /// <summary>Reads a 32-bit register; 0 where there is none.</summary>
    public uint ReadRegister(int offset)
    {
        if (offset == PvrdmaRegister.InterruptCause)
        {
            uint cause = _core.Interrupts.TakeCause();
            MirrorRegisters();
            return cause;
        }

        return PeekRegister(offset);
    }

    /// <summary>Writes a 32-bit register. When it returns, what the write asks for has been done and is visible.</summary>
    public void WriteRegister(int offset, uint value, long nowNs)
    {
        if (_disposed)
        {
            return;
        }

        _core.NowNs = nowNs;
        switch (offset)
        {
            case PvrdmaRegister.DsrLow:
                _regionLow = value;
                break;
            case PvrdmaRegister.DsrHigh:
                _error = (uint)SetSharedRegion(((ulong)value << 32) | _regionLow);
                break;
            case PvrdmaRegister.Control:
                _error = (uint)Control((PvrdmaDeviceControl)value);
                break;
            case PvrdmaRegister.Request:
                Request();
                break;
            case PvrdmaRegister.InterruptMask:
                _core.Interrupts.Mask = value;
                break;
            case PvrdmaRegister.MacLow:
                _mac = (_mac & ~0xFFFF_FFFFul) | value;
                break;
            case PvrdmaRegister.MacHigh:
                _mac = (_mac & 0xFFFF_FFFFul) | ((ulong)(value & 0xFFFF) << 32);
                break;
            case PvrdmaRegister.ExtensionEnable:
                _error = (uint)EnableExtension((ExtensionBits)value);
                break;
            default:
                _core.Fault(GuestFault.Register, (uint)offset, "write to a register that does not exist or is read-only");
                break;
        }

        EndControlCall();
    }

    private uint PeekRegister(int offset) => offset switch
    {
        PvrdmaRegister.Version => AbiVersion.Pvrdma,
        PvrdmaRegister.Error => _error,
        PvrdmaRegister.InterruptCause => _core.Interrupts.Cause,
        PvrdmaRegister.InterruptMask => _core.Interrupts.Mask,
        PvrdmaRegister.MacLow => (uint)_mac,
        PvrdmaRegister.MacHigh => (uint)(_mac >> 32),
        PvrdmaRegister.ExtensionCaps => (uint)Offered,
        PvrdmaRegister.ExtensionEnable => (uint)_core.Extension,
        PvrdmaRegister.ExtensionInlineBytes => (uint)_core.Limits.InlineBytes,
        _ => 0,
    };

    /// <summary>Takes the shared region: copies what the guest says, fills in what the device can do.</summary>
    private PvrdmaCommandError SetSharedRegion(ulong address)
    {
        if (IsActive)
        {
            _core.Fault(GuestFault.SharedRegion, 0, "shared region set while the device is active");
            return PvrdmaCommandError.Busy;
        }

        _hasRegion = false;
        if ((address & 7) != 0 || !_core.Ram.TryResolve(address, (ulong)sizeof(PvrdmaDeviceSharedRegion), out byte* pointer))
        {
            _core.Fault(GuestFault.SharedRegion, 0, "shared region is outside guest memory");
            return PvrdmaCommandError.BadAddress;
        }

        var region = (PvrdmaDeviceSharedRegion*)pointer;
        PvrdmaDeviceSharedRegion copy = *region;
        PvrdmaCommandError error = _commands.TrySetSlots(copy);
        if (error == PvrdmaCommandError.None)
        {
            error = AttachRings(copy);
        }

        // Even with a bad ring: the driver looks at the capabilities first.
        TellCapabilities(region);
        _regionAddress = address;
        _hasRegion = error == PvrdmaCommandError.None;
        if (!_hasRegion)
        {
            _core.Fault(GuestFault.SharedRegion, 0, "command slot, response slot or a ring is outside guest memory");
        }

        return error;
    }

    private PvrdmaCommandError AttachRings(in PvrdmaDeviceSharedRegion region)
    {
        PvrdmaCommandError error = ReadRing(region.AsyncRing, PvrdmaEventEntry.Length, out DeviceRing? events);
        if (error != PvrdmaCommandError.None)
        {
            return error;
        }

        error = ReadRing(region.NotificationRing, PvrdmaNotificationEntry.Length, out DeviceRing? notifications);
        if (error != PvrdmaCommandError.None)
        {
            return error;
        }

        _core.Events.Attach(events!, notifications!);
        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError ReadRing(in PvrdmaRingPageInfo info, int entryBytes, out DeviceRing? ring)
    {
        ring = null;
        if (info.PageCount < 2 || info.PageCount > (uint)_core.Limits.RingPages)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        if (!GuestPages.TryRead(_core.Ram, info.DirectoryAddress, (int)info.PageCount, out GuestPages? pages))
        {
            return PvrdmaCommandError.BadAddress;
        }

        ring = new DeviceRing(pages!, entryBytes);
        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError Control(PvrdmaDeviceControl control)
    {
        switch (control)
        {
            case PvrdmaDeviceControl.Activate:
                if (IsFatal || !_hasRegion)
                {
                    return PvrdmaCommandError.InvalidArgument;
                }

                IsActive = true;
                return PvrdmaCommandError.None;
            case PvrdmaDeviceControl.Unquiesce:
                return IsActive ? PvrdmaCommandError.None : PvrdmaCommandError.NotActive;
            case PvrdmaDeviceControl.Reset:
                ResetDevice();
                return PvrdmaCommandError.None;
            default:
                _core.Fault(GuestFault.Register, PvrdmaRegister.Control, "unknown device control");
                return PvrdmaCommandError.InvalidArgument;
        }
    }

    private void ResetDevice()
    {
        IsActive = false;
        _hasRegion = false;
        _core.Reset();
        _commands.ClearSlots();
        if (!IsFatal)
        {
            SetDeviceState(DeviceControlPage.StateRunning);
        }
    }

    private PvrdmaCommandError EnableExtension(ExtensionBits wanted)
    {
        if (IsActive)
        {
            _core.Fault(GuestFault.Register, PvrdmaRegister.ExtensionEnable, "extension changed while the device is active");
            return PvrdmaCommandError.Busy;
        }

        // What the device can do depends on it: the shared region says so from now on.
        _core.Extension = wanted & Offered;
        if (_hasRegion && _core.Ram.TryResolve(_regionAddress, (ulong)sizeof(PvrdmaDeviceSharedRegion), out byte* region))
        {
            TellCapabilities((PvrdmaDeviceSharedRegion*)region);
        }

        return PvrdmaCommandError.None;
    }

    private void TellCapabilities(PvrdmaDeviceSharedRegion* region)
    {
        region->Caps = Capabilities;
        Thread.MemoryBarrier();
    }

    private void Request()
    {
        if (!IsActive || IsFatal)
        {
            _error = (uint)PvrdmaCommandError.NotActive;
            _core.Fault(GuestFault.Command, 0, "command while the device is not active");
            return;
        }

        CommandOutcome outcome = _commands.Execute();

        // The stock driver reads this register at once and takes anything but 0 as "no response will come", except that it looks into the
        // response of MODIFY_QP. So a refusal is said here, and no interrupt follows.
        _error = (uint)outcome.RegisterError;
        MirrorRegisters();
        if (outcome.RaisesResponse)
        {
            _core.Interrupts.Raise(PvrdmaInterruptVector.Response);
        }
    }

    private void EndControlCall()
    {
        _core.Failures.Process();
        MirrorRegisters();
    }
}
