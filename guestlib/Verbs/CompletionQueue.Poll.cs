using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <content>Polling.</content>
public sealed unsafe partial class CompletionQueue
{
    /// <summary>Takes completions, oldest first. <c>ibv_poll_cq</c>. In embedded inline mode an empty queue first runs the engine once.</summary>
    /// <param name="completions">Where to put them; its length is the most that is taken.</param>
    /// <returns>How many were taken; 0 when there are none.</returns>
    /// <exception cref="DeviceLostException">The device is gone, and no completion of before is left.</exception>
    public int Poll(Span<WorkCompletion> completions)
    {
        int count = TakeEntries(completions, out _);
        if (count == 0 && !completions.IsEmpty)
        {
            return PollOfEmptyQueue(completions);
        }

        _vainPolls.Reset();
        return count;
    }

    /// <summary>
    /// Takes the entries of a QP out of the ring, and moves the others together towards the producer's end, in order. The device writes only
    /// beyond that end.
    /// </summary>
    internal void RemoveEntriesOf(uint queuePairHandle)
    {
        _gate.Enter();
        if (!_closed)
        {
            uint tail = PvrdmaRing.ReadProducer(_ring);
            uint used = Math.Min(RingIndex.Used(tail, _head, _slots), _slots);
            uint kept = 0;
            for (uint back = 1; back <= used; back++)
            {
                PvrdmaCqe* entry = EntryBefore(tail, back);
                if (entry->QpHandle != queuePairHandle)
                {
                    kept++;
                    *EntryBefore(tail, kept) = *entry;
                }
            }

            _head = RingIndex.Advance(_head, used - kept, _slots);
            PvrdmaRing.PublishConsumer(_ring, _head);
        }

        _gate.Exit();
    }

    /// <summary>The end of what is there to be polled, for <see cref="HasPolled"/>.</summary>
    internal uint MarkEnd()
    {
        _gate.Enter();
        uint end = _closed ? _head : PvrdmaRing.ReadProducer(_ring);
        _gate.Exit();
        return end;
    }

    /// <summary>True when everything before an end was polled, or the queue is closed.</summary>
    internal bool HasPolled(uint end)
    {
        _gate.Enter();
        uint left = RingIndex.Used(end, _head, _slots);
        bool has = _closed || left == 0 || left > _slots;
        _gate.Exit();
        return has;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int PollOfEmptyQueue(Span<WorkCompletion> completions)
    {
        if (Context.Driver.Channel.Drive is { } drive)
        {
            drive();
        }
        else
        {
            _vainPolls.Add();
        }

        int count = TakeEntries(completions, out bool isLost);
        return isLost ? PollOfLostDevice(completions) : count;
    }

    private int PollOfLostDevice(Span<WorkCompletion> completions)
    {
        // What was published before the loss still counts.
        int count = TakeEntries(completions, out _);
        if (count == 0)
        {
            EnterOpen();
            DeviceLostException lost = Context.Driver.LostException();
            _gate.Exit();
            throw lost;
        }

        return count;
    }

    private int TakeEntries(Span<WorkCompletion> completions, out bool isLost)
    {
        EnterOpen();
        isLost = false;
        uint head = _head;
        uint used = _isResizing ? 0 : Math.Min(RingIndex.Used(PvrdmaRing.ReadProducer(_ring), head, _slots), _slots);
        int count = 0;
        if (used != 0)
        {
            while (used != 0 && count < completions.Length)
            {
                PvrdmaCqe* entry = _entries + RingIndex.Slot(head, _slots);

                // A QP that is gone has no completions.
                if (Context.FindQueuePair(entry->QpHandle) is { } queuePair)
                {
                    Convert(entry, queuePair, out completions[count++]);
                }

                head = RingIndex.Next(head, _slots);
                used--;
            }

            _head = head;
            PvrdmaRing.PublishConsumer(_ring, head);
        }
        else
        {
            isLost = Context.Driver.IsLost;
        }

        _gate.Exit();
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Convert(PvrdmaCqe* entry, QueuePair queuePair, out WorkCompletion completion)
    {
        var flags = (PvrdmaWcFlags)entry->Flags;
        completion.WorkRequestId = entry->WorkRequestId;
        completion.Status = (CompletionStatus)entry->Status;
        completion.Opcode = (WorkCompletionOpcode)entry->Opcode;
        completion.ByteLength = entry->ByteLength;
        completion.ImmediateData = (flags & PvrdmaWcFlags.WithInvalidate) != 0
            ? entry->ImmediateOrKey
            : BinaryPrimitives.ReverseEndianness(entry->ImmediateOrKey);
        completion.Flags = ToFlags(flags);
        completion.QueuePairNumber = queuePair.Number;
        completion.SourceQueuePair = entry->SourceQpn;
        completion.VendorError = entry->VendorError;
        if (completion.Status != CompletionStatus.Success)
        {
            queuePair.OnFailedCompletion(in completion);
        }
        else if ((uint)completion.Opcode is > (uint)PvrdmaWcOpcode.BindMemoryWindow and < (uint)PvrdmaWcOpcode.Receive)
        {
            completion.Opcode = RareOpcode((PvrdmaWcOpcode)completion.Opcode);
        }
    }

    /// <summary>The opcodes whose numbers differ between the ABI and the verbs; none of them is on the usual way.</summary>
    private static WorkCompletionOpcode RareOpcode(PvrdmaWcOpcode opcode) => opcode switch
    {
        PvrdmaWcOpcode.LocalInvalidate => WorkCompletionOpcode.LocalInvalidate,
        PvrdmaWcOpcode.FastRegisterMr => WorkCompletionOpcode.FastRegister,
        PvrdmaWcOpcode.MaskedCompareSwap => WorkCompletionOpcode.MaskedCompareSwap,
        PvrdmaWcOpcode.MaskedFetchAdd => WorkCompletionOpcode.MaskedFetchAdd,
        PvrdmaWcOpcode.Flush => WorkCompletionOpcode.Flush,
        PvrdmaWcOpcode.AtomicWrite => WorkCompletionOpcode.AtomicWrite,
        _ => (WorkCompletionOpcode)opcode,
    };

    private static CompletionFlags ToFlags(PvrdmaWcFlags flags) =>
        (CompletionFlags)(flags & (PvrdmaWcFlags.GlobalRouteHeader | PvrdmaWcFlags.WithImmediate))
        | ((flags & PvrdmaWcFlags.WithInvalidate) != 0 ? CompletionFlags.WithInvalidate : CompletionFlags.None);

    private PvrdmaCqe* EntryBefore(uint tail, uint back) => _entries + RingIndex.Slot(tail - back, _slots);
}
