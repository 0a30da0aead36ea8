using RoceEngine.Libibverbs.Abi;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs;

/// <summary><c>struct ibv_qp_attr</c> and the library's attributes.</summary>
internal static class QueuePairAttributeConversion
{
    /// <summary>What a program asks <c>ibv_modify_qp(3)</c> for.</summary>
    public static QueuePairAttributes Read(in IbvQpAttr from, QueuePairAttributeMask mask) => new()
    {
        State = (QueuePairState)from.QpState,
        CurrentState = (QueuePairState)from.CurQpState,
        PathMtuBytes = MtuCode.ToBytes(from.PathMtu),
        PathMigrationState = (PathMigrationState)from.PathMigState,
        QueueKey = from.Qkey,
        ReceivePsn = from.RqPsn,
        SendPsn = from.SqPsn,
        DestinationNumber = from.DestQpNum,
        Access = (AccessFlags)from.QpAccessFlags,
        EnableDrainedNotify = from.EnSqdAsyncNotify != 0,
        MaxRdAtomic = from.MaxRdAtomic,
        MaxDestinationRdAtomic = from.MaxDestRdAtomic,
        MinRnrTimer = from.MinRnrTimer,
        Timeout = from.Timeout,
        RetryCount = from.RetryCnt,
        RnrRetry = from.RnrRetry,
        PartitionKeyIndex = from.PkeyIndex,
        Port = (mask & QueuePairAttributeMask.Port) != 0 ? from.PortNum : from.AhAttr.PortNum,
        DestinationAddress = Addresses.DestinationOf(in from.AhAttr),
        SourceGidIndex = from.AhAttr.Grh.SgidIndex,
        TrafficClass = from.AhAttr.Grh.TrafficClass,
        HopLimit = from.AhAttr.Grh.HopLimit == 0 ? Addresses.DefaultHopLimit : from.AhAttr.Grh.HopLimit,
        AlternateAddress = Addresses.DestinationOf(in from.AltAhAttr),
        AlternatePort = from.AltPortNum,
        AlternateTimeout = from.AltTimeout,
        AlternatePartitionKeyIndex = from.AltPkeyIndex,
    };

    /// <summary>What <c>ibv_query_qp(3)</c> tells, but for the sizes.</summary>
    public static IbvQpAttr Write(in QueuePairAttributes from) => new()
    {
        QpState = (int)from.State,
        CurQpState = (int)from.CurrentState,
        PathMtu = MtuCode.Of(from.PathMtuBytes),
        PathMigState = (int)from.PathMigrationState,
        Qkey = from.QueueKey,
        RqPsn = from.ReceivePsn,
        SqPsn = from.SendPsn,
        DestQpNum = from.DestinationNumber,
        QpAccessFlags = (uint)from.Access,
        AhAttr = from.DestinationAddress is null ? default : Addresses.Write(new AddressHandleAttributes
        {
            DestinationAddress = from.DestinationAddress,
            SourceGidIndex = from.SourceGidIndex,
            TrafficClass = from.TrafficClass,
            HopLimit = from.HopLimit,
            Port = from.Port,
        }),
        AltAhAttr = from.AlternateAddress is null ? default : Addresses.Write(new AddressHandleAttributes
        {
            DestinationAddress = from.AlternateAddress,
            Port = from.AlternatePort,
        }),
        PkeyIndex = from.PartitionKeyIndex,
        AltPkeyIndex = from.AlternatePartitionKeyIndex,
        EnSqdAsyncNotify = from.EnableDrainedNotify ? (byte)1 : (byte)0,
        SqDraining = from.IsDraining ? (byte)1 : (byte)0,
        MaxRdAtomic = from.MaxRdAtomic,
        MaxDestRdAtomic = from.MaxDestinationRdAtomic,
        MinRnrTimer = from.MinRnrTimer,
        PortNum = from.Port,
        Timeout = from.Timeout,
        RetryCnt = from.RetryCount,
        RnrRetry = from.RnrRetry,
        AltPortNum = from.AlternatePort,
        AltTimeout = from.AlternateTimeout,
    };
}
