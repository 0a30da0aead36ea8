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
        byte* slot = record.Sends.TakeNext();
        if (slot == null)
        {
            if (record.Sends.IsBroken)
            {
                FailRing(record, "producer index of the send queue is impossible");
            }

            return FetchVerdict.Empty;
        }

        core.Statistics.SendsFetched++;
        FetchVerdict verdict = WorkRequestReader.ReadSend(slot, record.Capabilities, core.Extension, ref request);
        if (verdict == FetchVerdict.Invalid)
        {
            core.Fault(GuestFault.WorkRequest, record.Handle, "send work request is impossible: entry count, lengths, inline size, flags or opcode");
        }

        return verdict;
    }

    public FetchVerdict FetchReceive(QueuePair qp, ref ReceiveWorkRequest request)
    {
        DeviceQueuePair record = Record(qp);
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
        record.Receives.FreeOldest();
        core.Completions.Write(record, record.ReceiveCompletionQueue, completion);
    }

    public AccessVerdict TranslateLocal(QueuePair qp, uint localKey, ulong address, uint bytes, AccessFlags need, ref SegmentList into) =>
        Translate(Record(qp), localKey, address, bytes, need, ref into);

    public AccessVerdict TranslateRemote(QueuePair qp, uint remoteKey, ulong address, uint bytes, AccessFlags need, ref SegmentList into) =>
        Translate(Record(qp), remoteKey, address, bytes, need, ref into);

    /// <summary>Only memory windows and fast registrations have keys that a peer may take away; this device has neither, so no key can be.</summary>
    public AccessVerdict InvalidateRemoteKey(QueuePair qp, uint remoteKey) => AccessVerdict.Denied;

    public CompletionStatus ExecuteLocal(QueuePair qp, ref SendWorkRequest request) => CompletionStatus.LocalQpOperationError;

    public void MemoryWritten(QueuePair qp, in SegmentList segments)
    {
        // The dirty log of a migration hooks in here.
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private AccessVerdict Translate(DeviceQueuePair record, uint key, ulong address, uint bytes, AccessFlags need, ref SegmentList into)
    {
        if (bytes == 0)
        {
            return AccessVerdict.Granted;
        }

        MemoryRegion? region = core.Objects.Keys.Find(key);
        return region is not null && region.Domain == record.Domain
            ? region.Translate(address, bytes, need, ref into)
            : AccessVerdict.Denied;
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
