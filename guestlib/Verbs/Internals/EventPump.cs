using RoceEngine.Abi;
using Events = RoceEngine.Interop.Events;
using PollDescriptor = RoceEngine.Interop.PollDescriptor;

namespace RoceEngine.Verbs.Internals;

/// <summary>
/// Carries the device's asynchronous events and CQ notifications from their rings to those who wait. Whoever looks for an event drains the
/// rings himself; for those who sleep there is one thread per context, started when the first one does.
/// </summary>
internal sealed unsafe class EventPump : IDisposable
{
    /// <summary>Events kept for an application that never asks; older ones make room.</summary>
    private const int EventsMax = 4096;

    /// <summary>
    /// The thread looks at the device's state so often even when nothing wakes it: a state that changes without an interrupt ends waits too.
    /// </summary>
    private const long LookNs = 500_000_000;

    private readonly RdmaContext _context;
    private readonly DeviceDriver _driver;
    private readonly Lock _drainLock = new();
    private readonly Queue<AsyncEvent> _events = new();
    private readonly WaitList<AsyncEvent> _eventWaiters = new();
    private readonly PvrdmaRing* _asyncRing;
    private readonly PvrdmaRing* _notificationRing;
    private readonly int _wakeDescriptor;
    private Thread? _thread;
    private Exception? _ended;
    private volatile bool _stopping;

    public EventPump(RdmaContext context, DeviceDriver driver)
    {
        _context = context;
        _driver = driver;
        _asyncRing = &((PvrdmaRingState*)driver.AsyncRing)->Receive;
        _notificationRing = &((PvrdmaRingState*)driver.NotificationRing)->Receive;
        _wakeDescriptor = RoceEngine.Interop.SystemCallException.Check(
            Events.Create(0, Events.EFD_CLOEXEC | Events.EFD_NONBLOCK), "eventfd");
    }

    /// <summary>Why no event will come any more; null while they do.</summary>
    public Exception? Ended => Volatile.Read(ref _ended);

    /// <summary>
    /// Takes asynchronous events instead of the queue here: for an interface with a descriptor of its own. Called under the pump's lock: must not block.
    /// </summary>
    public Action<AsyncEvent>? Listener { get; set; }

    /// <summary>Moves what stands in the rings to its queues. Any thread.</summary>
    public void Drain()
    {
        lock (_drainLock)
        {
            if (_ended is not null)
            {
                return;
            }

            DrainNotifications();
            DrainEvents();
            if (_driver.IsLost)
            {
                EndWith(_driver.LostException());
            }
        }
    }

    /// <summary>Drains the notification ring when it fills up: for those who arm and arm and never ask.</summary>
    public void DrainIfCrowded()
    {
        uint used = RingIndex.Used(PvrdmaRing.ReadProducer(_notificationRing), PvrdmaRing.ReadConsumer(_notificationRing), DeviceDriver.NotificationSlots);
        if (used > DeviceDriver.NotificationSlots / 2)
        {
            Drain();
        }
    }

    /// <summary>Takes an asynchronous event.</summary>
    public bool TryTake(out AsyncEvent asyncEvent)
    {
        Drain();
        lock (_drainLock)
        {
            return _events.TryDequeue(out asyncEvent);
        }
    }

    /// <summary>Takes the next asynchronous event, waiting for it.</summary>
    public ValueTask<AsyncEvent> TakeAsync(CancellationToken cancellationToken)
    {
        Drain();
        lock (_drainLock)
        {
            if (_events.TryDequeue(out AsyncEvent asyncEvent))
            {
                return new ValueTask<AsyncEvent>(asyncEvent);
            }

            if (_ended is not null)
            {
                return ValueTask.FromException<AsyncEvent>(_ended);
            }

            // Events are dispatched under the lock that is held here, so none slips by.
            ValueTask<AsyncEvent> wait = _eventWaiters.Wait(cancellationToken);
            Start();
            return wait;
        }
    }

    /// <summary>Somebody is about to sleep until an event: makes sure that the thread is there.</summary>
    public void Start()
    {
        if (Volatile.Read(ref _thread) is not null)
        {
            return;
        }

        lock (_drainLock)
        {
            if (_thread is null && !_stopping && _ended is null)
            {
                var thread = new Thread(Run) { IsBackground = true, Name = "vrdma-events" };
                thread.Start();
                Volatile.Write(ref _thread, thread);
            }
        }
    }

    /// <summary>Ends the thread and all waits.</summary>
    public void Dispose()
    {
        _stopping = true;
        _ = Events.Signal(_wakeDescriptor);
        Thread? thread;
        lock (_drainLock)
        {
            thread = _thread;
            _ended ??= new ObjectDisposedException(nameof(RdmaContext));
        }

        thread?.Join();
        EndWaits(new ObjectDisposedException(nameof(RdmaContext)));
        _ = Events.Close(_wakeDescriptor);
    }

