using RoceEngine.Abi;

namespace RoceEngine.Host;

/// <summary>
/// The host's side of the control pages: takes register writes out of the guest's page and keeps the device's page. Everything
/// that the guest can write is read once.
/// </summary>
internal unsafe struct Mailbox
{
    private readonly GuestControlPage* _guest;
    private readonly DeviceControlPage* _device;
    private uint _sequence;
    private bool _mustAcknowledge;

    public Mailbox(byte* control)
    {
        _guest = (GuestControlPage*)(control + ControlRegion.GuestPage);
        _device = (DeviceControlPage*)(control + ControlRegion.DevicePage);
    }

    /// <summary>The last register write that was taken; all until then are acknowledged between two turns.</summary>
    public uint Sequence
    {
        readonly get => _sequence;
        set => _sequence = value;
    }

    /// <summary>True with a register write that was not taken before. One load of a shared cache line when there is none.</summary>
    public bool TryTake(out int offset, out uint value)
    {
        offset = 0;
        value = 0;
        uint sequence = Volatile.Read(ref _guest->MailboxSequence);
        if (sequence == _sequence)
            return false;
        _sequence = sequence;
        offset = (int)Volatile.Read(ref _guest->MailboxOffset);
        value = Volatile.Read(ref _guest->MailboxValue);
        _mustAcknowledge = true;
        return true;
    }

    /// <summary>Release store: every effect of the write that was taken is visible before the guest sees it acknowledged.</summary>
    public void AcknowledgeTaken()
    {
        if (!_mustAcknowledge)
            return;
        _mustAcknowledge = false;
        Volatile.Write(ref _device->MailboxAcknowledged, _sequence);
    }

    /// <summary>Tells the guest whether a doorbell needs a kick. The caller fences before it looks at doorbells again.</summary>
    public readonly void SetNeedWakeup(bool needWakeup) => Volatile.Write(ref _device->NeedWakeup, needWakeup ? 1u : 0u);

    /// <summary>A value of <see cref="DeviceControlPage"/>.</summary>
    public readonly void SetDeviceState(uint state) => Volatile.Write(ref _device->DeviceState, state);
}
