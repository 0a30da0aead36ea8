using RoceEngine.Abi;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <content>Queue pairs: attributes.</content>
internal sealed unsafe partial class CommandProcessor
{
    private const QueuePairAttributeMask KnownAttributes = (QueuePairAttributeMask)((1u << 21) - 1);

    private PvrdmaCommandError ModifyQueuePair(in PvrdmaModifyQp request)
    {
        if (core.Objects.QueuePairs[request.QpHandle] is not { } qp)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        var mask = (QueuePairAttributeMask)request.AttributeMask;
        if ((mask & ~KnownAttributes) != 0 || !PathRecord.IsValid(request.Attributes, mask, core.Gids) || !TryMap(request.Attributes, mask, out QueuePairAttributes attributes)
            || qp.Protocol.Modify(attributes, mask, core.NowNs) != 0)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        qp.Paths.Take(request.Attributes, mask);
        if ((mask & QueuePairAttributeMask.State) != 0)
        {
            AfterTransition(qp, attributes.State);
        }

        return PvrdmaCommandError.None;
    }

    private void AfterTransition(DeviceQueuePair qp, QueuePairState state)
    {
        if (state == QueuePairState.Reset)
        {
            qp.Sends.Reset();
            qp.Receives.Reset();
            qp.Paths = default;
            MemoryWindow.CloseAllOf(qp);
        }
        else if (state == QueuePairState.ReadyToSend)
        {
            // Work requests may have been posted, and their doorbell rung, while the queue was drained.
            qp.Protocol.HandleSendDoorbell(core.NowNs);
        }
    }

    private bool TryMap(in PvrdmaQpAttributes from, QueuePairAttributeMask mask, out QueuePairAttributes to)
    {
        to = new QueuePairAttributes
        {
            State = (QueuePairState)from.State,
            CurrentState = (QueuePairState)from.CurrentState,
            QueueKey = from.Qkey,
            ReceivePsn = new Psn(from.ReceivePsn),
            SendPsn = new Psn(from.SendPsn),
            DestinationQpn = from.DestinationQpn & 0xFF_FFFF,
            Access = (AccessFlags)from.Access,
            EnableDrainedNotify = from.EnableDrainedNotify != 0,
            MaxRdAtomic = from.MaxRdAtomic,
            MaxDestinationRdAtomic = from.MaxDestinationRdAtomic,
            MinRnrTimer = from.MinRnrTimer,
            Timeout = from.Timeout,
            RetryCount = from.RetryCount,
            RnrRetry = from.RnrRetry,
            PartitionKeyIndex = from.PkeyIndex,
            Port = from.Port,
            DestinationGid = Gid.Read(from.AddressHandle.GlobalRoute.DestinationGid),
            SourceGidIndex = from.AddressHandle.GlobalRoute.SourceGidIndex,
            TrafficClass = from.AddressHandle.GlobalRoute.TrafficClass,
            HopLimit = from.AddressHandle.GlobalRoute.HopLimit,
        };

        bool Names(QueuePairAttributeMask bit) => (mask & bit) != 0;

        if (Names(QueuePairAttributeMask.PathMtu))
        {
            if (!MtuCode.TryToBytes(from.PathMtu, out int pathMtuBytes) || pathMtuBytes > core.Options.ActiveMtuBytes)
            {
                return false;
            }

            to.PathMtuBytes = pathMtuBytes;
        }

        // Numbers that the narrower fields above would have cut, and those that only the device knows the bounds of.
        return (!Names(QueuePairAttributeMask.State) || from.State <= (uint)PvrdmaQpState.Error)
            && (!Names(QueuePairAttributeMask.CurrentState) || from.CurrentState <= (uint)PvrdmaQpState.Error)
            && (!Names(QueuePairAttributeMask.AccessFlags) || ((AccessFlags)from.Access & ~AccessRights.Known(core.Extension)) == 0)
            && (!Names(QueuePairAttributeMask.Port) || from.Port == 1)
            && (!Names(QueuePairAttributeMask.PartitionKeyIndex) || from.PkeyIndex == 0)
            && (!Names(QueuePairAttributeMask.MinRnrTimer) || from.MinRnrTimer <= 31)
            && (!Names(QueuePairAttributeMask.Timeout) || from.Timeout <= 31)
            && (!Names(QueuePairAttributeMask.RetryCount) || from.RetryCount <= 7)
            && (!Names(QueuePairAttributeMask.RnrRetry) || from.RnrRetry <= 7)
            && (!Names(QueuePairAttributeMask.ReceivePsn) || from.ReceivePsn < Psn.Modulus)
            && (!Names(QueuePairAttributeMask.SendPsn) || from.SendPsn < Psn.Modulus)
            && (!Names(QueuePairAttributeMask.DestinationQpn) || from.DestinationQpn <= 0xFF_FFFF)
            && (!Names(QueuePairAttributeMask.MaxRdAtomic) || from.MaxRdAtomic <= core.Limits.RdAtomicPerQueuePair)
            && (!Names(QueuePairAttributeMask.MaxDestinationRdAtomic) || from.MaxDestinationRdAtomic <= core.Limits.RdAtomicPerQueuePair)
            && (!Names(QueuePairAttributeMask.AddressVector) || IsAddressVectorValid(to));
    }

    private bool IsAddressVectorValid(in QueuePairAttributes attributes) =>
        !attributes.DestinationGid.IsZero && !attributes.DestinationGid.IsMulticast && core.Gids.IsBound(attributes.SourceGidIndex);

    private PvrdmaCommandError QueryQueuePair(in PvrdmaQueryQp request, ref PvrdmaQueryQpResponse response)
    {
        if (core.Objects.QueuePairs[request.QpHandle] is not { } qp)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        qp.Protocol.Query(out QueuePairAttributes attributes);
        bool isDraining = attributes.State == QueuePairState.SendQueueDrained && qp.Sends.Outstanding != 0;
        MtuCode.TryFromBytes(attributes.PathMtuBytes, out uint pathMtu);
        response.Attributes = new PvrdmaQpAttributes
        {
            State = (uint)attributes.State,
            CurrentState = (uint)attributes.CurrentState,
            PathMtu = pathMtu,
            Qkey = attributes.QueueKey,
            ReceivePsn = attributes.ReceivePsn.Value,
            SendPsn = attributes.SendPsn.Value,
            DestinationQpn = attributes.DestinationQpn,
            Access = (uint)attributes.Access,
            PkeyIndex = attributes.PartitionKeyIndex,
            EnableDrainedNotify = attributes.EnableDrainedNotify ? (byte)1 : (byte)0,
            SendQueueDraining = isDraining ? (byte)1 : (byte)0,
            MaxRdAtomic = attributes.MaxRdAtomic,
            MaxDestinationRdAtomic = attributes.MaxDestinationRdAtomic,
            MinRnrTimer = attributes.MinRnrTimer,
            Port = attributes.Port,
            Timeout = attributes.Timeout,
            RetryCount = attributes.RetryCount,
            RnrRetry = attributes.RnrRetry,
            Capabilities = qp.Capabilities,
        };
        qp.Paths.Fill(ref response.Attributes);
        return PvrdmaCommandError.None;
    }
}
