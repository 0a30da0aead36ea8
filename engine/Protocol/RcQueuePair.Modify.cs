using System.Numerics;
using RoceEngine.Wire;
using static RoceEngine.Protocol.QueuePairAttributeMask;

namespace RoceEngine.Protocol;

/// <summary>State transitions and attributes: <c>ibv_modify_qp</c>, <c>ibv_query_qp</c>.</summary>
internal sealed partial class RcQueuePair
{
    private const int InvalidArgument = 22;
    private const uint QpnMax = 0xFF_FFFF;

    private QueuePairAttributes _attributes;

    public override int Modify(in QueuePairAttributes attributes, QueuePairAttributeMask mask, long nowNs)
    {
        if ((mask & CurrentState) != 0 && attributes.CurrentState != _state)
        {
            return InvalidArgument;
        }

        QueuePairState next = (mask & QueuePairAttributeMask.State) != 0 ? attributes.State : _state;
        if (!StateTable.Allows(Config.Service, _state, next, mask) || !AreValid(attributes, mask))
        {
            return InvalidArgument;
        }

        if (next == QueuePairState.SendQueueDrained && _state == QueuePairState.ReadyToSend)
        {
            // Asked for anew each time the queue is drained.
            _attributes.EnableDrainedNotify = false;
        }

        Take(attributes, mask);
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

    private static bool AreValid(in QueuePairAttributes attributes, QueuePairAttributeMask mask) =>
        ((mask & PathMtu) == 0 || IsPathMtu(attributes.PathMtuBytes))
        && ((mask & DestinationQpn) == 0 || attributes.DestinationQpn <= QpnMax)
        && ((mask & AddressVector) == 0 || !attributes.DestinationGid.IsZero)
        && ((mask & QueuePairAttributeMask.Timeout) == 0 || attributes.Timeout <= 31)
        && ((mask & RetryCount) == 0 || attributes.RetryCount <= 7)
        && ((mask & RnrRetry) == 0 || attributes.RnrRetry <= 7)
        && ((mask & MinRnrTimer) == 0 || attributes.MinRnrTimer <= 31);

    private static bool IsPathMtu(int bytes) => bytes is >= 256 and <= 4096 && BitOperations.IsPow2(bytes);

    private void Take(in QueuePairAttributes from, QueuePairAttributeMask mask)
    {
        TakeConnection(from, mask);
        if ((mask & AddressVector) != 0)
        {
            _attributes.DestinationGid = from.DestinationGid;
            _attributes.SourceGidIndex = from.SourceGidIndex;
            _attributes.TrafficClass = from.TrafficClass;
            _attributes.HopLimit = from.HopLimit;
            ChangePath(Host.ResolvePath(this, from.DestinationGid, from.TrafficClass, from.HopLimit));
        }

        if ((mask & PathMtu) != 0)
        {
            _attributes.PathMtuBytes = from.PathMtuBytes;
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

    private void TakeConnection(in QueuePairAttributes from, QueuePairAttributeMask mask)
    {
        _attributes.Access = (mask & QueuePairAttributeMask.AccessFlags) != 0 ? from.Access : _attributes.Access;
        _attributes.PartitionKeyIndex = (mask & PartitionKeyIndex) != 0 ? from.PartitionKeyIndex : _attributes.PartitionKeyIndex;
        _attributes.Port = (mask & Port) != 0 ? from.Port : _attributes.Port;
        _attributes.DestinationQpn = (mask & DestinationQpn) != 0 ? from.DestinationQpn : _attributes.DestinationQpn;
        _attributes.Timeout = (mask & QueuePairAttributeMask.Timeout) != 0 ? from.Timeout : _attributes.Timeout;
        _attributes.RetryCount = (mask & RetryCount) != 0 ? from.RetryCount : _attributes.RetryCount;
        _attributes.RnrRetry = (mask & RnrRetry) != 0 ? from.RnrRetry : _attributes.RnrRetry;
        _attributes.MinRnrTimer = (mask & MinRnrTimer) != 0 ? from.MinRnrTimer : _attributes.MinRnrTimer;
        _attributes.MaxRdAtomic = (mask & MaxRdAtomic) != 0 ? from.MaxRdAtomic : _attributes.MaxRdAtomic;
        _attributes.MaxDestinationRdAtomic =
            (mask & MaxDestinationRdAtomic) != 0 ? from.MaxDestinationRdAtomic : _attributes.MaxDestinationRdAtomic;
        _attributes.EnableDrainedNotify =
            (mask & EnableDrainedNotify) != 0 ? from.EnableDrainedNotify : _attributes.EnableDrainedNotify;
    }

    private void ChangePath(Path path)
    {
        if (Path is { } old && old != path)
        {
            _requester.LeaveWindow(old.Window);
        }

        Path = path;
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
