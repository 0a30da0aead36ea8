using System.Net;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Internals;

/// <summary>QP attributes between the API and the ABI.</summary>
internal static class QueuePairConversion
{
    /// <summary>Values for MODIFY_QP.</summary>
    /// <exception cref="VerbsException">EINVAL: no path MTU, or an address vector without address.</exception>
    public static PvrdmaQpAttributes ToAbi(in QueuePairAttributes attributes, QueuePairAttributeMask mask)
    {
        var abi = new PvrdmaQpAttributes
        {
            State = (uint)attributes.State,
            CurrentState = (uint)attributes.CurrentState,
            Qkey = attributes.QueueKey,
            ReceivePsn = attributes.ReceivePsn,
            SendPsn = attributes.SendPsn,
            DestinationQpn = attributes.DestinationNumber,
            Access = (uint)attributes.Access,
            PkeyIndex = attributes.PartitionKeyIndex,
            EnableDrainedNotify = attributes.EnableDrainedNotify ? (byte)1 : (byte)0,
            MaxRdAtomic = attributes.MaxRdAtomic,
            MaxDestinationRdAtomic = attributes.MaxDestinationRdAtomic,
            MinRnrTimer = attributes.MinRnrTimer,
            Port = attributes.Port,
            Timeout = attributes.Timeout,
            RetryCount = attributes.RetryCount,
            RnrRetry = attributes.RnrRetry,
            PathMigrationState = (uint)attributes.PathMigrationState,
            AlternatePkeyIndex = attributes.AlternatePartitionKeyIndex,
            AlternatePort = attributes.AlternatePort,
            AlternateTimeout = attributes.AlternateTimeout,
        };
        if ((mask & QueuePairAttributeMask.PathMtu) != 0)
        {
            abi.PathMtu = PathMtu.Encode(attributes.PathMtuBytes);
            if (abi.PathMtu == 0)
            {
                throw new VerbsException(
                    Errno.Invalid, $"ibv_modify_qp: a path MTU of {attributes.PathMtuBytes} bytes; it is 256, 512, 1024, 2048 or 4096");
            }
        }

        if ((mask & QueuePairAttributeMask.AddressVector) != 0)
        {
            abi.AddressHandle = ToAbi(in attributes, attributes.DestinationAddress, attributes.Port, "address vector");
        }

        if ((mask & QueuePairAttributeMask.AlternatePath) != 0)
        {
            abi.AlternateAddressHandle = ToAbi(in attributes, attributes.AlternateAddress, attributes.AlternatePort, "alternate path");
        }

        return abi;
    }

    /// <summary>What QUERY_QP answered.</summary>
    public static QueuePairAttributes FromAbi(in PvrdmaQpAttributes abi) => new()
    {
        State = (QueuePairState)abi.State,
        CurrentState = (QueuePairState)abi.CurrentState,
        PathMtuBytes = PathMtu.Decode(abi.PathMtu),
        QueueKey = abi.Qkey,
        ReceivePsn = abi.ReceivePsn,
        SendPsn = abi.SendPsn,
        DestinationNumber = abi.DestinationQpn,
        Access = (AccessFlags)abi.Access,
        EnableDrainedNotify = abi.EnableDrainedNotify != 0,
        MaxRdAtomic = abi.MaxRdAtomic,
        MaxDestinationRdAtomic = abi.MaxDestinationRdAtomic,
        MinRnrTimer = abi.MinRnrTimer,
        Timeout = abi.Timeout,
        RetryCount = abi.RetryCount,
        RnrRetry = abi.RnrRetry,
        PartitionKeyIndex = abi.PkeyIndex,
        Port = abi.Port,
        DestinationAddress = GidConversion.FromGid(abi.AddressHandle.GlobalRoute.DestinationGid),
        SourceGidIndex = abi.AddressHandle.GlobalRoute.SourceGidIndex,
        TrafficClass = abi.AddressHandle.GlobalRoute.TrafficClass,
        HopLimit = abi.AddressHandle.GlobalRoute.HopLimit,
        AlternateAddress = GidConversion.FromGid(abi.AlternateAddressHandle.GlobalRoute.DestinationGid),
        AlternatePort = abi.AlternatePort,
        AlternateTimeout = abi.AlternateTimeout,
        AlternatePartitionKeyIndex = abi.AlternatePkeyIndex,
        PathMigrationState = (PathMigrationState)abi.PathMigrationState,
        IsDraining = abi.SendQueueDraining != 0,
    };

    private static PvrdmaAhAttributes ToAbi(in QueuePairAttributes attributes, IPAddress? destination, byte port, string what) =>
        destination is null
            ? throw new VerbsException(Errno.Invalid, $"ibv_modify_qp: the {what} has no destination address")
            : new PvrdmaAhAttributes
            {
                GlobalRoute = new PvrdmaGlobalRoute
                {
                    DestinationGid = GidConversion.ToGid(destination),
                    SourceGidIndex = attributes.SourceGidIndex,
                    HopLimit = attributes.HopLimit,
                    TrafficClass = attributes.TrafficClass,
                },
                Flags = PvrdmaAhAttributes.GlobalRouteFlag,
                Port = port == 0 ? (byte)1 : port,
            };
}
