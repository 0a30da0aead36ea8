using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>What an address translation found.</summary>
public enum AccessVerdict : byte
{
    Granted,

    /// <summary>No region with that key, in that PD, with these rights, over that whole range.</summary>
    Denied,

    /// <summary>More pieces than the caller has room for: ask again for fewer bytes.</summary>
    TooManyPieces,
}

/// <summary>
/// What a queue pair needs of the device that holds it: work requests, memory, completions, events, scheduling.
/// All calls come from the thread that drives the QP, from inside the QP's own methods; an implementation must not call back into the QP.
/// </summary>
public interface IQueuePairHost
{
    /// <summary>Takes the next send work request in ring order, copying it once. Also called in the error state, to flush.</summary>
    FetchVerdict FetchSend(QueuePair qp, ref SendWorkRequest request);

    /// <summary>Takes the next receive work request, from the QP's own receive queue or its SRQ.</summary>
    FetchVerdict FetchReceive(QueuePair qp, ref ReceiveWorkRequest request);

    /// <summary>
    /// One send work request is finished, in ring order: frees its slot, and writes a CQE when <paramref name="writeEntry"/>
    /// (signalled, or an error). Exactly one call per request fetched.
    /// </summary>
    void CompleteSend(QueuePair qp, in Completion completion, bool writeEntry);

    /// <summary>One receive work request is finished: frees its slot and writes a CQE.</summary>
    void CompleteReceive(QueuePair qp, in Completion completion);

    /// <summary>
    /// Translates a range of guest virtual addresses under a local key. <paramref name="need"/> is None to read it, LocalWrite to write it.
    /// Zero bytes are granted without looking at the key.
    /// </summary>
    AccessVerdict TranslateLocal(QueuePair qp, uint localKey, ulong address, uint bytes, AccessFlags need, ref SegmentList into);

    /// <summary>Translates under a remote key; <paramref name="need"/> is RemoteRead, RemoteWrite or RemoteAtomic.</summary>
    AccessVerdict TranslateRemote(QueuePair qp, uint remoteKey, ulong address, uint bytes, AccessFlags need, ref SegmentList into);

    /// <summary>Looks whether a remote key gives these rights to its region, whatever the range: Granted or Denied.</summary>
    AccessVerdict CheckRemoteKey(QueuePair qp, uint remoteKey, AccessFlags need);

    /// <summary>SEND with invalidate: takes away a remote key; Denied when it cannot be invalidated by this QP.</summary>
    AccessVerdict InvalidateRemoteKey(QueuePair qp, uint remoteKey);

    /// <summary>
    /// Carries out a bind, a local invalidate or a fast registration (<see cref="SendWorkRequest.LocalOperation"/>), when its turn in the send
    /// queue has come. <see cref="CompletionStatus.Success"/>, or why not: <see cref="CompletionStatus.MemoryWindowBindError"/>,
    /// <see cref="CompletionStatus.LocalQpOperationError"/>, <see cref="CompletionStatus.LocalProtectionError"/>.
    /// </summary>
    CompletionStatus ExecuteLocal(QueuePair qp, ref SendWorkRequest request);

    /// <summary>Memory at these segments was written by the engine (dirty log, later).</summary>
    void MemoryWritten(QueuePair qp, in SegmentList segments);

    /// <summary>An asynchronous event about this QP.</summary>
    void RaiseEvent(QueuePair qp, QueuePairEvent kind);

    /// <summary>The QP has something to transmit: call <see cref="QueuePair.PollTransmit"/> this turn. Called only when it was not yet scheduled.</summary>
    void ScheduleTransmit(QueuePair qp);

    /// <summary><see cref="QueuePair.DeadlineNs"/> changed (long.MaxValue: none).</summary>
    void DeadlineChanged(QueuePair qp);

    /// <summary>The route and window to an address; called when an address vector is set.</summary>
    Path ResolvePath(QueuePair qp, in Gid destination, byte trafficClass, byte hopLimit);
}
