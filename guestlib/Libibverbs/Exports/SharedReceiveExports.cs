using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs.Exports;

/// <summary>Shared receive queues.</summary>
internal static unsafe class SharedReceiveExports
{
    private const int MaxWrMask = 1;
    private const int LimitMask = 2;

    /// <summary><c>ibv_create_srq(3)</c>: tells back what it got.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_create_srq")]
    public static IbvSrq* CreateSrq(IbvPd* domain, IbvSrqInitAttr* attributes) =>
        Create(domain, attributes->SrqContext, &attributes->Attr);

    /// <summary><c>ibv_create_srq_ex(3)</c>: basic ones only; XRC and tag matching are EOPNOTSUPP.</summary>
    [UnmanagedCallersOnly]
    public static IbvSrq* CreateSrqEx(IbvContext* context, IbvSrqInitAttrEx* attributes) => (IbvSrq*)Failure.Null(Errno.NotSupported);

    /// <summary><c>ibv_modify_srq(3)</c>: arms the limit. The size stays.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_modify_srq")]
    public static int ModifySrq(IbvSrq* queue, IbvSrqAttr* attributes, int mask) => Edge.Number(() =>
    {
        if ((mask & ~(MaxWrMask | LimitMask)) != 0)
        {
            return Errno.Invalid;
        }

        if ((mask & MaxWrMask) != 0)
        {
            return Errno.NotSupported;
        }

        if ((mask & LimitMask) != 0)
        {
            OpenSharedReceiveQueue.Of(queue).Queue.SetLimit((int)Math.Min(attributes->SrqLimit, int.MaxValue));
        }

        return 0;
    });

    /// <summary><c>ibv_query_srq(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_query_srq")]
    public static int QuerySrq(IbvSrq* queue, IbvSrqAttr* into) => Edge.Number(() =>
    {
        SharedReceiveQueueAttributes attributes = OpenSharedReceiveQueue.Of(queue).Queue.Query();
        *into = new IbvSrqAttr { MaxWr = (uint)attributes.Depth, MaxSge = (uint)attributes.Sges, SrqLimit = (uint)attributes.Limit };
    });

    /// <summary><c>ibv_destroy_srq(3)</c>; EBUSY while a QP takes from it.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_destroy_srq")]
    public static int DestroySrq(IbvSrq* queue) => Edge.Number(() => OpenSharedReceiveQueue.Of(queue).Destroy());

    private static IbvSrq* Create(IbvPd* domain, void* srqContext, IbvSrqAttr* attributes) => Edge.Pointer<IbvSrq>(() =>
    {
        var queue = new OpenSharedReceiveQueue(
            domain,
            srqContext,
            new SharedReceiveQueueOptions
            {
                Depth = (int)Math.Min(attributes->MaxWr, int.MaxValue), Sges = (int)Math.Min(attributes->MaxSge, int.MaxValue),
            });
        attributes->MaxWr = (uint)queue.Queue.Depth;
        attributes->MaxSge = (uint)queue.Queue.Sges;
        return queue.Pointer;
    });
}
