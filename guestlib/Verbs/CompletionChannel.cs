using System.Diagnostics.CodeAnalysis;
using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <summary>
/// Where notifications of CQs are waited for. <c>ibv_create_comp_channel</c>. Safe for concurrent use. A CQ whose notification was not taken
/// yet has one notification here, however often it fired since.
/// </summary>
public sealed class CompletionChannel : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<CompletionQueue> _fired = new();
    private readonly WaitList<CompletionQueue> _waiters = new();
    private readonly RdmaContext _context;
    private Action<CompletionQueue>? _listener;
    private int _queueCount;
    private bool _disposed;

    internal CompletionChannel(RdmaContext context)
    {
        _context = context;
        Entry = context.Driver.Ledger.Reserve();
        context.Driver.Ledger.Write(Entry, GuestLedgerKind.Channel, handle: 0);
    }

    /// <summary>One that another process made.</summary>
    internal CompletionChannel(RdmaContext context, LedgerEntry entry)
    {
        _context = context;
        Entry = entry;
    }

    /// <summary>Where the channel is noted.</summary>
    internal LedgerEntry Entry { get; }

    /// <summary>
    /// A number of the application's own; 0 at first. It is kept with the device: a process that takes it over (<see cref="RdmaContext.AttachRestored"/>)
    /// knows the channel by it.
    /// </summary>
    public ulong Tag
    {
        get => Entry.Tag;
        set => _context.Driver.Ledger.SetTag(Entry, value);
    }

    internal RdmaContext Context => _context;

    /// <summary>
    /// Takes notifications instead of the queue here, one each: for an interface with descriptors of its own. Called by the event pump, under its lock:
    /// must not block. Set once, before any CQ uses the channel.
    /// </summary>
    internal Action<CompletionQueue>? Listener
    {
        get => _listener;
        set
        {
            _listener = value;
            _context.Pump.Start();
        }
    }

    /// <summary>
    /// Takes the next notification, waiting for it: <c>ibv_get_cq_event</c> (and <c>ibv_ack_cq_events</c>, which needs no call here).
    /// The CQ is then no longer armed.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public ValueTask<CompletionQueue> GetEventAsync(CancellationToken cancellationToken = default)
    {
        if (TryGetEvent(out CompletionQueue? queue))
        {
            return new ValueTask<CompletionQueue>(queue);
        }

        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<CompletionQueue>(cancellationToken);
        }

        ValueTask<CompletionQueue> wait;
        lock (_lock)
        {
            // Notifications come under this lock: one is here, or will find this wait.
            if (TryTake(out queue))
            {
                return new ValueTask<CompletionQueue>(queue);
            }

            wait = _waiters.Wait(cancellationToken);
        }

        _context.Pump.Start();
        if (_context.Pump.Ended is { } reason)
        {
            _waiters.FailAll(reason);
        }

        return wait;
    }

    /// <summary>Takes a notification if there is one. <c>ibv_get_cq_event</c> on a non-blocking channel.</summary>
    /// <param name="completionQueue">The CQ that fired.</param>
    /// <returns>False when there is none.</returns>
    /// <exception cref="DeviceLostException">The device is gone, and no notification of before is left.</exception>
    public bool TryGetEvent([NotNullWhen(true)] out CompletionQueue? completionQueue)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _context.ThrowIfClosed();
        if (TryTake(out completionQueue))
        {
            return true;
        }

        _context.Progress();
        _context.Pump.Drain();
        if (TryTake(out completionQueue))
        {
            return true;
        }

        return _context.Pump.Ended is { } reason ? throw reason : false;
    }

    /// <summary>Closes the channel. <c>ibv_destroy_comp_channel</c>.</summary>
    /// <exception cref="VerbsException">EBUSY: a CQ still uses it.</exception>
    public void Dispose()
    {
        lock (_context.Driver.CommandLock)
        {
            if (_disposed)
            {
                return;
            }

            if (_queueCount != 0 && !_context.IsDisposed)
            {
                throw new VerbsException(Errno.Busy, $"ibv_destroy_comp_channel: {_queueCount} completion queues still use the channel");
            }

            _disposed = true;
            _context.Driver.Ledger.Remove(Entry);
            _context.Remove(this);
        }

        _waiters.FailAll(new ObjectDisposedException(nameof(CompletionChannel)));
    }

    /// <summary>A CQ uses this channel. Under the command lock.</summary>
    internal void AddQueue()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _queueCount++;
    }

    /// <summary>A CQ is gone, and with it its notifications. Under the command lock.</summary>
    internal void RemoveQueue(CompletionQueue queue)
    {
        _queueCount--;
        lock (_lock)
        {
            for (int count = _fired.Count; count > 0; count--)
            {
                if (_fired.Dequeue() is { } fired && fired != queue)
                {
                    _fired.Enqueue(fired);
                }
            }
        }
    }

    internal void Notify(CompletionQueue queue)
    {
        if (_listener is { } listener)
        {
            listener(queue);
            return;
        }

        lock (_lock)
        {
            if (!_waiters.TryCompleteFirst(queue) && !queue.HasUntakenNotification)
            {
                queue.HasUntakenNotification = true;
                _fired.Enqueue(queue);
            }
        }
    }

    internal void FailWaits(Exception reason) => _waiters.FailAll(reason);

    private bool TryTake([NotNullWhen(true)] out CompletionQueue? queue)
    {
        lock (_lock)
        {
            if (!_fired.TryDequeue(out queue))
            {
                return false;
            }

            queue.HasUntakenNotification = false;
            return true;
        }
    }
}
