namespace RoceEngine.Wire;

/// <summary>What an opcode says about its packet. Combined per opcode in <see cref="OpcodeTable"/>. IBTA vol. 1, 9.2.1 and 9.3.</summary>
[Flags]
public enum PacketTraits : uint
{
    None = 0,

    /// <summary>First packet of a message of several.</summary>
    First = 1 << 0,

    /// <summary>Neither first nor last packet of a message.</summary>
    Middle = 1 << 1,

    /// <summary>Last packet of a message of several.</summary>
    Last = 1 << 2,

    /// <summary>The one packet of its message.</summary>
    Only = 1 << 3,

    /// <summary>First or only: a message begins here.</summary>
    StartsMessage = 1 << 4,

    /// <summary>Last or only: a message ends here.</summary>
    EndsMessage = 1 << 5,

    /// <summary>Goes from requester to responder.</summary>
    Request = 1 << 6,

    /// <summary>Goes from responder to requester: a READ response, an acknowledgement or an atomic acknowledgement.</summary>
    Response = 1 << 7,

    /// <summary>Part of a SEND.</summary>
    Send = 1 << 8,

    /// <summary>Part of an RDMA WRITE.</summary>
    Write = 1 << 9,

    /// <summary>RDMA READ request.</summary>
    ReadRequest = 1 << 10,

    /// <summary>Part of an RDMA READ response.</summary>
    ReadResponse = 1 << 11,

    /// <summary>ACK or NAK without data.</summary>
    Acknowledge = 1 << 12,

    /// <summary>Atomic request: compare-and-swap or fetch-and-add.</summary>
    Atomic = 1 << 13,

    /// <summary>Atomic acknowledgement.</summary>
    AtomicResponse = 1 << 14,

    /// <summary>Carries an RDMA extended transport header.</summary>
    HasReth = 1 << 15,

    /// <summary>Carries an ACK extended transport header.</summary>
    HasAeth = 1 << 16,

    /// <summary>Carries an atomic extended transport header.</summary>
    HasAtomicEth = 1 << 17,

    /// <summary>Carries an atomic ACK extended transport header.</summary>
    HasAtomicAckEth = 1 << 18,

    /// <summary>Carries immediate data.</summary>
    HasImmediate = 1 << 19,

    /// <summary>Carries an invalidate extended transport header.</summary>
    HasInvalidateKey = 1 << 20,

    /// <summary>Carries a datagram extended transport header.</summary>
    HasDeth = 1 << 21,

    /// <summary>May carry payload. Packets without this trait have neither payload nor padding.</summary>
    HasPayload = 1 << 22,

    /// <summary>Takes a receive work request when its message begins or ends: every SEND, and a WRITE's end with immediate.</summary>
    ConsumesReceive = 1 << 23,

    /// <summary>Congestion notification (CNP): belongs to no message and takes no PSN. IBTA annex A17.</summary>
    CongestionNotification = 1 << 24,

    /// <summary>FLUSH request. IBTA vol. 1 (1.5), annex A19.</summary>
    Flush = 1 << 25,

    /// <summary>ATOMIC WRITE request. IBTA vol. 1 (1.5), annex A19.</summary>
    AtomicWrite = 1 << 26,

    /// <summary>Carries a FLUSH extended transport header.</summary>
    HasFeth = 1 << 27,

    /// <summary>Carries the masks of a masked atomic after its atomic extended transport header.</summary>
    HasAtomicMasks = 1 << 28,

    /// <summary>News of the sender's device: it pauses, or goes on. Belongs to no message and takes no PSN.</summary>
    DeviceNotice = 1 << 29,

    /// <summary>Asks for a response and not for an acknowledgement, and takes one of the responder's resources.</summary>
    NeedsResponse = ReadRequest | Atomic | Flush | AtomicWrite,
}
