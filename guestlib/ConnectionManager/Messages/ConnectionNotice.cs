using System.Buffers.Binary;

namespace RoceEngine.ConnectionManager.Messages;

/// <summary>
/// The short messages about a connection, which begin alike: RTU, DREQ, DREP, MRA and REJ. IBTA vol. 1, 12.6.6, 12.6.7, 12.6.9 to 12.6.11.
/// <code>
///       0 local communication ID | 4 remote communication ID
/// RTU                                                                        8 private data (224)
/// DREQ  8 QPN of the receiver (24)                                          12 private data (220)
/// DREP                                                                       8 private data (224)
/// MRA   8 message (2) | 9 service timeout (5)                               10 private data (222)
/// REJ   8 message (2) | 9 information length (7) | 10 reason | 12 (72)      84 private data (148)
/// </code>
/// </summary>
public sealed record ConnectionNotice
{
    /// <summary>Which of them.</summary>
    public required CmAttribute Attribute { get; init; }

    /// <summary>The sender's number of the connection; 0 when it made none.</summary>
    public uint LocalId { get; init; }

    /// <summary>The receiver's number of the connection.</summary>
    public uint RemoteId { get; init; }

    /// <summary>DREQ: the receiver's QP, 24 bits.</summary>
    public uint QueuePairNumber { get; init; }

    /// <summary>MRA, REJ: what it answers: 0 REQ, 1 REP, 2 other.</summary>
    public byte Answers { get; init; }

    /// <summary>MRA: how long the answer will take: 4.096 µs · 2^n.</summary>
    public byte ServiceTimeout { get; init; }

    /// <summary>REJ: why.</summary>
    public RejectReason Reason { get; init; }

    /// <summary>Private data; at most what <see cref="PrivateDataBytesOf"/> says, a message always has that many.</summary>
    public byte[] PrivateData { get; init; } = [];

    /// <summary>Bytes of private data of each.</summary>
    public static int PrivateDataBytesOf(CmAttribute attribute) => ManagementDatagram.MessageBytes - OffsetOf(attribute);

    /// <summary>Reads a message of 232 bytes.</summary>
    public static ConnectionNotice Read(CmAttribute attribute, ReadOnlySpan<byte> message) => new()
    {
        Attribute = attribute,
        LocalId = BinaryPrimitives.ReadUInt32BigEndian(message),
        RemoteId = BinaryPrimitives.ReadUInt32BigEndian(message[4..]),
        QueuePairNumber = attribute == CmAttribute.DisconnectRequest ? Bits.Read24(message[8..]) : 0,
        Answers = attribute is CmAttribute.ReceiptAck or CmAttribute.Reject ? (byte)(message[8] >> 6) : (byte)0,
        ServiceTimeout = attribute == CmAttribute.ReceiptAck ? (byte)(message[9] >> 3) : (byte)0,
        Reason = attribute == CmAttribute.Reject ? (RejectReason)BinaryPrimitives.ReadUInt16BigEndian(message[10..]) : default,
        PrivateData = message[OffsetOf(attribute)..].ToArray(),
    };

    /// <summary>The datagram.</summary>
    public byte[] Write(ulong transaction)
    {
        byte[] datagram = ManagementDatagram.Create(Attribute, transaction);
        Span<byte> message = ManagementDatagram.MessageOf(datagram.AsSpan());
        BinaryPrimitives.WriteUInt32BigEndian(message, LocalId);
        BinaryPrimitives.WriteUInt32BigEndian(message[4..], RemoteId);
        switch (Attribute)
        {
            case CmAttribute.DisconnectRequest:
                Bits.Write24(message[8..], QueuePairNumber, 0);
                break;
            case CmAttribute.ReceiptAck:
                message[8] = (byte)(Answers << 6);
                message[9] = (byte)(ServiceTimeout << 3);
                break;
            case CmAttribute.Reject:
                message[8] = (byte)(Answers << 6);
                BinaryPrimitives.WriteUInt16BigEndian(message[10..], (ushort)Reason);
                break;
        }

        PrivateData.CopyTo(message[OffsetOf(Attribute)..]);
        return datagram;
    }

    private static int OffsetOf(CmAttribute attribute) => attribute switch
    {
        CmAttribute.ReadyToUse or CmAttribute.DisconnectReply => 8,
        CmAttribute.DisconnectRequest => 12,
        CmAttribute.ReceiptAck => 10,
        CmAttribute.Reject => 84,
        _ => throw new ArgumentOutOfRangeException(nameof(attribute), attribute, "no message of this form"),
    };
}

/// <summary>Why a connection is refused. IBTA vol. 1, table 107.</summary>
public enum RejectReason : ushort
{
    /// <summary>There is no room for another connection.</summary>
    NoResources = 3,

    /// <summary>The sender gave up waiting.</summary>
    Timeout = 4,

    /// <summary>The message names no connection.</summary>
    InvalidCommunicationId = 6,

    /// <summary>Nobody listens there.</summary>
    InvalidServiceId = 8,

    /// <summary>The listener wants another transport service.</summary>
    InvalidTransport = 9,

    /// <summary>The QP of the request is connected already as far as the receiver knows.</summary>
    StaleConnection = 10,

    /// <summary>The path MTU is none, or larger than the port's.</summary>
    InvalidPathMtu = 26,

    /// <summary>The application refused.</summary>
    Consumer = 28,
}
