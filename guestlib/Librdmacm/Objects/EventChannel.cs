using RoceEngine.ConnectionManager.Protocol;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Librdmacm.Abi;

namespace RoceEngine.Librdmacm.Objects;

/// <summary>Something that a program is going to be told.</summary>
/// <param name="Id">Of which identifier; for a request the listener's.</param>
/// <param name="Type">What.</param>
/// <param name="Status">0, a reason, or a negative error number.</param>
/// <param name="Cause">What the connection manager said; null for the library's own events.</param>
/// <param name="Group">The multicast group that it is about.</param>
internal sealed record PendingEvent(CmId Id, RdmaEventType Type, int Status = 0, CmEvent? Cause = null, JoinedGroup? Group = null);

/// <summary>Where a program takes events. <c>rdma_create_event_channel(3)</c>.</summary>
internal sealed unsafe class EventChannel
{
    private readonly EventQueue<PendingEvent> _events = new();

    public EventChannel()
    {
        Pointer = Backed.Allocate<RdmaEventChannel, EventChannel>(this);
        Pointer->Fd = _events.Descriptor;
    }

    public RdmaEventChannel* Pointer { get; }

    public static EventChannel Of(RdmaEventChannel* pointer) => Backed.Object<RdmaEventChannel, EventChannel>(pointer);

    /// <summary>There are events, as far as can be told without a lock.</summary>
    public bool HasEvents => _events.HasEvents;

    /// <summary>One more event. Does not block.</summary>
    public void Add(PendingEvent pending) => _events.Add(pending);

    /// <summary>
    /// Takes the next event that is for the program, having done what the library has to do for it. Returns 0 or the error number. <c>rdma_get_cm_event(3)</c>.
    /// </summary>
    public int Take(out RdmaCmEvent* delivered)
    {
        while (true)
        {
            delivered = null;
            int errno = _events.Take(out PendingEvent pending, static taken => taken.Id.Events.Deliver());
            if (errno != 0)
            {
                return errno;
            }

            try
            {
                delivered = pending.Id.Process(pending);
            }
            catch
            {
                pending.Id.Events.Acknowledge(1);
                throw;
            }

            if (delivered != null)
            {
                return 0;
            }

            pending.Id.Events.Acknowledge(1);
        }
    }

    /// <summary>Takes out what is about an identifier.</summary>
    public void Remove(CmId id, Action<PendingEvent> onRemoved) => _events.Remove(pending => pending.Id == id, onRemoved);

    /// <summary>Closes it. <c>rdma_destroy_event_channel(3)</c>.</summary>
    public void Destroy()
    {
        _events.Dispose();
        Backed.Free<RdmaEventChannel, EventChannel>(Pointer);
    }
}
