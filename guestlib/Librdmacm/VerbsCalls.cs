using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Exports;

namespace RoceEngine.Librdmacm;

/// <summary>Calls of libibverbs, as a program makes them: they set errno.</summary>
internal static unsafe class VerbsCalls
{
    public static IbvPd* AllocPd(IbvContext* context) => ((delegate* unmanaged<IbvContext*, IbvPd*>)&MemoryExports.AllocPd)(context);

    public static IbvCompChannel* CreateChannel(IbvContext* context) =>
        ((delegate* unmanaged<IbvContext*, IbvCompChannel*>)&CompletionExports.CreateCompChannel)(context);

    public static int DestroyChannel(IbvCompChannel* channel) => ((delegate* unmanaged<IbvCompChannel*, int>)&CompletionExports.DestroyCompChannel)(channel);

    public static IbvCq* CreateQueue(IbvContext* context, int entries, void* owner, IbvCompChannel* channel) =>
        ((delegate* unmanaged<IbvContext*, int, void*, IbvCompChannel*, int, IbvCq*>)&CompletionExports.CreateCq)(context, entries, owner, channel, 0);

    public static int DestroyQueue(IbvCq* queue) => ((delegate* unmanaged<IbvCq*, int>)&CompletionExports.DestroyCq)(queue);

    public static IbvQp* CreateQueuePair(IbvPd* domain, IbvQpInitAttr* attributes) =>
        ((delegate* unmanaged<IbvPd*, IbvQpInitAttr*, IbvQp*>)&QueuePairExports.CreateQp)(domain, attributes);

    public static IbvQp* CreateQueuePair(IbvContext* context, IbvQpInitAttrEx* attributes) =>
        ((delegate* unmanaged<IbvContext*, IbvQpInitAttrEx*, IbvQp*>)&QueuePairExports.CreateQpEx)(context, attributes);

    public static int DestroyQueuePair(IbvQp* queuePair) => ((delegate* unmanaged<IbvQp*, int>)&QueuePairExports.DestroyQp)(queuePair);

    public static IbvSrq* CreateShared(IbvPd* domain, IbvSrqInitAttr* attributes) =>
        ((delegate* unmanaged<IbvPd*, IbvSrqInitAttr*, IbvSrq*>)&SharedReceiveExports.CreateSrq)(domain, attributes);

    public static int DestroyShared(IbvSrq* queue) => ((delegate* unmanaged<IbvSrq*, int>)&SharedReceiveExports.DestroySrq)(queue);

    public static int Attach(IbvQp* queuePair, IbvGid* group) =>
        ((delegate* unmanaged<IbvQp*, IbvGid*, ushort, int>)&QueuePairExports.AttachMcast)(queuePair, group, 0);

    public static int Detach(IbvQp* queuePair, IbvGid* group) =>
        ((delegate* unmanaged<IbvQp*, IbvGid*, ushort, int>)&QueuePairExports.DetachMcast)(queuePair, group, 0);
}
