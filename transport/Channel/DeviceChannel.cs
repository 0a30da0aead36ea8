using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>What ended a wait for interrupts. More than one may be set.</summary>
[Flags]
public enum InterruptVectors
{
    /// <summary>The time was over, or a signal came.</summary>
    None = 0,

    /// <summary>Vector 0: the response slot was written.</summary>
    Response = 1,

    /// <summary>Vector 1: an async event was queued.</summary>
    AsyncEvent = 2,

    /// <summary>Vector 2: a CQ notification was queued.</summary>
    Completion = 4,

    /// <summary>The device is gone: <see cref="DeviceChannel.IsLost"/>. Every wait ends with it from then on.</summary>
    Lost = 8,

    /// <summary>Somebody called <see cref="DeviceChannel.Interrupt"/>.</summary>
    Interrupted = 16,
}

/// <summary>
/// The guest's end of a device: shared memory, the kick, the interrupts, and the news of the daemon's death. The same class
/// serves an attached guest and an embedded one.
/// </summary>
public sealed unsafe class DeviceChannel : IDisposable
{
    private readonly ChannelMemory _memory;
    private readonly ChannelWatcher? _watcher;
    private readonly CancellationTokenSource _lost = new();
    private readonly int _lostDescriptor;
    private readonly int _interruptDescriptor;
    private readonly Action? _onDispose;
    private volatile bool _isLost;
    private int _disposed;

    private DeviceChannel(ChannelMemory memory, UnixSocket? socket, string name, string address, Action? drive, Action? onDispose)
    {
        _memory = memory;
        _onDispose = onDispose;
        Name = name;
        Address = address;
        Drive = drive;
        GuestRam = memory.GuestRam;
        Control = memory.Control;
        const int flags = Events.EFD_CLOEXEC | Events.EFD_NONBLOCK;
        _lostDescriptor = SystemCallException.Check(Events.Create(0, flags), "eventfd");
        _interruptDescriptor = SystemCallException.Check(Events.Create(0, flags), "eventfd");
        if (socket is not null)
        {
            _watcher = new ChannelWatcher(memory, socket, MarkLost, moved => Moved?.Invoke(moved));
            _watcher.Start();
        }
    }

    /// <summary>The device's name in its daemon.</summary>
    public string Name { get; }

    /// <summary>The device's IP address, in text.</summary>
    public string Address { get; }

    /// <summary>Guest physical address 0.</summary>
    public byte* GuestRam { get; }

    public long GuestRamBytes => _memory.GuestRamBytes;

    /// <summary>First byte of the control region: register page, guest page, device page, doorbell bitmaps.</summary>
    public byte* Control { get; }

    public long ControlBytes => _memory.ControlBytes;

    /// <summary>True once the daemon died, or closed the device. Cheap enough to ask at every post and poll.</summary>
    public bool IsLost => _isLost;

    /// <summary>
    /// The device went to another daemon, and the guest with it: nothing else has changed. On a thread of the channel, which must not be held up.
    /// </summary>
    public event Action<DeviceMoved>? Moved;

    /// <summary>Cancelled when the device is lost.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>
    /// Embedded and driven inline: lets the device work for one turn on the calling thread (a no-op while another thread does).
    /// Pollers call it; null when the device has a thread of its own.
    /// </summary>
    public Action? Drive { get; }

    /// <summary>
    /// Embedded and driven inline: the calling thread is going to wait instead of polling, so somebody else must let the device work, at once. Null as
    /// <see cref="Drive"/>.
    /// </summary>
    public Action? AnnounceWait { get; private init; }

    /// <summary>
    /// Moves memory of this process alone into a part of guest RAM, which is then mapped in its place: addresses and contents stay. All three numbers are
    /// multiples of a page. A device with such memory moves only where its memory goes with it. Threads that write to the memory meanwhile wait,
    /// where the kernel lets this process have userfaultfd; elsewhere they must not.
    /// </summary>
    /// <exception cref="SystemCallException">EBUSY: the device is being moved or saved. Else the kernel refused.</exception>
    public void MoveIntoRam(byte* address, long offset, long bytes, bool isWritable) => _memory.MoveIn(address, offset, bytes, isWritable);

