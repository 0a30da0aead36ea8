using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>
/// Asynchronous events and completion notifications on their way to the guest. While a ring is full they wait: notifications as a mark on
/// their CQ, events in a bounded list.
/// </summary>
internal sealed unsafe class EventRings(DeviceCore core)
{
    private const int EventsPerFailure = 2;

    private readonly Queue<PvrdmaEventEntry> _waitingEvents = new();
    private readonly Queue<CompletionQueue> _waitingNotifications = new();
    private DeviceRing? _events;
    private DeviceRing? _notifications;
    private int _eventsBeyondLimit;
    private bool _eventDue;
    private bool _notificationDue;

    /// <summary>True when a ring's index is impossible: the guest destroyed what it cannot be told about.</summary>
    public bool IsBroken => _events is { IsBroken: true } || _notifications is { IsBroken: true };

    /// <summary>True when <see cref="Flush"/> has something to do.</summary>
    public bool HasWork => _eventDue || _notificationDue || _waitingEvents.Count > 0 || _waitingNotifications.Count > 0;

    /// <summary>The rings of the shared region.</summary>
    public void Attach(DeviceRing events, DeviceRing notifications)
    {
        _events = events;
        _notifications = notifications;
    }

    /// <summary>Tells the guest; <paramref name="info"/> is a handle or a port.</summary>
    public void RaiseEvent(PvrdmaEvent kind, uint info)
    {
        var entry = new PvrdmaEventEntry { Type = (uint)kind, Info = info };
        if (_waitingEvents.Count == 0 && TryWrite(entry))
        {
            return;
        }

        if (_waitingEvents.Count >= core.Limits.PendingEvents + _eventsBeyondLimit)
        {
            core.Fault(GuestFault.EventOverrun, info, "asynchronous event dropped: the guest does not read its event ring");
            return;
        }

        _waitingEvents.Enqueue(entry);
    }

    /// <summary>
    /// All queue pairs are about to fail at once, perhaps before anybody reads events: two of each are kept, that it failed and that its last request was taken.
    /// </summary>
    public void ExpectFailures() => _eventsBeyondLimit = EventsPerFailure * core.Objects.QueuePairs.Count;

    /// <summary>Tells the guest that a CQ fired.</summary>
    public void Notify(CompletionQueue queue)
    {
        // One mark per CQ is enough: the guest polls all that is there.
        if (queue.IsNotificationPending)
        {
            return;
        }

        if (_waitingNotifications.Count != 0 || !TryWrite(queue))
        {
            queue.IsNotificationPending = true;
            _waitingNotifications.Enqueue(queue);
        }
    }

    /// <summary>Retries what found no room, and raises the interrupts of this turn.</summary>
    public void Flush()
    {
        while (_waitingEvents.TryPeek(out PvrdmaEventEntry entry) && TryWrite(entry))
        {
            _waitingEvents.Dequeue();
        }

        while (_waitingNotifications.TryPeek(out CompletionQueue? queue) && (queue.IsDestroyed || TryWrite(queue)))
        {
            queue.IsNotificationPending = false;
            _waitingNotifications.Dequeue();
        }

        if (_eventDue)
        {
            _eventDue = false;
            core.Interrupts.Raise(PvrdmaInterruptVector.AsyncEvent);
        }

        if (_notificationDue)
        {
            _notificationDue = false;
            core.Interrupts.Raise(PvrdmaInterruptVector.CompletionNotification);
        }
    }

    public void Clear()
    {
        _waitingEvents.Clear();
        _waitingNotifications.Clear();
        _events = _notifications = null;
        _eventDue = _notificationDue = false;
    }

    /// <summary>Rings and what waits for room in them, as part of a device's state. Completion queues are there already.</summary>
    public void Transfer(StateCursor state)
    {
        _events = DeviceRing.Transfer(state, _events, core.Ram, PvrdmaEventEntry.Length, core.Limits.RingPages);
        _notifications = DeviceRing.Transfer(state, _notifications, core.Ram, PvrdmaNotificationEntry.Length, core.Limits.RingPages);
        PvrdmaEventEntry[] events = [.. _waitingEvents];
        int eventCount = state.Count(events.Length, core.Limits.PendingEvents + (EventsPerFailure * core.Limits.QueuePairs));
        for (int i = 0; i < eventCount; i++)
        {
            PvrdmaEventEntry entry = state.Value(i < events.Length ? events[i] : default);
            if (state.IsLoading)
            {
                _waitingEvents.Enqueue(entry);
            }
        }

        CompletionQueue[] notifications = [.. _waitingNotifications.Where(queue => !queue.IsDestroyed)];
        int notificationCount = state.Count(notifications.Length, core.Limits.CompletionQueues);
        for (int i = 0; i < notificationCount; i++)
        {
            uint handle = state.Value(i < notifications.Length ? notifications[i].Handle : 0);
            if (state.IsLoading && core.Objects.CompletionQueues[handle] is { IsNotificationPending: false } queue)
            {
                queue.IsNotificationPending = true;
                _waitingNotifications.Enqueue(queue);
            }
        }
    }

    /// <summary>The pages of both rings.</summary>
    public IEnumerable<GuestPages> Pages => new[] { _events?.Pages, _notifications?.Pages }.OfType<GuestPages>();

    /// <summary>
    /// The device was moved: what it had signalled may be lost, so the guest is to look at both rings.
    /// </summary>
    public void SignalAgain() => _eventDue = _notificationDue = true;

    private bool TryWrite(in PvrdmaEventEntry entry)
    {
        byte* slot = _events is null ? null : _events.TryClaim();
        if (slot == null)
        {
            return false;
        }

        *(PvrdmaEventEntry*)slot = entry;
        _events!.Publish();
        core.Statistics.AsyncEvents++;
        _eventDue = true;
        return true;
    }

    private bool TryWrite(CompletionQueue queue)
    {
        byte* slot = _notifications is null ? null : _notifications.TryClaim();
        if (slot == null)
        {
            return false;
        }

        *(PvrdmaNotificationEntry*)slot = new PvrdmaNotificationEntry { CqHandle = queue.Handle };
        _notifications!.Publish();
        core.Statistics.Notifications++;
        _notificationDue = true;
        return true;
    }
}
