using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace RoceEngine.Libibverbs.Objects;

/// <summary>
/// Events in order behind a descriptor that a program may poll, read through the interface, and set to non-blocking: an eventfd that counts them.
/// </summary>
internal sealed unsafe class EventQueue<T> : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<T> _events = new();

    /// <exception cref="SystemCallException">No descriptors left.</exception>
    public EventQueue() =>
        Descriptor = SystemCallException.Check(Events.Create(0, Events.EFD_CLOEXEC | Events.EFD_SEMAPHORE), "eventfd");

    /// <summary>Polls readable while there are events.</summary>
    public int Descriptor { get; }

    /// <summary>There are events, as far as can be told without a lock.</summary>
    public bool HasEvents => _events.Count != 0;

    /// <summary>One more event. Does not block.</summary>
    public void Add(T item)
    {
        lock (_lock)
        {
            _events.Enqueue(item);
        }

        _ = Events.Signal(Descriptor);
    }

    /// <summary>Takes the oldest event; waits for one unless the program set the descriptor to non-blocking. Returns 0 or the error number.</summary>
    public int Take(out T item, Action<T> onTaken)
    {
        while (true)
        {
            ulong one;
            if (Events.Read(Descriptor, &one, sizeof(ulong)) != sizeof(ulong))
            {
                item = default!;
                return Marshal.GetLastPInvokeError();
            }

            lock (_lock)
            {
                // None is left when the object that the event was about went meanwhile.
                if (_events.TryDequeue(out item!))
                {
                    onTaken(item);
                    return 0;
                }
            }
        }
    }

    /// <summary>Takes out the events about an object that goes.</summary>
    /// <param name="isAbout">Whether an event is one of them.</param>
    /// <param name="onRemoved">Told of each; null when nobody cares.</param>
    public void Remove(Predicate<T> isAbout, Action<T>? onRemoved = null)
    {
        lock (_lock)
        {
            for (int left = _events.Count; left > 0; left--)
            {
                T item = _events.Dequeue();
                if (isAbout(item))
                {
                    TakeCount();
                    onRemoved?.Invoke(item);
                }
                else
                {
                    _events.Enqueue(item);
                }
            }
        }
    }

    public void Dispose() => _ = Events.Close(Descriptor);

    // Not when another thread has taken the count already: it finds the queue empty then and waits on.
    private void TakeCount()
    {
        Span<PollDescriptor> descriptors = [new PollDescriptor { Descriptor = Descriptor, Events = PollDescriptor.POLLIN }];
        if (Events.Wait(descriptors, 0) > 0)
        {
            _ = Events.Drain(Descriptor);
        }
    }
}