    /// <summary>Polls readable on interrupt vector 0, 1 or 2; an eventfd to be drained.</summary>
    public int InterruptDescriptor(int vector) => _memory.InterruptDescriptor(vector);

    /// <summary>Polls readable for ever once the device is lost; never to be drained.</summary>
    public int LostDescriptor => _lostDescriptor;

    /// <summary>Wakes the device's worker. Needed only while the device page's needWakeup word is not zero.</summary>
    public void Kick() => Events.Signal(_memory.KickDescriptor);

    /// <summary>
    /// Sleeps until an interrupt, the device's loss, <see cref="Interrupt"/> or the timeout; takes all that have come.
    /// For one thread at a time: two would take each other's interrupts.
    /// </summary>
    /// <param name="timeoutNs">Negative waits for ever.</param>
    public InterruptVectors WaitInterrupts(long timeoutNs)
    {
        Span<PollDescriptor> descriptors = stackalloc PollDescriptor[5];
        for (int vector = 0; vector < 3; vector++)
            descriptors[vector].Descriptor = _memory.InterruptDescriptor(vector);
        descriptors[3].Descriptor = _lostDescriptor;
        descriptors[4].Descriptor = _interruptDescriptor;
        foreach (ref PollDescriptor descriptor in descriptors)
            descriptor.Events = PollDescriptor.POLLIN;
        if (Events.Wait(descriptors, timeoutNs) == 0)
            return InterruptVectors.None;
        var vectors = InterruptVectors.None;
        for (int i = 0; i < descriptors.Length; i++)
        {
            if ((descriptors[i].ReturnedEvents & PollDescriptor.POLLIN) == 0)
                continue;
            vectors |= (InterruptVectors)(1 << i);
            if (i != 3)
                Events.Drain(descriptors[i].Descriptor);
        }
        return vectors;
    }

    /// <summary>
    /// Tells the daemon that a restored device is this process's now. Once, and before anything is done with it that another process could not do as well.
    /// </summary>
    public void ConfirmRestored() => _watcher?.ConfirmRestored();

    /// <summary>Makes a <see cref="WaitInterrupts"/> return, now or the next time.</summary>
    public void Interrupt() => Events.Signal(_interruptDescriptor);

    /// <summary>A channel within one process; the memory gets one more holder.</summary>
    /// <param name="drive">See <see cref="Drive"/>.</param>
    /// <param name="onDispose">Called once when the guest closes its end, before the memory is let go.</param>
    /// <param name="announceWait">See <see cref="AnnounceWait"/>.</param>
    public static DeviceChannel Embed(ChannelMemory memory, string name, string address, Action? drive, Action? onDispose, Action? announceWait = null)
    {
        memory.AddReference();
        return new DeviceChannel(memory, null, name, address, drive, onDispose) { AnnounceWait = announceWait };
    }

    internal static DeviceChannel Attach(ChannelMemory memory, UnixSocket socket, string name, string address) =>
        new(memory, socket, name, address, null, null);

    /// <summary>The host is gone or has closed the device: everyone who waits learns of it. Called by the embedded host, and on the socket's end.</summary>
    public void MarkLost()
    {
        if (_isLost)
            return;
        _isLost = true;
        Events.Signal(_lostDescriptor);
        _lost.Cancel();
    }

    /// <summary>
    /// Closes the device: the daemon tears it down. No other call may be under way, and nobody may touch the memory afterwards.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _onDispose?.Invoke();
        _watcher?.Stop();
        MarkLost();
        _memory.Release();
        _ = Events.Close(_lostDescriptor);
        _ = Events.Close(_interruptDescriptor);
        _lost.Dispose();
    }
}
