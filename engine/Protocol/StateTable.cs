using static RoceEngine.Protocol.QueuePairAttributeMask;
using static RoceEngine.Protocol.QueuePairState;
using static RoceEngine.Protocol.TransportService;

namespace RoceEngine.Protocol;

/// <summary>
/// Which transitions of a QP are legal, and which attributes each requires and allows. IBTA vol. 1, 11.2.5.2, table 91;
/// the same rules as the kernel's <c>ib_modify_qp_is_ok</c>.
/// </summary>
public static class StateTable
{
    // IBV calls it ACCESS_FLAGS, and so does everybody; the name is taken by the type.
    private const QueuePairAttributeMask Access = QueuePairAttributeMask.AccessFlags;

    private const QueuePairAttributeMask ConnectedRunning = CurrentState | AlternatePath | Access | PathMigrationState;

    /// <summary>True when a QP of this service may go from one state to the other with exactly these attributes.</summary>
    public static bool Allows(TransportService service, QueuePairState from, QueuePairState to, QueuePairAttributeMask mask)
    {
        if ((mask & CurrentState) != 0 && from is not (ReadyToReceive or ReadyToSend or SendQueueDrained or SendQueueError))
        {
            return false;
        }

        return TryGetRule(service, from, to, out QueuePairAttributeMask required, out QueuePairAttributeMask optional)
            && (mask & required) == required
            && (mask & ~(required | optional | State)) == 0;
    }

    /// <summary>The attributes that a transition requires and those it allows beside them; false for an illegal transition.</summary>
    public static bool TryGetRule(
        TransportService service, QueuePairState from, QueuePairState to, out QueuePairAttributeMask required, out QueuePairAttributeMask optional)
    {
        required = None;
        optional = None;
        if (to == Reset || (to == Error && from != Reset))
        {
            return from <= Error;
        }

        switch (from, to)
        {
            case (Reset, Init):
                required = Identity(service);
                return true;
            case (Init, Init):
                optional = Identity(service);
                return true;
            case (Init, ReadyToReceive):
                required = PeerRequired(service);
                optional = PeerOptional(service);
                return true;
            case (ReadyToReceive, ReadyToSend):
                required = RequesterRequired(service);
                optional = Running(service);
                return true;
            case (ReadyToSend, ReadyToSend):
            case (SendQueueDrained, ReadyToSend):
                optional = Running(service);
                return true;
            case (ReadyToSend, SendQueueDrained):
                optional = EnableDrainedNotify;
                return true;
            case (SendQueueDrained, SendQueueDrained):
                optional = Drained(service);
                return true;
            case (SendQueueError, ReadyToSend):
                optional = AfterSendError(service);
                return true;
            default:
                return false;
        }
    }

    private static QueuePairAttributeMask Identity(TransportService service) =>
        PartitionKeyIndex | Port | (service == UnreliableDatagram ? QueueKey : Access);

    private static QueuePairAttributeMask PeerRequired(TransportService service) => service switch
    {
        UnreliableDatagram => None,
        UnreliableConnection => AddressVector | PathMtu | DestinationQpn | ReceivePsn,
        _ => AddressVector | PathMtu | DestinationQpn | ReceivePsn | MaxDestinationRdAtomic | MinRnrTimer,
    };

    private static QueuePairAttributeMask PeerOptional(TransportService service) =>
        service == UnreliableDatagram ? PartitionKeyIndex | QueueKey : AlternatePath | Access | PartitionKeyIndex;

    private static QueuePairAttributeMask RequesterRequired(TransportService service) =>
        service == ReliableConnection ? QueuePairAttributeMask.Timeout | RetryCount | RnrRetry | SendPsn | MaxRdAtomic : SendPsn;

    private static QueuePairAttributeMask Running(TransportService service) => service switch
    {
        UnreliableDatagram => CurrentState | QueueKey,
        UnreliableConnection => ConnectedRunning,
        _ => ConnectedRunning | MinRnrTimer,
    };

    private static QueuePairAttributeMask Drained(TransportService service) => service switch
    {
        UnreliableDatagram => PartitionKeyIndex | QueueKey,
        UnreliableConnection => AddressVector | AlternatePath | Access | PartitionKeyIndex | PathMigrationState,
        _ => Port | AddressVector | QueuePairAttributeMask.Timeout | RetryCount | RnrRetry | MaxRdAtomic | MaxDestinationRdAtomic
            | AlternatePath | Access | PartitionKeyIndex | MinRnrTimer | PathMigrationState,
    };

    private static QueuePairAttributeMask AfterSendError(TransportService service) => service switch
    {
        UnreliableDatagram => CurrentState | QueueKey,
        UnreliableConnection => CurrentState | Access,
        _ => None,
    };
}
