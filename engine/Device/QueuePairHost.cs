using System.Runtime.CompilerServices;
using RoceEngine.Abi;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <summary>The device as its queue pairs see it.</summary>
internal sealed unsafe class QueuePairHost(DeviceCore core) : IQueuePairHost
{
    public FetchVerdict FetchSend(QueuePair qp, ref SendWorkRequest request)
    {
        DeviceQueuePair record = Record(qp);
        byte* slot = MovingChecks.AreIn && core.IsQuiescing && qp.State is not (QueuePairState.Error or QueuePairState.SendQueueError) ? null : record.Sends.TakeNext();
        if (slot == null)
        {
            if (record.Sends.IsBroken)
            {
                FailRing(record, "producer index of the send queue is impossible");
            }

            return FetchVerdict.Empty;
        }

        core.Statistics.SendsFetched++;
        FetchVerdict verdict = WorkRequestReader.ReadSend(slot, record, core.Extension, core.Gids, ref request);
        if (verdict == FetchVerdict.Invalid)
        {
            core.Fault(GuestFault.WorkRequest, record.Handle, "send work request is impossible: entry count, lengths, inline size, flags or opcode");
        }

        return verdict;
    }

    public FetchVerdict FetchReceive(QueuePair qp, ref ReceiveWorkRequest request)
    {
        DeviceQueuePair record = Record(qp);
        if (record.SharedReceives is { } shared)
        {
            return FetchShared(record, shared, ref request);
        }

        byte* slot = record.Receives.TakeNext();
        if (slot == null)
        {
            if (record.Receives.IsBroken)
            {
                FailRing(record, "producer index of the receive queue is impossible");
            }

            return FetchVerdict.Empty;
        }

        core.Statistics.ReceivesFetched++;
        FetchVerdict verdict = WorkRequestReader.ReadReceive(slot, record.Capabilities.MaxReceiveSge, ref request);
        if (verdict == FetchVerdict.Invalid)
        {
            core.Fault(GuestFault.WorkRequest, record.Handle, "receive work request is impossible: entry count or lengths");
        }

        return verdict;
    }

    public void CompleteSend(QueuePair qp, in Completion completion, bool writeEntry)
    {
        DeviceQueuePair record = Record(qp);

        // The slot first: a guest that polls the completion may post at once.
        record.Sends.FreeOldest();
        if (writeEntry)
        {
            core.Completions.Write(record, record.SendCompletionQueue, completion);
        }
    }

    public void CompleteReceive(QueuePair qp, in Completion completion)
    {
        DeviceQueuePair record = Record(qp);

        // An SRQ's slot was given back when the request was taken.
        if (record.SharedReceives is null)
        {
            record.Receives.FreeOldest();
        }

        core.Completions.Write(record, record.ReceiveCompletionQueue, completion);
    }

    /// <summary>Local keys are those of regions; a window's key is for peers alone.</summary>
    public AccessVerdict TranslateLocal(QueuePair qp, uint localKey, ulong address, uint bytes, AccessFlags need, ref SegmentList into)
    {
        if (bytes == 0)
        {
            return AccessVerdict.Granted;
        }

        KeyedMemory? memory = core.Objects.FindKey(localKey);
        return memory is MemoryRegion && memory.Domain == Record(qp).Domain
            ? memory.Translate(address, bytes, need, ref into)
            : AccessVerdict.Denied;
    }

    public AccessVerdict TranslateRemote(QueuePair qp, uint remoteKey, ulong address, uint bytes, AccessFlags need, ref SegmentList into)
    {
        if (bytes == 0)
        {
            return AccessVerdict.Granted;
        }

        KeyedMemory? memory = core.Objects.FindKey(remoteKey);
        DeviceQueuePair record = Record(qp);
        return memory is not null && memory.Domain == record.Domain && IsOpenTo(memory, record)
            ? memory.Translate(address, bytes, need, ref into)
            : AccessVerdict.Denied;
    }

