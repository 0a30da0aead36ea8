using System.Diagnostics;
using System.Runtime.CompilerServices;
using RoceEngine.Abi;
using RoceEngine.Channel;
using Events = RoceEngine.Interop.Events;
using PollDescriptor = RoceEngine.Interop.PollDescriptor;

namespace RoceEngine.Verbs.Internals;

/// <summary>
/// The driver below the verbs: brings the device up through the register mailbox, and executes commands one at a time.
/// </summary>
internal sealed unsafe class DeviceDriver : IDisposable
{
    /// <summary>How long a device may take for a register write. Generous: the machine may be overloaded, and a dead daemon is noticed at once.</summary>
    private static readonly TimeSpan ResponseTimeout = TimeSpan.FromSeconds(30);

    /// <summary>How long to look for an answer without sleeping.</summary>
    private static readonly long SpinTicks = Stopwatch.Frequency / 10_000;

    private const long SleepNs = 1_000_000;
    private const int EventRingPages = 4;
    private const ExtensionBits Required = ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord;
    private const ExtensionBits Wanted = Required | ExtensionBits.Inline | ExtensionBits.UnreliableConnection;

    private readonly DeviceControlPage* _devicePage;
    private readonly GuestControlPage* _guestPage;
    private readonly GuestPages _sharedPages;
    private readonly GuestPages _asyncPages;
    private readonly GuestPages _notificationPages;
    private readonly PvrdmaDeviceSharedRegion* _shared;
    private readonly byte* _commandSlot;
    private readonly byte* _responseSlot;
    private PvrdmaDeviceCaps _caps;
    private ulong _cookie;
    private bool _disposed;

    /// <summary>Brings the device up. Takes the channel over, also when it fails.</summary>
    /// <exception cref="VerbsException">The device refused, lacks the extension, or there is too little guest RAM.</exception>
    public DeviceDriver(DeviceChannel channel)
    {
        Channel = channel;
        try
        {
            Allocator = new GuestAllocator(channel.GuestRam, channel.GuestRamBytes);
            _devicePage = (DeviceControlPage*)(channel.Control + ControlRegion.DevicePage);
            _guestPage = (GuestControlPage*)(channel.Control + ControlRegion.GuestPage);
            SendDoorbells = DoorbellBitmap.ForSends(channel.Control);
            ReceiveDoorbells = DoorbellBitmap.ForReceives(channel.Control);

            // One page each for the shared region, the command slot and the response slot.
            _sharedPages = GuestPages.Allocate(Allocator, channel.GuestRam, 3, "the device shared region");
            _shared = (PvrdmaDeviceSharedRegion*)_sharedPages.Memory;
            _commandSlot = _sharedPages.Memory + GuestAllocator.PageBytes;
            _responseSlot = _commandSlot + GuestAllocator.PageBytes;
            _asyncPages = GuestPages.Allocate(Allocator, channel.GuestRam, 1 + EventRingPages, "the event ring");
            _notificationPages = GuestPages.Allocate(Allocator, channel.GuestRam, 1 + EventRingPages, "the notification ring");
            BringUp();
        }
        catch
        {
            channel.Dispose();
            throw;
        }
    }

    public DeviceChannel Channel { get; }

    public GuestAllocator Allocator { get; }

    /// <summary>Serialises commands, and with them all creation and destruction of objects. Re-entrant.</summary>
    public Lock CommandLock { get; } = new();

    public DoorbellBitmap SendDoorbells { get; }

    public DoorbellBitmap ReceiveDoorbells { get; }

    /// <summary>Bytes of inline data that a send may have at most; 0 when the device has no inline sends.</summary>
    public uint InlineBytesMax { get; private set; }

    /// <summary>What the device said at bring-up that it can do.</summary>
    public ref readonly PvrdmaDeviceCaps Caps => ref _caps;

    /// <summary>The ring of asynchronous events: state page, then entries.</summary>
    public byte* AsyncRing => _asyncPages.Memory;

    /// <summary>Slots of <see cref="AsyncRing"/>.</summary>
    public static uint AsyncSlots => RingIndex.UsableSlots((uint)(EventRingPages * GuestAllocator.PageBytes / PvrdmaEventEntry.Length));

    /// <summary>The ring of CQ notifications: state page, then entries.</summary>
    public byte* NotificationRing => _notificationPages.Memory;

    /// <summary>Slots of <see cref="NotificationRing"/>.</summary>
    public static uint NotificationSlots =>
        RingIndex.UsableSlots((uint)(EventRingPages * GuestAllocator.PageBytes / PvrdmaNotificationEntry.Length));

