using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs.Exports;

/// <summary>Queue pairs and multicast groups.</summary>
internal static unsafe class QueuePairExports
{
    private const uint HasDomain = 1;
    private const uint HasCreateFlags = 4;
    private const uint HasSendOperations = 64;
    private const int StateMask = (int)QueuePairAttributeMask.State;

    // IBV_QP_EX_WITH_…: all of RDMA, but no TSO; FLUSH is of a later interface.
    private const ulong BuilderOperations = 0x3FF | (1ul << 12);

    /// <summary><c>ibv_create_qp(3)</c>: tells back the sizes that it got.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_create_qp")]
    public static IbvQp* CreateQp(IbvPd* domain, IbvQpInitAttr* attributes) => Create(domain, attributes);

    /// <summary><c>ibv_create_qp_ex(3)</c>: with the builder calls of <c>ibv_wr_post(3)</c>; what belongs to raw packets, XRC or RSS is EOPNOTSUPP.</summary>
    [UnmanagedCallersOnly]
    public static IbvQp* CreateQpEx(IbvContext* context, IbvQpInitAttrEx* attributes)
    {
        uint mask = attributes->CompMask;
        if ((mask & ~(HasDomain | HasCreateFlags | HasSendOperations)) != 0
            || ((mask & HasCreateFlags) != 0 && attributes->CreateFlags != 0)
            || ((mask & HasSendOperations) != 0 && (attributes->SendOpsFlags & ~BuilderOperations) != 0))
        {
            return (IbvQp*)Failure.Null(Errno.NotSupported);
        }

        return (mask & HasDomain) == 0 ? (IbvQp*)Failure.Null(Errno.Invalid) : Create(attributes->Pd, &attributes->Base);
    }

    /// <summary><c>ibv_qp_to_qp_ex(3)</c>: every QP has the builder calls.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_qp_to_qp_ex")]
    public static IbvQpEx* QpToQpEx(IbvQp* queuePair) => (IbvQpEx*)queuePair;

    /// <summary><c>ibv_modify_qp(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_modify_qp")]
    public static int ModifyQp(IbvQp* queuePair, IbvQpAttr* attributes, int mask) => Edge.Number(() =>
    {
        QueuePairAttributes wanted = QueuePairAttributeConversion.Read(in *attributes, (QueuePairAttributeMask)mask);
        OpenQueuePair.Of(queuePair).QueuePair.Modify(in wanted, (QueuePairAttributeMask)mask);
        if ((mask & StateMask) != 0)
        {
            queuePair->State = attributes->QpState;
        }
    });

    /// <summary><c>ibv_query_qp(3)</c>: all attributes, whatever the mask.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_query_qp")]
    public static int QueryQp(IbvQp* queuePair, IbvQpAttr* into, int mask, IbvQpInitAttr* initial) => Edge.Number(() =>
    {
        QueuePair queried = OpenQueuePair.Of(queuePair).QueuePair;
        QueuePairAttributes attributes = queried.Query();
        IbvQpCap capacities = CapacitiesOf(queried);
        *into = QueuePairAttributeConversion.Write(in attributes);
        into->Cap = capacities;
        queuePair->State = into->QpState;
        *initial = new IbvQpInitAttr
        {
            QpContext = queuePair->QpContext,
            SendCq = queuePair->SendCq,
            RecvCq = queuePair->RecvCq,
            Srq = queuePair->Srq,
            Cap = capacities,
            QpType = queuePair->QpType,
            SqSigAll = queried.SignalAll ? 1 : 0,
        };
    });

    /// <summary><c>ibv_destroy_qp(3)</c>: waits until its events are acknowledged; EBUSY in a multicast group.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_destroy_qp")]
    public static int DestroyQp(IbvQp* queuePair) => Edge.Number(() => OpenQueuePair.Of(queuePair).Destroy());

    /// <summary><c>ibv_attach_mcast(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_attach_mcast")]
    public static int AttachMcast(IbvQp* queuePair, IbvGid* group, ushort lid) =>
        Edge.Number(() => OpenQueuePair.Of(queuePair).QueuePair.AttachMulticast(GroupOf(group)));

    /// <summary><c>ibv_detach_mcast(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_detach_mcast")]
    public static int DetachMcast(IbvQp* queuePair, IbvGid* group, ushort lid) =>
        Edge.Number(() => OpenQueuePair.Of(queuePair).QueuePair.DetachMulticast(GroupOf(group)));

    /// <summary><c>ibv_query_ece(3)</c>: the device has no options to negotiate.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_query_ece")]
    public static int QueryEce(IbvQp* queuePair, void* ece) => Errno.NotSupported;

    /// <summary><c>ibv_set_ece(3)</c>: the device has no options to negotiate.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_set_ece")]
    public static int SetEce(IbvQp* queuePair, void* ece) => Errno.NotSupported;

    /// <summary><c>ibv_query_qp_data_in_order(3)</c>: 0, nothing is promised.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_query_qp_data_in_order")]
    public static int QueryQpDataInOrder(IbvQp* queuePair, int operation, uint flags) => 0;

    private static IbvQp* Create(IbvPd* domain, IbvQpInitAttr* attributes) => Edge.Pointer<IbvQp>(() =>
    {
        var created = new OpenQueuePair(domain, attributes);
        attributes->Cap = CapacitiesOf(created.QueuePair);
        return created.Pointer;
    });

    private static IbvQpCap CapacitiesOf(QueuePair queuePair) => new()
    {
        MaxSendWr = (uint)queuePair.SendDepth,
        MaxRecvWr = (uint)queuePair.ReceiveDepth,
        MaxSendSge = (uint)queuePair.SendSges,
        MaxRecvSge = (uint)queuePair.ReceiveSges,
        MaxInlineData = (uint)queuePair.InlineBytes,
    };

    private static System.Net.IPAddress GroupOf(IbvGid* group) =>
        Addresses.FromGid(in *group) ?? throw new VerbsException(Errno.Invalid, "the group's GID is empty");
}
