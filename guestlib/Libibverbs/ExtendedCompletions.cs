using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs;

/// <summary>Completion queues that are polled one completion at a time, field by field. <c>ibv_create_cq_ex(3)</c>.</summary>
internal static unsafe class ExtendedCompletions
{
    // IBV_WC_EX_WITH_BYTE_LEN, IMM, QP_NUM, SRC_QP, SLID, SL and DLID_PATH_BITS. There are no timestamps, VLANs, flow tags and tag matching.
    private const ulong KnownFields = 0x7F;

    // IBV_CQ_INIT_ATTR_MASK_FLAGS; IBV_CREATE_CQ_ATTR_SINGLE_THREADED is a hint.
    private const uint KnownMask = 1;
    private const uint KnownFlags = 1;

    /// <summary>ENOENT: a poll found nothing.</summary>
    private const int Empty = 2;

    [UnmanagedCallersOnly]
    public static IbvCqEx* CreateCqEx(IbvContext* context, IbvCqInitAttrEx* attributes)
    {
        try
        {
            bool hasFlags = (attributes->CompMask & KnownMask) != 0;
            if ((attributes->WcFlags & ~KnownFields) != 0 || (attributes->CompMask & ~KnownMask) != 0
                || (hasFlags && (attributes->Flags & ~KnownFlags) != 0))
            {
                return (IbvCqEx*)Failure.Null(Errno.NotSupported);
            }

            if (attributes->CompVector >= (uint)context->NumCompVectors)
            {
                return (IbvCqEx*)Failure.Null(Errno.Invalid);
            }

            OpenCompletionChannel? channel = attributes->Channel == null ? null : OpenCompletionChannel.Of(attributes->Channel);
            var queue = new OpenCompletionQueue(
                OpenContext.Of(context), (int)Math.Min(attributes->Cqe, int.MaxValue), attributes->CqContext, channel);
            var extended = (IbvCqEx*)queue.Pointer;
            Fill(extended);
            return extended;
        }
        catch (Exception e)
        {
            return (IbvCqEx*)Failure.Null(e);
        }
    }

    private static void Fill(IbvCqEx* queue)
    {
        queue->StartPoll = &StartPoll;
        queue->NextPoll = &NextPoll;
        queue->EndPoll = &EndPoll;
        queue->ReadOpcode = &ReadOpcode;
        queue->ReadVendorErr = &ReadVendorErr;
        queue->ReadByteLen = &ReadByteLen;
        queue->ReadImmData = &ReadImmData;
        queue->ReadQpNum = &ReadQpNum;
        queue->ReadSrcQp = &ReadSrcQp;
        queue->ReadWcFlags = &ReadWcFlags;
        queue->ReadSlid = &ReadSlid;
        queue->ReadSl = &ReadSl;
        queue->ReadDlidPathBits = &ReadDlidPathBits;
    }

    [UnmanagedCallersOnly]
    private static int StartPoll(IbvCqEx* queue, void* attributes) => attributes != null && *(uint*)attributes != 0 ? Errno.Invalid : Take(queue);

    [UnmanagedCallersOnly]
    private static int NextPoll(IbvCqEx* queue) => Take(queue);

    [UnmanagedCallersOnly]
    private static void EndPoll(IbvCqEx* queue)
    {
        // The completion was taken when it was found.
    }

    private static int Take(IbvCqEx* queue)
    {
        try
        {
            OpenCompletionQueue from = OpenCompletionQueue.Of(queue);
            if (from.Queue.Poll(new Span<WorkCompletion>(ref from.Current)) == 0)
            {
                return Empty;
            }

            queue->WrId = from.Current.WorkRequestId;
            queue->Status = (int)from.Current.Status;
            return 0;
        }
        catch (Exception e)
        {
            return Failure.Of(e);
        }
    }

    [UnmanagedCallersOnly]
    private static int ReadOpcode(IbvCqEx* queue) => (int)OpenCompletionQueue.Of(queue).Current.Opcode;

    [UnmanagedCallersOnly]
    private static uint ReadVendorErr(IbvCqEx* queue) => OpenCompletionQueue.Of(queue).Current.VendorError;

    [UnmanagedCallersOnly]
    private static uint ReadByteLen(IbvCqEx* queue) => OpenCompletionQueue.Of(queue).Current.ByteLength;

    [UnmanagedCallersOnly]
    private static uint ReadImmData(IbvCqEx* queue) => Requests.ImmediateOf(in OpenCompletionQueue.Of(queue).Current);

    [UnmanagedCallersOnly]
    private static uint ReadQpNum(IbvCqEx* queue) => OpenCompletionQueue.Of(queue).Current.QueuePairNumber;

    [UnmanagedCallersOnly]
    private static uint ReadSrcQp(IbvCqEx* queue) => OpenCompletionQueue.Of(queue).Current.SourceQueuePair;

    [UnmanagedCallersOnly]
    private static uint ReadWcFlags(IbvCqEx* queue) => (uint)OpenCompletionQueue.Of(queue).Current.Flags;

    [UnmanagedCallersOnly]
    private static uint ReadSlid(IbvCqEx* queue) => 0;

    [UnmanagedCallersOnly]
    private static byte ReadSl(IbvCqEx* queue)
    {
        OpenCompletionQueue from = OpenCompletionQueue.Of(queue);
        return Requests.LevelOf(in from.Current, from.DatagramLevel);
    }

    [UnmanagedCallersOnly]
    private static byte ReadDlidPathBits(IbvCqEx* queue) => 0;
}