    /// <summary>
    /// True once nothing will come from the device any more: its daemon died, closed it, or it failed. Looks into shared memory: to be asked only
    /// where the memory cannot go away, that is under the command lock, under the gate of an open queue, or by the event pump.
    /// </summary>
    public bool IsLost
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Channel.IsLost || Volatile.Read(ref _devicePage->DeviceState) != DeviceControlPage.StateRunning;
    }

    /// <summary>The exception that tells how the device was lost. Where <see cref="IsLost"/> may be asked.</summary>
    public DeviceLostException LostException()
    {
        uint state = Volatile.Read(ref _devicePage->DeviceState);
        return new DeviceLostException(
            state == DeviceControlPage.StateClosed ? $"device {Channel.Name} was closed by its host"
            : state == DeviceControlPage.StateFatal ? $"device {Channel.Name} failed"
            : $"device {Channel.Name}: the connection to its host ended");
    }

    /// <summary>Tells a sleeping worker that there is something to do. Call after a full fence that follows the doorbell.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WakeIfAsleep()
    {
        if (Volatile.Read(ref _devicePage->NeedWakeup) != 0)
        {
            Channel.Kick();
        }
    }

    /// <summary>The register as the device mirrors it.</summary>
    public uint ReadRegister(int offset) => Volatile.Read(ref *(uint*)(Channel.Control + ControlRegion.RegisterPage + offset));

    /// <summary>Writes a register, and returns when the write has taken effect. Under <see cref="CommandLock"/>.</summary>
    public void WriteRegister(int offset, uint value)
    {
        _guestPage->MailboxOffset = (uint)offset;
        _guestPage->MailboxValue = value;
        uint sequence = _guestPage->MailboxSequence + 1;
        Volatile.Write(ref _guestPage->MailboxSequence, sequence);

        // The worker announces its sleep and then looks at the mailbox; we write the mailbox and then look for the announcement.
        Interlocked.MemoryBarrier();
        WakeIfAsleep();
        AwaitAcknowledgement(sequence, offset);
    }

    /// <summary>Executes a command that has a response.</summary>
    /// <exception cref="VerbsException">With the device's errno.</exception>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public TResponse Execute<TCommand, TResponse>(PvrdmaCommand number, TCommand command, string verb)
        where TCommand : unmanaged
        where TResponse : unmanaged
    {
        lock (CommandLock)
        {
            ulong cookie = Submit(number, ref command, verb);
            var header = (PvrdmaResponseHeader*)_responseSlot;
            if (header->Cookie != cookie || header->Acknowledgement != PvrdmaCommands.Acknowledgement(number))
            {
                // An error that kept the device from the response slot is in the register alone.
                CheckError((int)ReadRegister(PvrdmaRegister.Error), verb);
                throw new VerbsException(Errno.InputOutput, $"{verb}: the device answered with another command's response");
            }

            CheckError(header->Error, verb);
            return *(TResponse*)_responseSlot;
        }
    }

    /// <summary>Executes a command that has no response: its outcome is in the error register.</summary>
    /// <exception cref="VerbsException">With the device's errno.</exception>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public void Execute<TCommand>(PvrdmaCommand number, TCommand command, string verb)
        where TCommand : unmanaged
    {
        lock (CommandLock)
        {
            _ = Submit(number, ref command, verb);
            CheckError((int)ReadRegister(PvrdmaRegister.Error), verb);
        }
    }

    /// <summary>Closes the channel, and with it the device. Nobody may touch shared memory afterwards.</summary>
    public void Dispose()
    {
        lock (CommandLock)
        {
            if (!_disposed)
            {
                _disposed = true;
                Channel.Dispose();
            }
        }
    }

    /// <summary>True when the device is lost or closed. Any time.</summary>
    public bool IsGone()
    {
        if (Channel.IsLost)
        {
            return true;
        }

        lock (CommandLock)
        {
            return _disposed || IsLost;
        }
    }

    private static void CheckError(int errno, string verb)
    {
        if (errno != 0)
        {
            throw new VerbsException(errno, $"{verb}: {System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");
        }
    }

    private void BringUp()
    {
        if (ReadRegister(PvrdmaRegister.Version) != AbiVersion.Pvrdma)
        {
            throw new VerbsException(
                Errno.NotSupported, $"the device speaks version {ReadRegister(PvrdmaRegister.Version)} of its ABI, this library {AbiVersion.Pvrdma}");
        }

        ulong shared = (ulong)((byte*)_shared - Channel.GuestRam);
        _shared->DriverVersion = AbiVersion.Pvrdma;
        _shared->GuestSystem = GuestSystem;
        _shared->CommandSlotAddress = shared + (ulong)GuestAllocator.PageBytes;
        _shared->ResponseSlotAddress = shared + (2 * (ulong)GuestAllocator.PageBytes);
        _shared->AsyncRing = Describe(_asyncPages);
        _shared->NotificationRing = Describe(_notificationPages);

        lock (CommandLock)
        {
            WriteChecked(PvrdmaRegister.DsrLow, (uint)shared, "device shared region");
            WriteChecked(PvrdmaRegister.DsrHigh, (uint)(shared >> 32), "device shared region");
            _caps = _shared->Caps;
            var offered = (ExtensionBits)ReadRegister(PvrdmaRegister.ExtensionCaps);
            WriteChecked(PvrdmaRegister.ExtensionEnable, (uint)(offered & Wanted), "extension");
            var enabled = (ExtensionBits)ReadRegister(PvrdmaRegister.ExtensionEnable);
            if ((enabled & Required) != Required)
            {
                throw new VerbsException(Errno.NotSupported, $"the device lacks the extension {Required & ~enabled}");
            }

            InlineBytesMax = (enabled & ExtensionBits.Inline) != 0 ? ReadRegister(PvrdmaRegister.ExtensionInlineBytes) : 0;
            WriteChecked(PvrdmaRegister.InterruptMask, 0, "interrupt mask");
            WriteChecked(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Activate, "activation");
        }
    }

    /// <summary>What the driver says of itself: 64 bits, Linux, version 1.</summary>
    private static uint GuestSystem => 2u | (1u << 2) | (1u << 6);

    private static PvrdmaRingPageInfo Describe(GuestPages pages) =>
        new() { PageCount = (uint)pages.PageCount, DirectoryAddress = pages.DirectoryAddress };

    private void WriteChecked(int offset, uint value, string what)
    {
        WriteRegister(offset, value);
        CheckError((int)ReadRegister(PvrdmaRegister.Error), $"{what}: the device refused it");
    }

    private ulong Submit<TCommand>(PvrdmaCommand number, ref TCommand command, string verb)
        where TCommand : unmanaged
    {
        Debug.Assert(sizeof(TCommand) <= PvrdmaCommands.RequestBytesMax, "a command fits its slot");
        ObjectDisposedException.ThrowIf(_disposed, typeof(RdmaContext));
        if (IsLost)
        {
            throw LostException();
        }

        // A command longer than the struct has zeroes behind it.
        new Span<byte>(_commandSlot, PvrdmaCommands.RequestBytesMax).Clear();
        *(TCommand*)_commandSlot = command;
        var header = (PvrdmaCommandHeader*)_commandSlot;
        header->Cookie = ++_cookie;
        header->Command = (uint)number;
        try
        {
            WriteRegister(PvrdmaRegister.Request, 0);
        }
        catch (VerbsException e) when (e is not DeviceLostException)
        {
            throw new VerbsException(e.Errno, $"{verb}: {e.Message}", e);
        }

        return _cookie;
    }

    private void AwaitAcknowledgement(uint sequence, int offset)
    {
        long start = Stopwatch.GetTimestamp();
        var spin = default(SpinWait);
        while (Volatile.Read(ref _devicePage->MailboxAcknowledged) != sequence)
        {
            if (IsLost)
            {
                throw LostException();
            }

            if (Channel.Drive is { } drive)
            {
                drive();
                if (Volatile.Read(ref _devicePage->MailboxAcknowledged) == sequence)
                {
                    break;
                }
            }

            if (Stopwatch.GetTimestamp() - start < SpinTicks)
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }
            else if (Stopwatch.GetElapsedTime(start) > ResponseTimeout)
            {
                // What the device makes of the mailbox later would hit another command: it is of no more use.
                Channel.MarkLost();
                throw new VerbsException(Errno.TimedOut, $"the device did not take the write to register 0x{offset:x2}");
            }
            else
            {
                SleepForResponse();
            }
        }
    }

    private void SleepForResponse()
    {
        // Commands without a response raise no interrupt: hence the short sleep, and the second look at the worker's state.
        Span<PollDescriptor> descriptors =
        [
            new PollDescriptor { Descriptor = Channel.InterruptDescriptor((int)PvrdmaInterruptVector.Response), Events = PollDescriptor.POLLIN },
            new PollDescriptor { Descriptor = Channel.LostDescriptor, Events = PollDescriptor.POLLIN },
        ];
        WakeIfAsleep();
        _ = Events.Wait(descriptors, Channel.Drive is null ? SleepNs : SleepNs / 10);
        if (descriptors[0].ReturnedEvents != 0)
        {
            _ = Events.Drain(descriptors[0].Descriptor);
        }
    }
}
