using System.Numerics;
using static RoceEngine.Protocol.QueuePairAttributeMask;

namespace RoceEngine.Protocol;

/// <summary>What <c>ibv_modify_qp</c> asks of attribute values, whatever the service, and how they are taken over.</summary>
internal static class QueuePairAttributeRules
{
    /// <summary>EINVAL: what <c>ibv_modify_qp</c> answers when these rules do not allow it.</summary>
    public const int InvalidArgument = 22;

    private const uint QpnMax = 0xFF_FFFF;

    /// <summary>True when a QP in <paramref name="state"/> may be modified like this; and the state that it goes to, or stays in.</summary>
    public static bool Allow(
        TransportService service, QueuePairState state, in QueuePairAttributes attributes, QueuePairAttributeMask mask, out QueuePairState next)
    {
        next = (mask & QueuePairAttributeMask.State) != 0 ? attributes.State : state;
        return ((mask & CurrentState) == 0 || attributes.CurrentState == state)
            && StateTable.Allows(service, state, next, mask)
            && AreValid(attributes, mask);
    }

    private static bool AreValid(in QueuePairAttributes attributes, QueuePairAttributeMask mask) =>
        ((mask & PathMtu) == 0 || IsPathMtu(attributes.PathMtuBytes))
        && ((mask & DestinationQpn) == 0 || attributes.DestinationQpn <= QpnMax)
        && ((mask & AddressVector) == 0 || !attributes.DestinationGid.IsZero)
        && ((mask & QueuePairAttributeMask.Timeout) == 0 || attributes.Timeout <= 31)
        && ((mask & RetryCount) == 0 || attributes.RetryCount <= 7)
        && ((mask & RnrRetry) == 0 || attributes.RnrRetry <= 7)
        && ((mask & MinRnrTimer) == 0 || attributes.MinRnrTimer <= 31);

    /// <summary>Takes over what the mask names, PSNs and the state excepted. <paramref name="entered"/> is the state that the QP goes to, if another.</summary>
    public static void Take(ref QueuePairAttributes to, in QueuePairAttributes from, QueuePairAttributeMask mask, QueuePairState? entered)
    {
        // Asked for anew each time the queue is drained.
        to.EnableDrainedNotify &= entered != QueuePairState.SendQueueDrained;
        to.Access = (mask & QueuePairAttributeMask.AccessFlags) != 0 ? from.Access : to.Access;
        to.PartitionKeyIndex = (mask & PartitionKeyIndex) != 0 ? from.PartitionKeyIndex : to.PartitionKeyIndex;
        to.Port = (mask & Port) != 0 ? from.Port : to.Port;
        to.QueueKey = (mask & QueueKey) != 0 ? from.QueueKey : to.QueueKey;
        to.PathMtuBytes = (mask & PathMtu) != 0 ? from.PathMtuBytes : to.PathMtuBytes;
        to.DestinationQpn = (mask & DestinationQpn) != 0 ? from.DestinationQpn : to.DestinationQpn;
        to.Timeout = (mask & QueuePairAttributeMask.Timeout) != 0 ? from.Timeout : to.Timeout;
        to.RetryCount = (mask & RetryCount) != 0 ? from.RetryCount : to.RetryCount;
        to.RnrRetry = (mask & RnrRetry) != 0 ? from.RnrRetry : to.RnrRetry;
        to.MinRnrTimer = (mask & MinRnrTimer) != 0 ? from.MinRnrTimer : to.MinRnrTimer;
        to.MaxRdAtomic = (mask & MaxRdAtomic) != 0 ? from.MaxRdAtomic : to.MaxRdAtomic;
        to.MaxDestinationRdAtomic = (mask & MaxDestinationRdAtomic) != 0 ? from.MaxDestinationRdAtomic : to.MaxDestinationRdAtomic;
        to.EnableDrainedNotify = (mask & EnableDrainedNotify) != 0 ? from.EnableDrainedNotify : to.EnableDrainedNotify;
        if ((mask & AddressVector) != 0)
        {
            to.DestinationGid = from.DestinationGid;
            to.SourceGidIndex = from.SourceGidIndex;
            to.TrafficClass = from.TrafficClass;
            to.HopLimit = from.HopLimit;
        }
    }

    public static bool IsPathMtu(int bytes) => bytes is >= 256 and <= 4096 && BitOperations.IsPow2(bytes);
}
