using System.Runtime.CompilerServices;
using RoceEngine.Abi;
using RoceEngine.Channel;

namespace RoceEngine.Verbs.Internals;

/// <summary>
/// The driver below the verbs: brings the device up through the register mailbox, and executes commands one at a time.
/// </summary>
internal sealed unsafe partial class DeviceDriver : IDisposable
{
    /// <summary>One page each for the shared region, the command slot and the response slot.</summary>
    public const int SharedPages = 3;

    /// <summary>Pages of an event ring, the first of which has its indices.</summary>
    public const int RingPages = 1 + EventRingPages;

    private const int EventRingPages = 4;
    private const ExtensionBits Required = ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord;
    private const ExtensionBits Wanted = Required | ExtensionBits.Inline | ExtensionBits.UnreliableConnection
        | ExtensionBits.MemoryWindows | ExtensionBits.ExtendedVerbs | ExtensionBits.ProcessMemory;

    private readonly DeviceControlPage* _devicePage;
    private readonly GuestControlPage* _guestPage;
    private readonly PvrdmaDeviceSharedRegion* _shared;
    private readonly byte* _commandSlot;
    private readonly byte* _responseSlot;
    private PvrdmaDeviceCaps _caps;
    private bool _disposed;

    /// <summary>Brings the device up. Takes the channel over, also when it fails.</summary>
    /// <exception cref="VerbsException">The device refused, lacks the extension, or there is too little guest RAM.</exception>
    public DeviceDriver(DeviceChannel channel)
    {
        Channel = channel;
        try
        {
            byte* ram = channel.GuestRam;
            Allocator = new GuestAllocator(ram, channel.GuestRamBytes);
            ApplicationPages = new ApplicationPages(this);
            _devicePage = (DeviceControlPage*)(channel.Control + ControlRegion.DevicePage);
            _guestPage = (GuestControlPage*)(channel.Control + ControlRegion.GuestPage);
            SendDoorbells = DoorbellBitmap.ForSends(channel.Control);
            ReceiveDoorbells = DoorbellBitmap.ForReceives(channel.Control);
            Ledger = new Ledger(this);

            GuestPages shared = GuestPages.Allocate(Allocator, ram, SharedPages, "the device shared region");
            GuestPages events = GuestPages.Allocate(Allocator, ram, RingPages, "the event ring");
            GuestPages notifications = GuestPages.Allocate(Allocator, ram, RingPages, "the notification ring");
            _shared = (PvrdmaDeviceSharedRegion*)shared.Memory;
            _commandSlot = shared.Memory + GuestAllocator.PageBytes;
            _responseSlot = _commandSlot + GuestAllocator.PageBytes;
            AsyncRing = events.Memory;
            NotificationRing = notifications.Memory;
            BringUp(events, notifications);
            Ledger.WriteHead(new GuestLedgerHead
            {
                SharedRegion = (ulong)(shared.Memory - ram),
                AsyncRing = (ulong)(AsyncRing - ram),
                NotificationRing = (ulong)(NotificationRing - ram),
            });
        }
        catch
        {
            channel.Dispose();
            throw;
        }
    }

    public DeviceChannel Channel { get; }

    public GuestAllocator Allocator { get; private set; }

    /// <summary>What a process that comes after this one needs to know.</summary>
    public Ledger Ledger { get; private set; }

    /// <summary>True once the channel is closed: guest RAM is gone. Under the command lock.</summary>
    public bool IsDisposed => _disposed;

    /// <summary>The application's own memory, as far as the device must reach it from another process.</summary>
    public ApplicationPages ApplicationPages { get; }

    /// <summary>Guest and device are in one process: the device takes the application's addresses as they are.</summary>
    public bool SharesProcess => (Extension & ExtensionBits.ProcessMemory) != 0;

    /// <summary>Serialises commands, and with them all creation and destruction of objects. Re-entrant.</summary>
    public Lock CommandLock { get; } = new();

    public DoorbellBitmap SendDoorbells { get; }

