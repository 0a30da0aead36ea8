using System.Numerics;
using RoceEngine.Wire;
using static RoceEngine.Protocol.QueuePairAttributeMask;

namespace RoceEngine.Protocol;

/// <summary>State transitions and attributes: <c>ibv_modify_qp</c>, <c>ibv_query_qp</c>.</summary>
internal sealed partial class RcQueuePair
{
    private QueuePairAttributes _attributes;

    public override int Modify(in QueuePairAttributes attributes, QueuePairAttributeMask mask, long nowNs)
    {
        if (!QueuePairAttributeRules.Allow(Config.Service, _state, attributes, mask, out QueuePairState next))
        {
            return QueuePairAttributeRules.InvalidArgument;
        }

        QueuePairAttributeRules.Take(ref _attributes, attributes, mask, next != _state ? next : null);
        Apply(attributes, mask);
        Enter(next, nowNs);
        return 0;
    }

    public override void Query(out QueuePairAttributes attributes)
    {
        attributes = _attributes;
        attributes.State = _state;
        attributes.CurrentState = _state;
        attributes.SendPsn = _requester.NextPsn;
        attributes.ReceivePsn = _responder.ExpectedPsn;
    }

    private void Apply(in QueuePairAttributes from, QueuePairAttributeMask mask)
    {
        if ((mask & AddressVector) != 0)
        {
            ChangePath(Host.ResolvePath(this, from.DestinationGid, from.TrafficClass, from.HopLimit));
        }

        if ((mask & PathMtu) != 0)
        {
            MtuShift = BitOperations.Log2((uint)from.PathMtuBytes);
        }

        if ((mask & ReceivePsn) != 0)
        {
            _responder.Begin(from.ReceivePsn);
        }

        if ((mask & SendPsn) != 0)
        {
            _requester.Begin(from.SendPsn);
        }

        if ((mask & MaxDestinationRdAtomic) != 0)
        {
            _responder.DepthChanged();
        }

        _requester.AttributesChanged();
    }

    private void ChangePath(Path path)
    {
        if (Path is { } old && old != path)
        {
            _requester.LeaveWindow(old.Window);
        }

        Path = path;
        _requester.PathChanged();
    }

    private void Enter(QueuePairState next, long nowNs)
    {
        if (next == QueuePairState.Reset)
        {
            LeaveAll();
            _attributes = default;
            Path = null;
        }
        else if (next == QueuePairState.Error)
        {
            EnterError(nowNs);
        }
        else if (next != _state)
        {
            _state = next;
            EnterRunning(next);
        }
    }

    private void EnterRunning(QueuePairState next)
    {
        if (next == QueuePairState.ReadyToSend)
        {
            // Requests may have been posted before, or while the queue was drained.
            Schedule();
        }
        else if (next == QueuePairState.SendQueueDrained)
        {
            _requester.DrainStarted();
        }
    }

    /// <summary>The QP fails or is told to: everything not complete is flushed, in order, on both queues. IBTA vol. 1, 10.3.1.7.</summary>
    public void EnterError(long nowNs)
    {
        if (_state == QueuePairState.Error)
        {
            return;
        }

        _state = QueuePairState.Error;
        SetDeadline(long.MaxValue);
        _requester.FlushAll(nowNs);
        _responder.FlushAll(nowNs);
        Path?.Window.Leave(this);
    }
}
