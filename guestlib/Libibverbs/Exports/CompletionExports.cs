using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs.Exports;

/// <summary>Completion channels and queues.</summary>
internal static unsafe class CompletionExports
{
    /// <summary><c>ibv_create_comp_channel(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_create_comp_channel")]
    public static IbvCompChannel* CreateCompChannel(IbvContext* context) =>
        Edge.Pointer<IbvCompChannel>(() => new OpenCompletionChannel(OpenContext.Of(context)).Pointer);

    /// <summary><c>ibv_destroy_comp_channel(3)</c>; EBUSY while a CQ uses it.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_destroy_comp_channel")]
    public static int DestroyCompChannel(IbvCompChannel* channel) => Edge.Number(() => OpenCompletionChannel.Of(channel).Destroy());

    /// <summary><c>ibv_create_cq(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_create_cq")]
    public static IbvCq* CreateCq(IbvContext* context, int entries, void* cqContext, IbvCompChannel* channel, int vector) =>
        Edge.Pointer<IbvCq>(() => vector < 0 || vector >= context->NumCompVectors
            ? (IbvCq*)Failure.Null(Errno.Invalid)
            : new OpenCompletionQueue(
                OpenContext.Of(context), entries, cqContext, channel == null ? null : OpenCompletionChannel.Of(channel)).Pointer);

    /// <summary><c>ibv_resize_cq(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_resize_cq")]
    public static int ResizeCq(IbvCq* queue, int entries) => Edge.Number(() =>
    {
        CompletionQueue resized = OpenCompletionQueue.Of(queue).Queue;
        resized.Resize(entries);
        queue->Cqe = resized.Capacity;
    });

    /// <summary><c>ibv_destroy_cq(3)</c>: waits until its events are acknowledged; EBUSY while a QP completes here.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_destroy_cq")]
    public static int DestroyCq(IbvCq* queue) => Edge.Number(() => OpenCompletionQueue.Of(queue).Destroy());

    /// <summary><c>ibv_get_cq_event(3)</c>: 0, or -1 with errno; EAGAIN when there is none and the channel's descriptor does not block.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_get_cq_event")]
    public static int GetCqEvent(IbvCompChannel* channel, IbvCq** queue, void** cqContext) => Edge.MinusOne(() =>
    {
        int errno = OpenCompletionChannel.Of(channel).Take(out OpenCompletionQueue fired);
        if (errno != 0)
        {
            return Failure.MinusOne(errno);
        }

        *queue = fired.Pointer;
        *cqContext = fired.Pointer->CqContext;
        return 0;
    });

    /// <summary><c>ibv_ack_cq_events(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_ack_cq_events")]
    public static void AckCqEvents(IbvCq* queue, uint count)
    {
        try
        {
            OpenCompletionQueue.Of(queue).Notifications.Acknowledge(count);
        }
        catch (Exception e)
        {
            _ = Failure.Of(e);
        }
    }
}
