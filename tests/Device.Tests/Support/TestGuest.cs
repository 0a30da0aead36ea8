using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Wire;

namespace Device.Tests;

/// <summary>What a guest is made with.</summary>
internal sealed record GuestOptions
{
    public string Address { get; init; } = "10.0.0.1";

    public int Pages { get; init; } = 4096;

    /// <summary>Queue and region pages lie in falling order.</summary>
    public bool Scattered { get; init; }

    /// <summary>Extension bits that the driver enables; None makes it the stock driver, which rings the UAR.</summary>
    public ExtensionBits Extension { get; init; }

    public DeviceLimits Limits { get; init; } = new();

    public UarMode UarMode { get; init; }

    public bool IsLocal { get; init; }

    /// <summary>Guest and device are one process, as embedded ones are.</summary>
    public bool SharesProcess { get; init; }

    public QueuePairCreator? Creator { get; init; }

    public int ActiveMtuBytes { get; init; } = 4096;

    /// <summary>Pages of each device ring.</summary>
    public uint RingPages { get; init; } = 4;
}

/// <summary>A tiny guest driver, written against the ABI alone, with its device.</summary>
internal sealed unsafe class TestGuest : IDisposable
{
    private ulong _cookie = 0x1000;
    private uint _eventHead;
    private uint _notificationHead;
    private readonly ulong[] _asyncPages;
    private readonly ulong[] _notificationPages;
    private readonly byte* _control;
    private readonly bool _isOwner;

    public TestGuest(GuestOptions? options = null, bool bringUp = true)
        : this(options ?? new GuestOptions(), null, null, null, bringUp, isOwner: true)
    {
    }

    /// <summary>A driver for a device that somebody else made over that memory and drives.</summary>
    public TestGuest(GuestOptions options, GuestMemory memory, VrdmaDevice device, byte* control, bool bringUp = true)
        : this(options, memory, device, control, bringUp, isOwner: false)
    {
    }

    private TestGuest(GuestOptions options, GuestMemory? memory, VrdmaDevice? device, byte* control, bool bringUp, bool isOwner)
    {
        Options = options;
        Memory = memory ?? new GuestMemory(Options.Pages, Options.Scattered);
        Environment = new TestEnvironment { IsLocal = Options.IsLocal };
        Device = device ?? CreateDevice();
        _control = control;
        _isOwner = isOwner;
        Region = Memory.AllocatePage();
        CommandSlot = Memory.AllocatePage();
        ResponseSlot = Memory.AllocatePage();
        _asyncPages = Memory.AllocatePages((int)Options.RingPages);
        _notificationPages = Memory.AllocatePages((int)Options.RingPages);
        *SharedRegion = new PvrdmaDeviceSharedRegion
        {
            DriverVersion = AbiVersion.Pvrdma,
            CommandSlotAddress = CommandSlot,
            ResponseSlotAddress = ResponseSlot,
            AsyncRing = new PvrdmaRingPageInfo { PageCount = Options.RingPages, DirectoryAddress = Memory.Directory(_asyncPages) },
            NotificationRing = new PvrdmaRingPageInfo { PageCount = Options.RingPages, DirectoryAddress = Memory.Directory(_notificationPages) },
        };
        if ((Options.Extension & ExtensionBits.DoorbellBitmap) != 0 && isOwner)
        {
            ulong[] pages = [.. Enumerable.Range(0, ControlRegion.Bytes / 4096).Select(_ => Memory.AllocatePage())];
            _control = Memory.At(pages[0]);
            Device.AttachExtension(_control);
        }

        if (bringUp)
        {
            BringUp();
        }
    }

    public GuestOptions Options { get; }

    public GuestMemory Memory { get; }

    public TestEnvironment Environment { get; }

    public VrdmaDevice Device { get; }

    public ulong Region { get; }

    public ulong CommandSlot { get; }

    public ulong ResponseSlot { get; }

    public PvrdmaDeviceSharedRegion* SharedRegion => (PvrdmaDeviceSharedRegion*)Memory.At(Region);