    public AccessVerdict CheckRemoteKey(QueuePair qp, uint remoteKey, AccessFlags need)
    {
        KeyedMemory? memory = core.Objects.FindKey(remoteKey);
        DeviceQueuePair record = Record(qp);
        return memory is { IsOpen: true } && memory.Domain == record.Domain && IsOpenTo(memory, record) && (memory.Access & need) == need
            ? AccessVerdict.Granted
            : AccessVerdict.Denied;
    }

    public AccessVerdict InvalidateRemoteKey(QueuePair qp, uint remoteKey) =>
        core.MemoryOperations.TryInvalidateRemotely(Record(qp), remoteKey) ? AccessVerdict.Granted : AccessVerdict.Denied;

    /// <summary>What fails here is a memory management operation error: libibverbs' text for <c>IBV_WC_MW_BIND_ERR</c>.</summary>
    public CompletionStatus ExecuteLocal(QueuePair qp, ref SendWorkRequest request)
    {
        DeviceQueuePair record = Record(qp);
        ref LocalOperation operation = ref request.LocalOperation;
        bool done = request.Opcode switch
        {
            WorkOpcode.BindWindow => core.MemoryOperations.TryBind(record, operation),
            WorkOpcode.LocalInvalidate => core.MemoryOperations.TryInvalidateLocally(record, operation.Key),
            WorkOpcode.FastRegister => core.MemoryOperations.TryRegister(record, operation),
            _ => false,
        };
        return done ? CompletionStatus.Success : CompletionStatus.MemoryWindowBindError;
    }

    public void MemoryWritten(QueuePair qp, in SegmentList segments)
    {
        if (MovingChecks.AreIn && core.DirtyLog is { } log)
        {
            log.Mark(segments);
        }
    }

    public void RaiseEvent(QueuePair qp, QueuePairEvent kind)
    {
        DeviceQueuePair record = Record(qp);
        record.EventCount++;
        core.Events.RaiseEvent((PvrdmaEvent)kind, record.Handle);
    }

    public void ScheduleTransmit(QueuePair qp) => core.Transmits.Append(Record(qp));

    public void DeadlineChanged(QueuePair qp) => core.Deadlines.Update(qp);

    public Path ResolvePath(QueuePair qp, in Gid destination, byte trafficClass, byte hopLimit) =>
        core.Environment.ResolvePath(core.Options.Gid, destination, trafficClass, hopLimit);

    /// <summary>The QP's record; the device set it when it made the QP, nobody else does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static DeviceQueuePair Record(QueuePair qp) => Unsafe.As<DeviceQueuePair>(qp.DeviceState!);

    /// <summary>A type-2 window is open to the QP that bound it and to no other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsOpenTo(KeyedMemory memory, DeviceQueuePair record) =>
        memory is not MemoryWindow window || window.Owner is null || window.Owner == record;

    private FetchVerdict FetchShared(DeviceQueuePair record, SharedReceiveQueue shared, ref ReceiveWorkRequest request)
    {
        byte* slot = shared.Queue.TakeNext();
        FetchVerdict verdict = FetchVerdict.Empty;
        if (slot != null)
        {
            core.Statistics.ReceivesFetched++;
            verdict = WorkRequestReader.ReadReceive(slot, shared.MaxSges, ref request);
            shared.Queue.FreeOldest();
            if (verdict == FetchVerdict.Invalid)
            {
                core.Fault(GuestFault.WorkRequest, shared.Handle, "shared receive work request is impossible: entry count or lengths");
            }
        }
        else if (shared.Queue.IsBroken && !shared.IsFailed)
        {
            core.Fault(GuestFault.RingIndex, shared.Handle, "producer index of the shared receive queue is impossible");
            core.Failures.Add(shared);
        }

        // Also when it is empty: a guest that armed the limit too late is told by the first message that finds nothing.
        if (shared.TryReachLimit())
        {
            core.Events.RaiseEvent(PvrdmaEvent.SrqLimitReached, shared.Handle);
        }

        return verdict;
    }

    private void FailRing(DeviceQueuePair record, string text)
    {
        if (!record.IsFailing && record.Protocol.State is not QueuePairState.Error)
        {
            core.Fault(GuestFault.RingIndex, record.Handle, text);
            core.Failures.Add(record);
        }
    }
}
