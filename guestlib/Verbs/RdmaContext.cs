using System.Net;
using RoceEngine.Channel;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <summary>
/// An open device. <c>ibv_open_device</c>, <c>ibv_close_device</c>. Safe for concurrent use.
/// Every method throws <see cref="DeviceLostException"/> once the device is gone, and <see cref="ObjectDisposedException"/> after Dispose.
/// </summary>
public sealed partial class RdmaContext : IDisposable
{
    private readonly ObjectTable<QueuePair> _queuePairs = new();
    private readonly ObjectTable<CompletionQueue> _completionQueues = new();
    private readonly ObjectTable<SharedReceiveQueue> _sharedReceiveQueues = new();
    private readonly List<CompletionChannel> _channels = [];
    private uint _addressHandleCount;
    private volatile bool _disposed;

    private RdmaContext(DeviceChannel channel)
    {
        Driver = new DeviceDriver(channel);
        try
        {
            Name = channel.Name;
            Address = IPAddress.Parse(channel.Address);
            Pump = new EventPump(this, Driver);
        }
        catch
        {
            Driver.Dispose();
            throw;
        }
    }

    /// <summary>The device's name.</summary>
    public string Name { get; }

    /// <summary>The device's own IP address: GID 0.</summary>
    public IPAddress Address { get; }

    /// <summary>True once the device is gone.</summary>
    public bool IsLost => Driver.IsGone();

    /// <summary>
    /// The device went to another daemon, and every object of this context with it: keys, QP numbers, addresses and memory are as before, nothing has to
    /// be done. Carries the socket of the daemon that has it now, the device's name there (<see cref="Name"/> stays what it was when the context was
    /// opened) and how long the arrival took. An embedded device never moves.
    /// </summary>
    /// <remarks>
    /// Raised once for each move, after the device runs there and before the daemon that it left is told, on the channel's own thread: a handler
    /// must return at once and must not throw, and must not dispose of the context, which waits for that thread. A move that does not come
    /// about raises nothing.
    /// </remarks>
    public event Action<DeviceMoved>? Moved
    {
        add => Driver.Channel.Moved += value;
        remove => Driver.Channel.Moved -= value;
    }

    internal DeviceDriver Driver { get; }

    internal EventPump Pump { get; }

    internal bool IsDisposed => _disposed;