    public byte* Control => _control;

    public long NowNs { get; set; } = 1_000_000;

    public PvrdmaRing* AsyncRing => &((PvrdmaRingState*)Memory.At(_asyncPages[0]))->Receive;

    public PvrdmaRing* NotificationRing => &((PvrdmaRingState*)Memory.At(_notificationPages[0]))->Receive;

    public bool UsesBitmap => _control != null;

    public void Write(int register, uint value)
    {
        if (Around is null)
        {
            Device.WriteRegister(register, value, NowNs);
        }
        else
        {
            WriteWatched(register, value);
        }
    }

    private void WriteWatched(int register, uint value) => Call(() => Device.WriteRegister(register, value, NowNs));

    /// <summary>Stands around each call of the device, which it makes; null for nobody.</summary>
    public Action<Action>? Around { get; set; }

    /// <summary>Lets the device work.</summary>
    public void Call(Action call)
    {
        if (Around is { } around)
        {
            around(call);
        }
        else
        {
            call();
        }
    }

    public uint Error => Device.ReadRegister(PvrdmaRegister.Error);

    /// <summary>Gives the shared region, enables the extension, activates: as the stock driver's probe does.</summary>
    public void BringUp()
    {
        WriteRegion(Region);
        Assert.Equal(0u, Error);
        Write(PvrdmaRegister.ExtensionEnable, (uint)Options.Extension);
        Write(PvrdmaRegister.InterruptMask, 0);
        Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Activate);
        Assert.Equal(0u, Error);
        Assert.Equal(Options.Extension, Device.Extension);
    }

    public void WriteRegion(ulong address)
    {
        Write(PvrdmaRegister.DsrLow, (uint)address);
        Write(PvrdmaRegister.DsrHigh, (uint)(address >> 32));
    }

    /// <summary>Executes a command; returns its error. The response must repeat the cookie.</summary>
    public PvrdmaCommandError Command<TRequest, TResponse>(PvrdmaCommand command, TRequest request, out TResponse response)
        where TRequest : unmanaged
        where TResponse : unmanaged
    {
        *(TRequest*)Memory.At(CommandSlot) = request;
        var header = (PvrdmaCommandHeader*)Memory.At(CommandSlot);
        header->Command = (uint)command;
        header->Cookie = ++_cookie;
        Write(PvrdmaRegister.Request, 0);
        response = *(TResponse*)Memory.At(ResponseSlot);
        var answer = (PvrdmaResponseHeader*)Memory.At(ResponseSlot);
        Assert.Equal(_cookie, answer->Cookie);
        Assert.Equal((uint)command | (1u << 31), answer->Acknowledgement);
        return (PvrdmaCommandError)answer->Error;
    }

    public PvrdmaCommandError Command<TRequest>(PvrdmaCommand command, TRequest request)
        where TRequest : unmanaged => Command(command, request, out PvrdmaHandleResponse _);

    public PvrdmaCommandError Destroy(PvrdmaCommand command, uint handle) =>
        Command(command, new PvrdmaHandleCommand { Handle = handle });

    public uint CreateDomain()
    {
        Assert.Equal(PvrdmaCommandError.None, Command(PvrdmaCommand.CreatePd, default(PvrdmaHandleCommand), out PvrdmaHandleResponse response));
        return response.Handle;
    }

    public GuestCompletionQueue CreateCompletionQueue(uint entries = 256)
    {
        var queue = new GuestCompletionQueue(this, entries);
        Assert.Equal(PvrdmaCommandError.None, queue.Create());
        return queue;
    }

    /// <summary>A region of its own pages; <paramref name="start"/> is the address by which it is named.</summary>
    public GuestRegion CreateRegion(uint domain, int bytes, PvrdmaAccess access, ulong start = 0x7000_0000_0000)
    {
        var region = new GuestRegion(this, domain, bytes, start, access);
        Assert.Equal(PvrdmaCommandError.None, region.Create());
        return region;
    }

    public GuestQueuePair CreateQueuePair(
        uint domain, GuestCompletionQueue sends, GuestCompletionQueue receives, Func<PvrdmaCreateQp, PvrdmaCreateQp>? change = null)
    {
        var qp = new GuestQueuePair(this, domain, sends, receives, change);
        Assert.Equal(PvrdmaCommandError.None, qp.Create());
        return qp;
    }

    /// <summary>Reads the asynchronous event ring as the stock driver does, with its masks.</summary>
    public bool TryReadEvent(out PvrdmaEventEntry entry)
    {
        uint slots = (Options.RingPages - 1) * 4096 / PvrdmaEventEntry.Length;
        bool found = TryReadRing(AsyncRing, _asyncPages, slots, PvrdmaEventEntry.Length, ref _eventHead, out byte* bytes);
        entry = found ? *(PvrdmaEventEntry*)bytes : default;
        return found;
    }

    /// <summary>Reads the notification ring as the stock driver does, with its masks.</summary>
    public bool TryReadNotification(out uint queueHandle)
    {
        uint slots = (Options.RingPages - 1) * 4096 / PvrdmaNotificationEntry.Length;
        bool found = TryReadRing(NotificationRing, _notificationPages, slots, PvrdmaNotificationEntry.Length, ref _notificationHead, out byte* bytes);
        queueHandle = found ? ((PvrdmaNotificationEntry*)bytes)->CqHandle : 0;
        return found;
    }

    public List<PvrdmaEventEntry> ReadEvents()
    {
        var events = new List<PvrdmaEventEntry>();
        while (TryReadEvent(out PvrdmaEventEntry entry))
        {
            events.Add(entry);
        }

        return events;
    }

    public void RingSend(GuestQueuePair qp)
    {
        if (UsesBitmap)
        {
            DoorbellBitmap.ForSends(_control).Set(qp.Handle);
        }
        else
        {
            WriteUar(PvrdmaUar.QpSend | qp.Handle);
        }
    }

    public void RingReceive(GuestQueuePair qp)
    {
        if (UsesBitmap)
        {
            DoorbellBitmap.ForReceives(_control).Set(qp.Handle);
        }
        else
        {
            WriteUar(PvrdmaUar.QpReceive | qp.Handle);
        }
    }

    public void Dispose()
    {
        if (_isOwner)
        {
            Device.Dispose();
            Memory.Dispose();
        }
    }

    private void WriteUar(uint value)
    {
        if (Around is null)
        {
            Device.WriteUar(PvrdmaUar.QpOffset, value, NowNs);
        }
        else
        {
            WriteUarWatched(value);
        }
    }

    private void WriteUarWatched(uint value) => Call(() => Device.WriteUar(PvrdmaUar.QpOffset, value, NowNs));

    private VrdmaDevice CreateDevice()
    {
        var options = new DeviceOptions
        {
            Name = "test-" + Options.Address,
            Gid = Gid.From(System.Net.IPAddress.Parse(Options.Address)),
            Limits = Options.Limits,
            UarMode = Options.UarMode,
            ActiveMtuBytes = Options.ActiveMtuBytes,
            GuestSharesProcess = Options.SharesProcess,
        };
        if (Options.Creator is { } creator)
        {
            options = options with { QueuePairFactory = creator };
        }

        return new VrdmaDevice(options, Memory.Ram, Environment);
    }

    private bool TryReadRing(PvrdmaRing* ring, ulong[] pages, uint slots, int entryBytes, ref uint head, out byte* bytes)
    {
        bytes = null;
        if (PvrdmaRing.ReadProducer(ring) == head)
        {
            return false;
        }

        // The masks as the driver writes them, although the number of slots is no power of two.
        long offset = (long)(head & (slots - 1)) * entryBytes;
        bytes = Memory.At(pages[1 + (offset / 4096)]) + (offset % 4096);
        head = (head + 1) & ((slots << 1) - 1);
        PvrdmaRing.PublishConsumer(ring, head);
        return true;
    }
}
