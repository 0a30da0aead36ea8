using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <content>Modify, query, and the usual way through the states.</content>
public sealed unsafe partial class QueuePair
{
    /// <summary>Changes state and attributes. <c>ibv_modify_qp</c>.</summary>
    /// <param name="attributes">Values; only those named by <paramref name="mask"/> are looked at.</param>
    /// <param name="mask">Which ones.</param>
    /// <exception cref="VerbsException">EINVAL: the state table does not allow it, or a value is out of range. Nothing changed.</exception>
    public void Modify(in QueuePairAttributes attributes, QueuePairAttributeMask mask)
    {
        var command = new PvrdmaModifyQp { QpHandle = Handle, AttributeMask = (uint)mask, Attributes = ToAbi(in attributes, mask) };
        lock (_driver.CommandLock)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _ = _driver.Execute<PvrdmaModifyQp, PvrdmaHandleResponse>(PvrdmaCommand.ModifyQp, command, "ibv_modify_qp");
            if ((mask & QueuePairAttributeMask.State) == 0)
            {
                return;
            }

            if (attributes.State == QueuePairState.Reset)
            {
                // Before the state: a failed completion polled meanwhile would mark the QP as failed.
                RemoveCompletions();
                _sends.Reset();
                _receives.Reset();
            }

            _state = attributes.State;
        }
    }

    /// <summary>All attributes as the device has them. <c>ibv_query_qp</c>.</summary>
    public QueuePairAttributes Query()
    {
        lock (_driver.CommandLock)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            PvrdmaQpAttributes queried = _driver.Execute<PvrdmaQueryQp, PvrdmaQueryQpResponse>(
                PvrdmaCommand.QueryQp, new PvrdmaQueryQp { QpHandle = Handle, AttributeMask = uint.MaxValue }, "ibv_query_qp").Attributes;
            _state = (QueuePairState)queried.State;
            return FromAbi(in queried);
        }
    }

    /// <summary>RESET to INIT on port 1.</summary>
    /// <param name="access">What the peer may do through this QP: RemoteWrite, RemoteRead, RemoteAtomic.</param>
    /// <exception cref="VerbsException">EINVAL: wrong state.</exception>
    public void ToInit(AccessFlags access = AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic) => Modify(
        new QueuePairAttributes { State = QueuePairState.Init, Port = 1, Access = access },
        QueuePairAttributeMask.State | QueuePairAttributeMask.PartitionKeyIndex | QueuePairAttributeMask.Port | QueuePairAttributeMask.AccessFlags);

    /// <summary>INIT to RTR: names the peer.</summary>
    /// <param name="remote">The peer's address, QP number and first PSN.</param>
    /// <param name="pathMtuBytes">Path MTU, equal at both ends; 0 for the port's active MTU.</param>
    /// <param name="maxDestinationRdAtomic">The peer's READs and atomics at a time; lowered to what the device can.</param>
    /// <param name="minRnrTimer">Encoded RNR NAK timer (12 is 0.64 ms).</param>
    /// <param name="trafficClass">IP traffic class of packets sent.</param>
    /// <param name="hopLimit">IP time to live of packets sent.</param>
    /// <exception cref="VerbsException">EINVAL: wrong state, MTU or address.</exception>
    public void ToReadyToReceive(
        in QueuePairAddress remote,
        int pathMtuBytes = 0,
        byte maxDestinationRdAtomic = 16,
        byte minRnrTimer = 12,
        byte trafficClass = 0,
        byte hopLimit = 64) => Modify(
        new QueuePairAttributes
        {
            State = QueuePairState.ReadyToReceive,
            DestinationAddress = remote.Address,
            TrafficClass = trafficClass,
            HopLimit = hopLimit,
            Port = 1,
            PathMtuBytes = pathMtuBytes == 0 ? ProtectionDomain.Context.QueryPort().ActiveMtuBytes : pathMtuBytes,
            DestinationNumber = remote.Number,
            ReceivePsn = remote.Psn,
            MaxDestinationRdAtomic = (byte)Math.Min(maxDestinationRdAtomic, _driver.Caps.MaxQpRdAtomic),
            MinRnrTimer = minRnrTimer,
        },
        QueuePairAttributeMask.State | QueuePairAttributeMask.AddressVector | QueuePairAttributeMask.PathMtu
        | QueuePairAttributeMask.DestinationNumber | QueuePairAttributeMask.ReceivePsn
        | QueuePairAttributeMask.MaxDestinationRdAtomic | QueuePairAttributeMask.MinRnrTimer);

    /// <summary>RTR to RTS.</summary>
    /// <param name="psn">The first PSN to send: what the peer was told.</param>
    /// <param name="timeout">Encoded local ACK timeout: 4.096 µs * 2^n (14 is 67 ms); 0 waits forever.</param>
    /// <param name="retryCount">Retries after a timeout, 0…7.</param>
    /// <param name="rnrRetry">Retries after RNR NAKs; 7 is forever.</param>
    /// <param name="maxRdAtomic">Own READs and atomics outstanding; lowered to what the device can.</param>
    /// <exception cref="VerbsException">EINVAL: wrong state or value.</exception>
    public void ToReadyToSend(uint psn, byte timeout = 14, byte retryCount = 7, byte rnrRetry = 7, byte maxRdAtomic = 16) => Modify(
        new QueuePairAttributes
        {
            State = QueuePairState.ReadyToSend,
            SendPsn = psn,
            Timeout = timeout,
            RetryCount = retryCount,
            RnrRetry = rnrRetry,
            MaxRdAtomic = (byte)Math.Min(maxRdAtomic, _driver.Caps.MaxQpInitiatorRdAtomic),
        },
        QueuePairAttributeMask.State | QueuePairAttributeMask.SendPsn | QueuePairAttributeMask.Timeout
        | QueuePairAttributeMask.RetryCount | QueuePairAttributeMask.RnrRetry | QueuePairAttributeMask.MaxRdAtomic);

    /// <summary>To ERR: everything posted completes with <see cref="CompletionStatus.FlushError"/>.</summary>
    public void ToError() => Modify(new QueuePairAttributes { State = QueuePairState.Error }, QueuePairAttributeMask.State);

    /// <summary>To RESET: everything posted, and every completion of this QP not yet polled, is forgotten.</summary>
    public void ToReset() => Modify(new QueuePairAttributes { State = QueuePairState.Reset }, QueuePairAttributeMask.State);

    private static PvrdmaQpAttributes ToAbi(in QueuePairAttributes attributes, QueuePairAttributeMask mask)
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
        };
        if ((mask & QueuePairAttributeMask.PathMtu) != 0)
        {
            abi.PathMtu = PathMtu.Encode(attributes.PathMtuBytes);
            if (abi.PathMtu == 0)
            {
                ThrowInvalid($"ibv_modify_qp: a path MTU of {attributes.PathMtuBytes} bytes; it is 256, 512, 1024, 2048 or 4096");
            }
        }

        if ((mask & QueuePairAttributeMask.AddressVector) != 0)
        {
            if (attributes.DestinationAddress is null)
            {
                ThrowInvalid("ibv_modify_qp: the address vector has no destination address");
            }

            abi.AddressHandle = new PvrdmaAhAttributes
            {
                GlobalRoute = new PvrdmaGlobalRoute
                {
                    DestinationGid = GidConversion.ToGid(attributes.DestinationAddress),
                    SourceGidIndex = attributes.SourceGidIndex,
                    HopLimit = attributes.HopLimit,
                    TrafficClass = attributes.TrafficClass,
                },
                Flags = PvrdmaAhAttributes.GlobalRouteFlag,
                Port = attributes.Port == 0 ? (byte)1 : attributes.Port,
            };
        }

        return abi;
    }

    private static QueuePairAttributes FromAbi(in PvrdmaQpAttributes abi) => new()
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
    };
}
