using static RoceEngine.Protocol.QueuePairAttributeMask;

namespace RoceEngine.Protocol;

/// <summary>State transitions and attributes: <c>ibv_modify_qp</c>, <c>ibv_query_qp</c>.</summary>
internal abstract unsafe partial class UnreliableQueuePair
{
    private QueuePairAttributes _attributes;

    public override int Modify(in QueuePairAttributes attributes, QueuePairAttributeMask mask, long nowNs)
    {
        if (!QueuePairAttributeRules.Allow(Config.Service, _state, attributes, mask, out QueuePairState next))
        {
            return QueuePairAttributeRules.InvalidArgument;
        }

        QueuePairAttributeRules.Take(ref _attributes, attributes, mask, next != _state ? next : null);
        _nextPsn = (mask & SendPsn) != 0 ? attributes.SendPsn : _nextPsn;
        AttributesChanged(attributes, mask);
        Enter(next, nowNs);
        return 0;
    }

    public override void Query(out QueuePairAttributes attributes)
    {
        attributes = _attributes;
        attributes.State = _state;
        attributes.CurrentState = _state;
        attributes.SendPsn = _nextPsn;
        attributes.ReceivePsn = ExpectedPsn;
    }

    private void Enter(QueuePairState next, long nowNs)
    {
        if (next == QueuePairState.Reset)
        {
            LeaveAll();
            _attributes = default;
        }
        else if (next == QueuePairState.Error)
        {
            EnterError(nowNs);
        }
        else if (next != _state)
        {
            _state = next;
            if (next == QueuePairState.ReadyToSend)
            {
                // Requests may have been posted before, or while the queue was drained.
                Schedule();
            }
            else if (next == QueuePairState.SendQueueDrained)
            {
                _drainPending = _attributes.EnableDrainedNotify;
                RaiseDrained();
            }
        }
    }

    /// <summary>The QP fails or is told to: what was sent completes, all else is flushed, in order, on both queues. IBTA vol. 1, 10.3.1.7.</summary>
    protected void EnterError(long nowNs)
    {
        if (_state == QueuePairState.Error)
        {
            return;
        }

        _state = QueuePairState.Error;
        FlushSends(nowNs);
        Forget(isReset: false);
        FlushReceives(nowNs);
    }

    /// <summary>A send request failed: the send queue stops, the receive queue goes on. IBTA vol. 1, 10.3.1.6.</summary>
    private void EnterSendQueueError(long nowNs)
    {
        _state = QueuePairState.SendQueueError;
        FlushSends(nowNs);
    }

    private void LeaveAll()
    {
        DropSends();
        DropReceive();
        Forget(isReset: true);
        _state = QueuePairState.Reset;
    }
}
