using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs;

/// <summary>The calls that <c>verbs.h</c> makes through the tables of a context: posting, polling and arming. They allocate nothing.</summary>
internal static unsafe class Datapath
{
    private const int CompletionsAtOnce = 16;

    /// <summary><c>ibv_poll_cq(3)</c>: how many were taken, or a negative number.</summary>
    [UnmanagedCallersOnly]
    [SkipLocalsInit]
    public static int PollCq(IbvCq* queue, int entries, IbvWc* into)
    {
        int total = 0;
        try
        {
            OpenCompletionQueue open = OpenCompletionQueue.Of(queue);
            CompletionQueue from = open.Queue;
            Span<WorkCompletion> taken = stackalloc WorkCompletion[CompletionsAtOnce];
            while (total < entries)
            {
                int most = Math.Min(CompletionsAtOnce, entries - total);
                int count = from.Poll(taken[..most]);
                for (int i = 0; i < count; i++)
                {
                    Requests.Write(in taken[i], open.DatagramLevel, into + total + i);
                }

                total += count;
                if (count < most)
                {
                    break;
                }
            }

            return total;
        }
        catch (Exception e)
        {
            return total != 0 ? total : -Failure.Of(e);
        }
    }

    /// <summary><c>ibv_post_send(3)</c>: 0, or the error number with the request that it is about; those before it are posted.</summary>
    [UnmanagedCallersOnly]
    public static int PostSend(IbvQp* queuePair, IbvSendWr* first, IbvSendWr** bad)
    {
        QueuePair into = OpenQueuePair.Of(queuePair).QueuePair;
        IbvSendWr* request = first;
        bool isBatch = first != null && first->Next != null;
        if (isBatch)
        {
            into.BeginPost();
        }

        try
        {
            for (; request != null; request = request->Next)
            {
                if (!Requests.TryPost(into, request))
                {
                    *bad = request;
                    return Errno.NoMemory;
                }
            }

            return 0;
        }
        catch (Exception e)
        {
            *bad = request;
            return Failure.Of(e);
        }
        finally
        {
            if (isBatch)
            {
                into.EndPost();
            }
        }
    }

    /// <summary><c>ibv_post_recv(3)</c>: as <see cref="PostSend"/>.</summary>
    [UnmanagedCallersOnly]
    public static int PostRecv(IbvQp* queuePair, IbvRecvWr* first, IbvRecvWr** bad)
    {
        QueuePair into = OpenQueuePair.Of(queuePair).QueuePair;
        bool isBatch = first != null && first->Next != null;
        if (isBatch)
        {
            into.BeginPost();
        }

        int errno = PostReceives(new Receiver(into), first, bad);
        if (isBatch)
        {
            into.EndPost();
        }

        return errno;
    }

    /// <summary><c>ibv_post_srq_recv(3)</c>: as <see cref="PostSend"/>.</summary>
    [UnmanagedCallersOnly]
    public static int PostSrqRecv(IbvSrq* queue, IbvRecvWr* first, IbvRecvWr** bad) =>
        PostReceives(new SharedReceiver(OpenSharedReceiveQueue.Of(queue).Queue), first, bad);

    /// <summary>Compiled for each receiver, a structure, so that no call is indirect.</summary>
    private static int PostReceives<TReceiver>(TReceiver into, IbvRecvWr* request, IbvRecvWr** bad)
        where TReceiver : struct, IReceiver
    {
        try
        {
            for (; request != null; request = request->Next)
            {
                if (!into.TryPost(request->WrId, Requests.EntriesOf(request->SgList, request->NumSge)))
                {
                    *bad = request;
                    return Errno.NoMemory;
                }
            }

            return 0;
        }
        catch (Exception e)
        {
            *bad = request;
            return Failure.Of(e);
        }
    }

    /// <summary><c>ibv_req_notify_cq(3)</c>.</summary>
    [UnmanagedCallersOnly]
    public static int ReqNotifyCq(IbvCq* queue, int solicitedOnly)
    {
        try
        {
            OpenCompletionQueue.Of(queue).Queue.RequestNotification(solicitedOnly != 0);
            return 0;
        }
        catch (Exception e)
        {
            return Failure.Of(e);
        }
    }

    private interface IReceiver
    {
        bool TryPost(ulong workRequestId, ReadOnlySpan<ScatterGatherEntry> entries);
    }

    private readonly struct Receiver(QueuePair queuePair) : IReceiver
    {
        public bool TryPost(ulong workRequestId, ReadOnlySpan<ScatterGatherEntry> entries) => queuePair.TryPostReceive(workRequestId, entries);
    }

    private readonly struct SharedReceiver(SharedReceiveQueue queue) : IReceiver
    {
        public bool TryPost(ulong workRequestId, ReadOnlySpan<ScatterGatherEntry> entries) => queue.TryPostReceive(workRequestId, entries);
    }
}
