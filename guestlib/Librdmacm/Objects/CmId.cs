using System.Net;
using System.Runtime.InteropServices;
using RoceEngine.ConnectionManager.Protocol;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Objects;

/// <summary>How far an identifier has come.</summary>
internal enum CmIdState
{
    Idle,
    Bound,
    AddressResolved,
    RouteResolved,
    Listening,

    /// <summary>A peer asks; the application has to answer.</summary>
    Requested,

    /// <summary>A connection is under way, there, or was there.</summary>
    Connecting,
}

/// <summary>A communication identifier. <c>rdma_create_id(3)</c>. As a socket, it is used by one thread at a time.</summary>
internal sealed unsafe partial class CmId
{
    private const int QueuePairRc = 2;
    private const int QueuePairUd = 4;

    private static readonly HashSet<CmId> s_all = [];

    private EventChannel _channel;
    private CmDevice? _device;

    public CmId(EventChannel? channel, void* context, PortSpace space, int queuePairType = 0)
    {
        if (space is not (PortSpace.Tcp or PortSpace.Udp or PortSpace.IpOverIb or PortSpace.Ib))
        {
            throw new VerbsException(Errno.Invalid, $"rdma_create_id: port space 0x{(int)space:x}");
        }

        IsSynchronous = channel is null;
        _channel = channel ?? new EventChannel();
        Space = space;
        Pointer = Backed.Allocate<RdmaCmId, CmId>(this);
        Pointer->Channel = _channel.Pointer;
        Pointer->Context = context;
        Pointer->Ps = (int)space;
        Pointer->QpType = queuePairType != 0 ? queuePairType : space is PortSpace.Udp or PortSpace.IpOverIb ? QueuePairUd : QueuePairRc;
        lock (s_all)
        {
            _ = s_all.Add(this);
        }
    }

    public RdmaCmId* Pointer { get; }

    public PortSpace Space { get; }

    public CmIdState State { get; private set; }

    /// <summary>Calls wait for their event: the identifier has a channel of its own.</summary>
    public bool IsSynchronous { get; private set; }

    /// <summary>Events in the program's hands.</summary>
    public EventAccount Events { get; } = new();

    public EventChannel Channel => _channel;

    /// <summary>Datagrams, not a connection.</summary>
    public bool IsDatagram => Pointer->QpType == QueuePairUd;

    public static CmId Of(RdmaCmId* pointer) => pointer == null
        ? throw new VerbsException(Errno.Invalid, "no identifier")
        : Backed.Object<RdmaCmId, CmId>(pointer);

    /// <summary>The device went away: every identifier's channel is told. <c>RDMA_CM_EVENT_DEVICE_REMOVAL</c>.</summary>
    public static void OnDeviceLost()
    {
        lock (s_all)
        {
            foreach (CmId id in s_all.Where(id => id._device is not null))
            {
                id._channel.Add(new PendingEvent(id, RdmaEventType.DeviceRemoval));
            }
        }
    }

    /// <summary>Goes over to another channel with the events that were not taken. <c>rdma_migrate_id(3)</c>; null makes it synchronous.</summary>
    public void Migrate(EventChannel? channel)
    {
        EventChannel old = _channel;
        bool wasOwn = IsSynchronous;
        IsSynchronous = channel is null;
        EventChannel target = channel ?? new EventChannel();
        if (wasOwn && Pointer->Event != null)
        {
            DeliveredEvent.Acknowledge(Pointer->Event);
            Pointer->Event = null;
        }

        _channel = target;
        Pointer->Channel = target.Pointer;
        old.Remove(this, target.Add);
        Events.AwaitAcknowledgements();
        if (wasOwn)
        {
            old.Destroy();
        }
    }

    /// <summary>Ends it: waits until its events are acknowledged. <c>rdma_destroy_id(3)</c>.</summary>
    public void Destroy()
    {
        lock (s_all)
        {
            _ = s_all.Remove(this);
        }

        if (IsSynchronous && Pointer->Event != null)
        {
            DeliveredEvent.Acknowledge(Pointer->Event);
            Pointer->Event = null;
        }

        EndConnecting();
        LeaveAll();
        List<PendingEvent> dropped = [];
        _channel.Remove(this, dropped.Add);
        dropped.ForEach(DropRequest);
        Events.AwaitAcknowledgements();
        ReleasePort();
        if (IsSynchronous)
        {
            _channel.Destroy();
        }

        NativeMemory.Free(Pointer->Route.PathRec);
        Backed.Free<RdmaCmId, CmId>(Pointer);
    }

    /// <summary>
    /// A step is done, or will be: where the identifier is synchronous, waits for its event. Returns 0, or -1 with errno.
    /// </summary>
    public int Complete()
    {
        if (!IsSynchronous)
        {
            return 0;
        }

        if (Pointer->Event != null)
        {
            DeliveredEvent.Acknowledge(Pointer->Event);
            Pointer->Event = null;
        }

        int errno = _channel.Take(out RdmaCmEvent* taken);
        if (errno != 0)
        {
            return Libibverbs.Failure.MinusOne(errno);
        }

        Pointer->Event = taken;
        return taken->Status == 0 ? 0
            : taken->Event == (int)RdmaEventType.Rejected ? Libibverbs.Failure.MinusOne(Interop.Errno.ECONNREFUSED)
            : Libibverbs.Failure.MinusOne(Math.Abs(taken->Status));
    }

    private void Tell(RdmaEventType type, int status = 0, JoinedGroup? group = null) => _channel.Add(new PendingEvent(this, type, status, null, group));

    private CmDevice Device => _device ?? throw new VerbsException(Errno.Invalid, "the identifier is not bound to a device");

    private static VerbsException Wrong(string call, CmIdState state) => new(Errno.Invalid, $"{call}: the identifier is {state}");
}