    public DoorbellBitmap ReceiveDoorbells { get; }

    /// <summary>Bytes of inline data that a send may have at most; 0 when the device has no inline sends.</summary>
    public uint InlineBytesMax { get; private set; }

    /// <summary>What of the extension is in force.</summary>
    public ExtensionBits Extension { get; private set; }

    /// <summary>What the device said at bring-up that it can do.</summary>
    public ref readonly PvrdmaDeviceCaps Caps => ref _caps;

    /// <summary>Refuses what the device has no part of the extension for.</summary>
    /// <exception cref="VerbsException">EOPNOTSUPP.</exception>
    public void Require(ExtensionBits bits, string verb)
    {
        if ((Extension & bits) != bits)
        {
            throw new VerbsException(Errno.NotSupported, $"{verb}: the device does not do this");
        }
    }

    /// <summary>The ring of asynchronous events: state page, then entries.</summary>
    public byte* AsyncRing { get; }

    /// <summary>Slots of <see cref="AsyncRing"/>.</summary>
    public static uint AsyncSlots => RingIndex.UsableSlots((uint)(EventRingPages * GuestAllocator.PageBytes / PvrdmaEventEntry.Length));

    /// <summary>The ring of CQ notifications: state page, then entries.</summary>
    public byte* NotificationRing { get; }

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
            : state == DeviceControlPage.StateReplaced ? $"device {Channel.Name} went back to a snapshot"
            : $"device {Channel.Name}: the connection to its host ended")
        {
            WasRolledBack = state == DeviceControlPage.StateReplaced,
        };
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

    /// <summary>Closes the channel, and with it the device. Nobody may touch shared memory afterwards.</summary>
    public void Dispose()
    {
        lock (CommandLock)
        {
            if (!_disposed)
            {
                _disposed = true;
                ApplicationPages.LeaveBehind();
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

    private void CheckVersion()
    {
        if (ReadRegister(PvrdmaRegister.Version) != AbiVersion.Pvrdma)
        {
            throw new VerbsException(
                Errno.NotSupported, $"the device speaks version {ReadRegister(PvrdmaRegister.Version)} of its ABI, this library {AbiVersion.Pvrdma}");
        }
    }

    private void BringUp(GuestPages events, GuestPages notifications)
    {
        CheckVersion();
        ulong shared = (ulong)((byte*)_shared - Channel.GuestRam);
        _shared->DriverVersion = AbiVersion.Pvrdma;
        _shared->GuestSystem = GuestSystem;
        _shared->CommandSlotAddress = shared + (ulong)GuestAllocator.PageBytes;
        _shared->ResponseSlotAddress = shared + (2 * (ulong)GuestAllocator.PageBytes);
        _shared->AsyncRing = Describe(events);
        _shared->NotificationRing = Describe(notifications);

        lock (CommandLock)
        {
            WriteChecked(PvrdmaRegister.DsrLow, (uint)shared, "device shared region");
            WriteChecked(PvrdmaRegister.DsrHigh, (uint)(shared >> 32), "device shared region");
            var offered = (ExtensionBits)ReadRegister(PvrdmaRegister.ExtensionCaps);
            WriteChecked(PvrdmaRegister.ExtensionEnable, (uint)(offered & Wanted), "extension");

            // The device tells once more what it can do, now that it knows what this driver can ask for.
            ReadAbilities();
            WriteChecked(PvrdmaRegister.InterruptMask, 0, "interrupt mask");
            WriteChecked(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Activate, "activation");
        }
    }

    private void ReadAbilities()
    {
        var enabled = (ExtensionBits)ReadRegister(PvrdmaRegister.ExtensionEnable);
        if ((enabled & Required) != Required)
        {
            throw new VerbsException(Errno.NotSupported, $"the device lacks the extension {Required & ~enabled}");
        }

        _caps = _shared->Caps;
        Extension = enabled;
        InlineBytesMax = (enabled & ExtensionBits.Inline) != 0 ? ReadRegister(PvrdmaRegister.ExtensionInlineBytes) : 0;
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
}