    private void Run()
    {
        Span<PollDescriptor> descriptors =
        [
            new PollDescriptor { Descriptor = _driver.Channel.InterruptDescriptor((int)PvrdmaInterruptVector.AsyncEvent), Events = PollDescriptor.POLLIN },
            new PollDescriptor { Descriptor = _driver.Channel.InterruptDescriptor((int)PvrdmaInterruptVector.CompletionNotification), Events = PollDescriptor.POLLIN },
            new PollDescriptor { Descriptor = _wakeDescriptor, Events = PollDescriptor.POLLIN },
            new PollDescriptor { Descriptor = _driver.Channel.LostDescriptor, Events = PollDescriptor.POLLIN },
        ];
        while (!_stopping && Ended is null)
        {
            if (Events.Wait(descriptors, LookNs) > 0)
            {
                foreach (ref PollDescriptor descriptor in descriptors[..3])
                {
                    if (descriptor.ReturnedEvents != 0)
                    {
                        _ = Events.Drain(descriptor.Descriptor);
                    }
                }
            }

            Drain();
        }
    }

    private void DrainNotifications()
    {
        uint slots = DeviceDriver.NotificationSlots;
        uint tail = PvrdmaRing.ReadProducer(_notificationRing);
        uint head = _notificationRing->ConsumerHead;
        var entries = (PvrdmaNotificationEntry*)(_driver.NotificationRing + GuestAllocator.PageBytes);
        for (uint used = Math.Min(RingIndex.Used(tail, head, slots), slots); used > 0; used--)
        {
            _context.FindCompletionQueue(entries[RingIndex.Slot(head, slots)].CqHandle)?.OnNotified();
            head = RingIndex.Next(head, slots);
        }

        PvrdmaRing.PublishConsumer(_notificationRing, head);
    }

    private void DrainEvents()
    {
        uint slots = DeviceDriver.AsyncSlots;
        uint tail = PvrdmaRing.ReadProducer(_asyncRing);
        uint head = _asyncRing->ConsumerHead;
        var entries = (PvrdmaEventEntry*)(_driver.AsyncRing + GuestAllocator.PageBytes);
        for (uint used = Math.Min(RingIndex.Used(tail, head, slots), slots); used > 0; used--)
        {
            PvrdmaEventEntry entry = entries[RingIndex.Slot(head, slots)];
            head = RingIndex.Next(head, slots);
            Dispatch((AsyncEventType)entry.Type, entry.Info);
        }

        PvrdmaRing.PublishConsumer(_asyncRing, head);
    }

    private void Dispatch(AsyncEventType type, uint info)
    {
        switch (type)
        {
            case AsyncEventType.DeviceFatal:
                // Told once, together with the loss that it is about.
                EndWith(new DeviceLostException($"device {_context.Name} failed"));
                break;
            case AsyncEventType.CompletionQueueError:
                Queue(new AsyncEvent(type, null, _context.FindCompletionQueue(info), info));
                break;
            case AsyncEventType.QueuePairFatal or AsyncEventType.QueuePairRequestError or AsyncEventType.QueuePairAccessError
                or AsyncEventType.CommunicationEstablished or AsyncEventType.SendQueueDrained or AsyncEventType.PathMigrated
                or AsyncEventType.PathMigrationError or AsyncEventType.LastWorkRequestReached:
                Queue(new AsyncEvent(type, _context.FindQueuePair(info), null, info));
                break;
            case AsyncEventType.SharedReceiveQueueError or AsyncEventType.SharedReceiveQueueLimitReached:
                Queue(new AsyncEvent(type, null, null, info) { SharedReceiveQueue = _context.FindSharedReceiveQueue(info) });
                break;
            default:
                Queue(new AsyncEvent(type, null, null, info));
                break;
        }
    }

    private void Queue(AsyncEvent asyncEvent)
    {
        if (Listener is { } listener)
        {
            listener(asyncEvent);
            return;
        }

        if (_eventWaiters.TryCompleteFirst(asyncEvent))
        {
            return;
        }

        if (_events.Count == EventsMax)
        {
            _ = _events.Dequeue();
        }

        _events.Enqueue(asyncEvent);
    }

    private void EndWith(DeviceLostException reason)
    {
        if (_ended is null)
        {
            Queue(new AsyncEvent(AsyncEventType.DeviceFatal, null, null, 0));
            _ended = reason;
            EndWaits(reason);
        }
    }

    private void EndWaits(Exception reason)
    {
        _eventWaiters.FailAll(reason);
        _context.FailWaits(reason);
    }
}
