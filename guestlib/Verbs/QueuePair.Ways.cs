namespace RoceEngine.Verbs;

/// <content>The usual way through the states, for each service with the attributes that it has.</content>
public sealed unsafe partial class QueuePair
{
    /// <summary>RESET to INIT on port 1.</summary>
    /// <param name="access">RC, UC: what the peer may do through this QP: RemoteWrite, RemoteRead, RemoteAtomic.</param>
    /// <param name="queueKey">UD: datagrams with another queue key are dropped.</param>
    /// <exception cref="VerbsException">EINVAL: wrong state.</exception>
    public void ToInit(
        AccessFlags access = AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic, uint queueKey = 0) => Modify(
        new QueuePairAttributes { State = QueuePairState.Init, Port = 1, Access = access, QueueKey = queueKey },
        QueuePairAttributeMask.State | QueuePairAttributeMask.PartitionKeyIndex | QueuePairAttributeMask.Port
        | (IsDatagram ? QueuePairAttributeMask.QueueKey : QueuePairAttributeMask.AccessFlags));

    /// <summary>INIT to RTR of RC and UC: names the peer.</summary>
    /// <param name="remote">The peer's address, QP number and first PSN.</param>
    /// <param name="pathMtuBytes">Path MTU, equal at both ends; 0 for the port's active MTU.</param>
    /// <param name="maxDestinationRdAtomic">RC: the peer's READs and atomics at a time; lowered to what the device can.</param>
    /// <param name="minRnrTimer">RC: encoded RNR NAK timer (12 is 0.64 ms).</param>
    /// <param name="trafficClass">IP traffic class of packets sent.</param>
    /// <param name="hopLimit">IP time to live of packets sent.</param>
    /// <exception cref="VerbsException">EINVAL: UD, wrong state, MTU or address.</exception>
    public void ToReadyToReceive(
        in QueuePairAddress remote,
        int pathMtuBytes = 0,
        byte maxDestinationRdAtomic = 16,
        byte minRnrTimer = 12,
        byte trafficClass = 0,
        byte hopLimit = 64)
    {
        if (IsDatagram)
        {
            ThrowInvalid("ibv_modify_qp: a UD queue pair has no peer");
        }

        var attributes = new QueuePairAttributes
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
        };
        const QueuePairAttributeMask connected = QueuePairAttributeMask.State | QueuePairAttributeMask.AddressVector
            | QueuePairAttributeMask.PathMtu | QueuePairAttributeMask.DestinationNumber | QueuePairAttributeMask.ReceivePsn;
        Modify(
            in attributes,
            Type == QueuePairType.Rc
                ? connected | QueuePairAttributeMask.MaxDestinationRdAtomic | QueuePairAttributeMask.MinRnrTimer
                : connected);
    }

    /// <summary>INIT to RTR of UD, which has no peer.</summary>
    /// <exception cref="VerbsException">EINVAL: RC or UC, or wrong state.</exception>
    public void ToReadyToReceive() =>
        Modify(new QueuePairAttributes { State = QueuePairState.ReadyToReceive }, QueuePairAttributeMask.State);

    /// <summary>RTR to RTS.</summary>
    /// <param name="psn">The first PSN to send: what the peer was told. UD: any.</param>
    /// <param name="timeout">RC: encoded local ACK timeout: 4.096 µs * 2^n (14 is 67 ms); 0 waits forever.</param>
    /// <param name="retryCount">RC: retries after a timeout, 0…7.</param>
    /// <param name="rnrRetry">RC: retries after RNR NAKs; 7 is forever.</param>
    /// <param name="maxRdAtomic">RC: own READs and atomics outstanding; lowered to what the device can.</param>
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
        QueuePairAttributeMask.State | QueuePairAttributeMask.SendPsn
        | (Type == QueuePairType.Rc
            ? QueuePairAttributeMask.Timeout | QueuePairAttributeMask.RetryCount | QueuePairAttributeMask.RnrRetry | QueuePairAttributeMask.MaxRdAtomic
            : QueuePairAttributeMask.None));

    /// <summary>From RESET to RTS in one call, for UD, which needs nothing from a peer for it.</summary>
    /// <param name="queueKey">Datagrams with another queue key are dropped.</param>
    /// <param name="psn">The first PSN to send: any.</param>
    /// <exception cref="VerbsException">EINVAL: RC or UC, or wrong state.</exception>
    public void ActivateDatagrams(uint queueKey, uint psn = 0)
    {
        ToInit(queueKey: queueKey);
        ToReadyToReceive();
        ToReadyToSend(psn);
    }

    /// <summary>
    /// To SQD: sends begun finish, later ones wait. The event <see cref="AsyncEventType.SendQueueDrained"/> tells when, if asked for;
    /// <see cref="ToReadyToSendAgain"/> goes on.
    /// </summary>
    /// <param name="notify">Raise the event.</param>
    /// <exception cref="VerbsException">EINVAL: wrong state.</exception>
    public void ToSendQueueDrained(bool notify = true) => Modify(
        new QueuePairAttributes { State = QueuePairState.SendQueueDrained, EnableDrainedNotify = notify },
        QueuePairAttributeMask.State | QueuePairAttributeMask.EnableDrainedNotify);

    /// <summary>SQD, or SQE of UC and UD, back to RTS.</summary>
    /// <exception cref="VerbsException">EINVAL: wrong state.</exception>
    public void ToReadyToSendAgain() => Modify(new QueuePairAttributes { State = QueuePairState.ReadyToSend }, QueuePairAttributeMask.State);

    /// <summary>To ERR: everything posted completes with <see cref="CompletionStatus.FlushError"/>.</summary>
    public void ToError() => Modify(new QueuePairAttributes { State = QueuePairState.Error }, QueuePairAttributeMask.State);

    /// <summary>To RESET: everything posted, and every completion of this QP not yet polled, is forgotten.</summary>
    public void ToReset() => Modify(new QueuePairAttributes { State = QueuePairState.Reset }, QueuePairAttributeMask.State);
}
