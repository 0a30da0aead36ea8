using System.Runtime.InteropServices;
using RoceEngine.Libibverbs;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Librdmacm.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Exports;

/// <summary>Connections and their events. 0, or -1 with errno.</summary>
internal static unsafe class ConnectionExports
{
    /// <summary><c>rdma_listen(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_listen")]
    public static int Listen(RdmaCmId* id, int backlog) => Edge.MinusOne(() => CmId.Of(id).Listen());

    /// <summary><c>rdma_connect(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_connect")]
    public static int Connect(RdmaCmId* id, RdmaConnParam* parameters) => CmSteps.RunAndWait(id, () => CmId.Of(id).Connect(parameters));

    /// <summary><c>rdma_accept(3)</c>: for a connection, a synchronous identifier waits until it is established.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_accept")]
    public static int Accept(RdmaCmId* id, RdmaConnParam* parameters)
    {
        int result = Edge.MinusOne(() => CmId.Of(id).Accept(parameters));
        return result != 0 || CmId.Of(id).IsDatagram ? result : CmSteps.RunAndWait(id, static () => { });
    }

    /// <summary><c>rdma_reject(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_reject")]
    public static int Reject(RdmaCmId* id, void* data, byte bytes) => Edge.MinusOne(() => CmId.Of(id).Reject(new ReadOnlySpan<byte>(data, data == null ? 0 : bytes)));

    /// <summary><c>rdma_reject_ece(3)</c>: no options are negotiated.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_reject_ece")]
    public static int RejectEce(RdmaCmId* id, void* data, byte bytes) => Failure.MinusOne(Errno.NotSupported);

    /// <summary><c>rdma_disconnect(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_disconnect")]
    public static int Disconnect(RdmaCmId* id) => CmSteps.RunAndWait(id, () => CmId.Of(id).Disconnect());

    /// <summary><c>rdma_establish(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_establish")]
    public static int Establish(RdmaCmId* id) => Edge.MinusOne(() => CmId.Of(id).Establish());

    /// <summary><c>rdma_notify(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_notify")]
    public static int Notify(RdmaCmId* id, int eventType) => Edge.MinusOne(() => CmId.Of(id).Notify(eventType));

    /// <summary><c>rdma_get_cm_event(3)</c>: EAGAIN when there is none and the channel's descriptor does not block.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_get_cm_event")]
    public static int GetCmEvent(RdmaEventChannel* channel, RdmaCmEvent** into) => Edge.MinusOne(() =>
    {
        if (channel == null || into == null)
        {
            return Failure.MinusOne(Errno.Invalid);
        }

        int errno = EventChannel.Of(channel).Take(out *into);
        return errno == 0 ? 0 : Failure.MinusOne(errno);
    });

    /// <summary><c>rdma_ack_cm_event(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_ack_cm_event")]
    public static int AckCmEvent(RdmaCmEvent* happened) =>
        happened == null ? Failure.MinusOne(Errno.Invalid) : Edge.MinusOne(() => DeliveredEvent.Acknowledge(happened));

    /// <summary><c>rdma_event_str(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_event_str")]
    public static byte* EventStr(int type) => NativeText.Of((RdmaEventType)type switch
    {
        RdmaEventType.AddressResolved => "RDMA_CM_EVENT_ADDR_RESOLVED\0"u8,
        RdmaEventType.AddressError => "RDMA_CM_EVENT_ADDR_ERROR\0"u8,
        RdmaEventType.RouteResolved => "RDMA_CM_EVENT_ROUTE_RESOLVED\0"u8,
        RdmaEventType.RouteError => "RDMA_CM_EVENT_ROUTE_ERROR\0"u8,
        RdmaEventType.ConnectRequest => "RDMA_CM_EVENT_CONNECT_REQUEST\0"u8,
        RdmaEventType.ConnectResponse => "RDMA_CM_EVENT_CONNECT_RESPONSE\0"u8,
        RdmaEventType.ConnectError => "RDMA_CM_EVENT_CONNECT_ERROR\0"u8,
        RdmaEventType.Unreachable => "RDMA_CM_EVENT_UNREACHABLE\0"u8,
        RdmaEventType.Rejected => "RDMA_CM_EVENT_REJECTED\0"u8,
        RdmaEventType.Established => "RDMA_CM_EVENT_ESTABLISHED\0"u8,
        RdmaEventType.Disconnected => "RDMA_CM_EVENT_DISCONNECTED\0"u8,
        RdmaEventType.DeviceRemoval => "RDMA_CM_EVENT_DEVICE_REMOVAL\0"u8,
        RdmaEventType.MulticastJoin => "RDMA_CM_EVENT_MULTICAST_JOIN\0"u8,
        RdmaEventType.MulticastError => "RDMA_CM_EVENT_MULTICAST_ERROR\0"u8,
        RdmaEventType.AddressChange => "RDMA_CM_EVENT_ADDR_CHANGE\0"u8,
        RdmaEventType.TimeWaitExit => "RDMA_CM_EVENT_TIMEWAIT_EXIT\0"u8,
        _ => "UNKNOWN EVENT\0"u8,
    });

    /// <summary><c>rdma_set_local_ece(3)</c>: EOPNOTSUPP, since the device has no options to negotiate. EINVAL: too late, or no options.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_set_local_ece")]
    public static int SetLocalEce(RdmaCmId* id, void* options) => NoOptions(id, options);

    /// <summary><c>rdma_get_remote_ece(3)</c>: EOPNOTSUPP, since the device has no options to negotiate. EINVAL: too late, or no room.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_get_remote_ece")]
    public static int GetRemoteEce(RdmaCmId* id, void* options) => NoOptions(id, options);

    private static int NoOptions(RdmaCmId* id, void* options) =>
        Failure.MinusOne(id == null || options == null || id->Qp != null ? Errno.Invalid : Errno.NotSupported);
}
