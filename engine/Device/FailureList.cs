using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>
/// QPs and CQs that broke in the middle of a call. A QP must not be called from inside its own call, so they are moved to the error state
/// at the end of the device's call.
/// </summary>
internal sealed class FailureList(DeviceCore core)
{
    private readonly Queue<DeviceQueuePair> _queuePairs = new();
    private readonly Queue<CompletionQueue> _completionQueues = new();
    private readonly Queue<SharedReceiveQueue> _sharedReceiveQueues = new();

    /// <summary>A QP's ring is impossible: QP_FATAL and the error state.</summary>
    public void Add(DeviceQueuePair qp)
    {
        if (!qp.IsFailing && !qp.IsDestroyed)
        {
            qp.IsFailing = true;
            _queuePairs.Enqueue(qp);
        }
    }

    /// <summary>A CQ overran or its index is impossible: CQ_ERR, and all QPs that complete into it fail.</summary>
    public void Add(CompletionQueue queue)
    {
        if (!queue.IsFailed)
        {
            queue.IsFailed = true;
            _completionQueues.Enqueue(queue);
        }
    }

    /// <summary>An SRQ's index is impossible: SRQ_ERR, and all QPs that take from it fail.</summary>
    public void Add(SharedReceiveQueue queue)
    {
        if (!queue.IsFailed)
        {
            queue.IsFailed = true;
            _sharedReceiveQueues.Enqueue(queue);
        }
    }

    /// <summary>Does what was put off. Errors flush work requests, which may break further CQs: goes on until nothing is left.</summary>
    public void Process()
    {
        while (_completionQueues.Count + _sharedReceiveQueues.Count + _queuePairs.Count != 0)
        {
            if (_completionQueues.TryDequeue(out CompletionQueue? queue))
            {
                Fail(queue);
            }
            else if (_sharedReceiveQueues.TryDequeue(out SharedReceiveQueue? shared))
            {
                Fail(shared);
            }
            else if (_queuePairs.TryDequeue(out DeviceQueuePair? qp))
            {
                Fail(qp);
            }
        }
    }

    public void Clear()
    {
        _queuePairs.Clear();
        _completionQueues.Clear();
        _sharedReceiveQueues.Clear();
    }

    private void Fail(CompletionQueue queue)
    {
        if (queue.IsDestroyed)
        {
            return;
        }

        core.Fault(GuestFault.CompletionOverrun, queue.Handle, "completion queue overrun, or its consumer index is impossible");
        core.Events.RaiseEvent(PvrdmaEvent.CqError, queue.Handle);
        foreach (DeviceQueuePair qp in core.Objects.QueuePairs.All())
        {
            if (qp.SendCompletionQueue == queue || qp.ReceiveCompletionQueue == queue)
            {
                Add(qp);
            }
        }
    }

    private void Fail(SharedReceiveQueue queue)
    {
        if (queue.IsDestroyed)
        {
            return;
        }

        core.Events.RaiseEvent(PvrdmaEvent.SrqError, queue.Handle);
        foreach (DeviceQueuePair qp in core.Objects.QueuePairs.All())
        {
            if (qp.SharedReceives == queue)
            {
                Add(qp);
            }
        }
    }

    private void Fail(DeviceQueuePair qp)
    {
        qp.IsFailing = false;

        // The guest may have destroyed or reset it meanwhile.
        bool isBroken = qp.Sends.IsBroken || qp.Receives.IsBroken
            || qp.SharedReceives is { IsFailed: true } || qp.SendCompletionQueue.IsFailed || qp.ReceiveCompletionQueue.IsFailed;
        if (!qp.IsDestroyed && isBroken)
        {
            MoveToError(qp);
        }
    }

    /// <summary>QP_FATAL and the error state. Not from inside a call of that QP.</summary>
    public void MoveToError(DeviceQueuePair qp)
    {
        if (qp.Protocol.State == QueuePairState.Error)
        {
            return;
        }

        qp.EventCount++;
        core.Events.RaiseEvent(PvrdmaEvent.QpFatal, qp.Handle);
        var attributes = new QueuePairAttributes { State = QueuePairState.Error };
        qp.Protocol.Modify(attributes, QueuePairAttributeMask.State, core.NowNs);
    }
}