    /// <summary>Attaches to a device of the daemon at <see cref="AttachOptions.SocketPath"/>. <c>ibv_open_device</c>.</summary>
    /// <param name="options">Which daemon, address and how much guest RAM.</param>
    /// <exception cref="VerbsException">The daemon is not there (ENODEV) or refused (EINVAL); the message says why.</exception>
    public static RdmaContext Attach(AttachOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            using DaemonConnection connection = DaemonConnection.Open(options.SocketPath);
            return Open(connection.Attach(new AttachRequest
            {
                Address = options.Address?.ToString(),
                MemoryBytes = options.MemoryBytes,
                Name = options.Name,
            }));
        }
        catch (ChannelRefusedException e)
        {
            throw new VerbsException(Errno.Invalid, e.Message, e);
        }
        catch (ChannelException e)
        {
            throw new VerbsException(Errno.NoDevice, e.Message, e);
        }
    }

    /// <summary>Opens the device behind a channel, for hosts in the same process. The context owns the channel from then on.</summary>
    /// <param name="channel">The guest's end.</param>
    /// <exception cref="VerbsException">The device refused to come up; the channel is closed.</exception>
    public static RdmaContext Open(DeviceChannel channel)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return new RdmaContext(channel);
    }

    /// <summary>Makes a protection domain. <c>ibv_alloc_pd</c>.</summary>
    /// <exception cref="VerbsException">ENOMEM: no more fit.</exception>
    public ProtectionDomain AllocateProtectionDomain()
    {
        ThrowIfClosed();
        return new ProtectionDomain(this);
    }

    /// <summary>Makes a completion channel. <c>ibv_create_comp_channel</c>.</summary>
    public CompletionChannel CreateCompletionChannel()
    {
        ThrowIfClosed();
        return Add(new CompletionChannel(this));
    }

    /// <summary>Makes a completion queue. <c>ibv_create_cq</c>.</summary>
    /// <param name="entries">Completions that it shall hold; rounded up to a power of two.</param>
    /// <param name="channel">Where its notifications go; null when it is polled, or waited on by itself.</param>
    /// <exception cref="VerbsException">EINVAL: more entries than the device allows, or none. ENOMEM: no room.</exception>
    public CompletionQueue CreateCompletionQueue(int entries, CompletionChannel? channel = null)
    {
        ThrowIfClosed();
        return new CompletionQueue(this, entries, channel);
    }

    /// <summary>Allocates guest RAM: page aligned and zeroed. The only memory that can be registered.</summary>
    /// <param name="bytes">Bytes, at least 1; rounded up to pages.</param>
    /// <exception cref="VerbsException">ENOMEM: no contiguous range of that size is free. EINVAL: less than 1 byte.</exception>
    public GuestMemory AllocateMemory(long bytes)
    {
        ThrowIfClosed();
        return bytes < 1 ? throw new VerbsException(Errno.Invalid, $"cannot allocate {bytes} bytes") : new GuestMemory(this, bytes);
    }

    /// <summary>
    /// Memory of the application itself, to be registered as it is: allocated by whom it may be, it needs to stay mapped until its last region is gone.
    /// Where the device is in this process (embedded) nothing is allocated, copied or pinned. Else registering moves the pages into guest RAM, which is
    /// mapped in their place and must be large enough (threads that write there meanwhile wait, where the kernel lets this process have userfaultfd, and must
    /// not elsewhere). It must be private memory of this process then,
    /// and the device can be moved to another daemon only together with its memory.
    /// </summary>
    /// <param name="pointer">First byte.</param>
    /// <param name="bytes">Bytes, at least 1.</param>
    /// <exception cref="VerbsException">EINVAL: no bytes, or a null pointer.</exception>
    public unsafe GuestMemory UseMemory(void* pointer, long bytes)
    {
        ThrowIfClosed();
        return bytes < 1 || pointer == null
            ? throw new VerbsException(Errno.Invalid, $"{bytes} bytes at 0x{(ulong)pointer:x} are no memory")
            : new GuestMemory(this, (byte*)pointer, bytes);
    }

    /// <summary>Takes an asynchronous event if there is one. <c>ibv_get_async_event</c>, <c>ibv_ack_async_event</c>, not blocking.</summary>
    /// <param name="asyncEvent">The event.</param>
    /// <returns>False when there is none.</returns>
    public bool TryGetAsyncEvent(out AsyncEvent asyncEvent)
    {
        ThrowIfClosed();
        Progress();
        return Pump.TryTake(out asyncEvent);
    }

    /// <summary>Takes the next asynchronous event, waiting for it. <c>ibv_get_async_event</c>, <c>ibv_ack_async_event</c>.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="DeviceLostException">The device is gone, and its <see cref="AsyncEventType.DeviceFatal"/> was already taken.</exception>
    public ValueTask<AsyncEvent> WaitAsyncEventAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfClosed();
        return Pump.TakeAsync(cancellationToken);
    }

    /// <summary>
    /// Lets an embedded engine that is driven inline work for one turn on this thread; otherwise does nothing. Polling an empty CQ does
    /// it too: only those who poll memory instead need this.
    /// </summary>
    public void Progress() => Driver.Channel.Drive?.Invoke();

    /// <summary>
    /// Closes the device. <c>ibv_close_device</c>. Unlike there, objects still open are closed with it, and memory of
    /// <see cref="GuestMemory"/> becomes inaccessible.
    /// </summary>
    public void Dispose()
    {
        lock (Driver.CommandLock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
        }

        Pump.Dispose();
        foreach (QueuePair queuePair in _queuePairs.Snapshot())
        {
            queuePair.Close();
        }

        foreach (SharedReceiveQueue queue in _sharedReceiveQueues.Snapshot())
        {
            queue.Close();
        }

        foreach (CompletionQueue queue in _completionQueues.Snapshot())
        {
            queue.Close();
        }

        Driver.Dispose();
    }

    internal void ThrowIfClosed() => ObjectDisposedException.ThrowIf(_disposed, this);

    /// <summary>Destroys an object in the device; one that is lost has none any more. Under the command lock.</summary>
    internal void DestroyInDevice(Abi.PvrdmaCommand command, uint handle, string verb)
    {
        try
        {
            Driver.Execute(command, new Abi.PvrdmaHandleCommand { Handle = handle }, verb);
        }
        catch (DeviceLostException)
        {
            // Nothing is left to destroy: the caller goes on to free what it has.
        }
    }

    internal QueuePair? FindQueuePair(ulong handle) => _queuePairs.Find(handle);

    internal CompletionQueue? FindCompletionQueue(ulong handle) => _completionQueues.Find(handle);

    internal void Add(QueuePair queuePair) => _queuePairs.Set(queuePair.Handle, queuePair);

    internal void Remove(QueuePair queuePair) => _queuePairs.Set(queuePair.Handle, null);

    internal void Add(CompletionQueue queue) => _completionQueues.Set(queue.Handle, queue);

    internal void Remove(CompletionQueue queue) => _completionQueues.Set(queue.Handle, null);

    internal SharedReceiveQueue? FindSharedReceiveQueue(ulong handle) => _sharedReceiveQueues.Find(handle);

    internal void Add(SharedReceiveQueue queue) => _sharedReceiveQueues.Set(queue.Handle, queue);

    internal void Remove(SharedReceiveQueue queue) => _sharedReceiveQueues.Set(queue.Handle, null);

    /// <summary>One more address handle. Under the command lock.</summary>
    /// <exception cref="VerbsException">ENOMEM: as many as the device allows are there.</exception>
    internal void AddAddressHandle()
    {
        if (_addressHandleCount >= Driver.Caps.MaxAh)
        {
            throw new VerbsException(Errno.NoMemory, $"ibv_create_ah: the device allows {Driver.Caps.MaxAh} address handles");
        }

        _addressHandleCount++;
    }

    /// <summary>One less. Under the command lock.</summary>
    internal void RemoveAddressHandle() => _addressHandleCount--;

    internal CompletionChannel Add(CompletionChannel channel)
    {
        lock (_channels)
        {
            _channels.Add(channel);
        }

        return channel;
    }

    internal void Remove(CompletionChannel channel)
    {
        lock (_channels)
        {
            _ = _channels.Remove(channel);
        }
    }

    /// <summary>Ends all waits for notifications.</summary>
    internal void FailWaits(Exception reason)
    {
        lock (_channels)
        {
            foreach (CompletionChannel channel in _channels)
            {
                channel.FailWaits(reason);
            }
        }

        foreach (CompletionQueue queue in _completionQueues.Snapshot())
        {
            queue.FailWaits(reason);
        }
    }
}
