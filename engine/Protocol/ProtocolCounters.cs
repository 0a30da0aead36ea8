namespace RoceEngine.Protocol;

/// <summary>
/// What the protocol counted, for all QPs of a device together (so that an idle QP stays small). Written by the worker that owns the
/// device; another thread may read at any time and sees each number whole.
/// </summary>
public sealed class ProtocolCounters
{
    /// <summary>Request packets (a local run counts as one) sent for the first time.</summary>
    public long RequestPacketsSent;

    /// <summary>Request packets sent again.</summary>
    public long RetransmittedPackets;

    /// <summary>READ and atomic response packets sent, replays included.</summary>
    public long ResponsePacketsSent;

    /// <summary>Acknowledge packets sent: ACK, RNR NAK and NAK.</summary>
    public long AcknowledgesSent;

    /// <summary>Local ACK timeouts that led to a retransmission or to an error.</summary>
    public long Timeouts;

    /// <summary>Packets sent again early because no answer came for longer than usual: no retry is used up.</summary>
    public long Probes;

    /// <summary>RNR NAKs sent because no receive request was posted.</summary>
    public long RnrNaksSent;

    /// <summary>RNR NAKs received and obeyed.</summary>
    public long RnrNaksReceived;

    /// <summary>PSN sequence error NAKs sent.</summary>
    public long SequenceNaksSent;

    /// <summary>PSN sequence error NAKs received and obeyed.</summary>
    public long SequenceNaksReceived;

    /// <summary>Missing READ or atomic responses noticed from a later acknowledgement. IBTA vol. 1, 9.7.5.1.1.</summary>
    public long ImpliedNaks;

    /// <summary>NAKs sent that end the connection: invalid request, remote access, remote operational.</summary>
    public long FatalNaksSent;

    /// <summary>Requests received again: acknowledged again or replayed, never executed again (READ excepted).</summary>
    public long DuplicateRequests;

    /// <summary>READ and atomic requests answered from the replay resources.</summary>
    public long ReplayedRequests;

    /// <summary>Requests beyond the expected PSN, kept or dropped.</summary>
    public long OutOfSequenceRequests;

    /// <summary>Of these, the ones kept until their turn came.</summary>
    public long ReorderedRequests;

    /// <summary>Acknowledgements and responses for PSNs that are not outstanding ("ghost" and duplicate ACKs), dropped.</summary>
    public long StaleResponses;

    /// <summary>Dropped: the source address is not the peer's.</summary>
    public long DroppedWrongSource;

    /// <summary>Dropped: the QP's state takes no such packet.</summary>
    public long DroppedWrongState;

    /// <summary>Dropped: a response whose opcode or length does not fit what was asked.</summary>
    public long DroppedBadResponse;

    /// <summary>Dropped: an opcode that is none of this transport service.</summary>
    public long DroppedWrongOpcode;

    /// <summary>Dropped: a duplicate READ or atomic older than the replay resources.</summary>
    public long DroppedTooOld;

    /// <summary>Dropped: a P_Key that is not of the default partition.</summary>
    public long DroppedWrongPartition;

    /// <summary>Dropped: a datagram whose Q_Key is not the QP's.</summary>
    public long DroppedWrongQueueKey;

    /// <summary>Dropped by UC and UD: no receive request was posted, or it was too small.</summary>
    public long DroppedNoReceive;

    /// <summary>Dropped by UC: packets whose message lacks its beginning, or that came too late.</summary>
    public long DroppedOutOfSequence;

    /// <summary>UC messages given up half-way, since packets of them were lost.</summary>
    public long AbandonedMessages;

    /// <summary>Dropped by UC: a WRITE that the rights of the QP or of its rkey do not permit, or whose lengths disagree.</summary>
    public long DroppedBadRequest;

    /// <summary>Notices that the peer's device stands still, received and obeyed.</summary>
    public long PausesReceived;

    /// <summary>Notices that the peer's device runs again.</summary>
    public long ResumesReceived;

    /// <summary>Packets received that a router had marked Congestion Experienced.</summary>
    public long CongestionMarks;

    /// <summary>Congestion notifications (CNP) sent.</summary>
    public long CongestionNotificationsSent;

    /// <summary>Congestion notifications (CNP) received.</summary>
    public long CongestionNotificationsReceived;
}
