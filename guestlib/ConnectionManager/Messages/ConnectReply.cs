using System.Buffers.Binary;

namespace RoceEngine.ConnectionManager.Messages;

/// <summary>
/// REP: accepts a connection. IBTA vol. 1, 12.6.8. Offsets within the message:
/// <code>
///  0 local communication ID | 4 remote communication ID | 8 Q_Key | 12 QPN (24) | 16 EECN (24) | 20 first PSN (24)
/// 24 responder resources | 25 initiator depth | 26 target ACK delay (5), failover (2), flow control (1)
/// 27 RNR retries (3), SRQ (1) | 28 CA GUID (8) | 36 private data (196)
/// </code>
/// </summary>
public sealed record ConnectReply
{
    /// <summary>Bytes of private data.</summary>
    public const int PrivateDataBytes = 196;

    private const int PrivateDataOffset = 36;

    /// <summary>The sender's number of the connection.</summary>
    public uint LocalId { get; init; }

    /// <summary>The receiver's number of the connection.</summary>
    public uint RemoteId { get; init; }

    /// <summary>The sender's QP, 24 bits.</summary>
    public uint QueuePairNumber { get; init; }

    /// <summary>The first PSN that the receiver of the message shall send, 24 bits.</summary>
    public uint FirstPsn { get; init; }

    /// <summary>READs and atomics that the sender answers at a time.</summary>
    public byte ResponderResources { get; init; }

    /// <summary>READs and atomics that the sender will have outstanding.</summary>
    public byte InitiatorDepth { get; init; }

    /// <summary>How long the sender may take to acknowledge: 4.096 µs · 2^n.</summary>
    public byte TargetAckDelay { get; init; }

    /// <summary>The sender's QP does end-to-end flow control.</summary>
    public bool FlowControl { get; init; }

    /// <summary>Retries of the receiver's QP after RNR NAKs, 0…7.</summary>
    public byte RnrRetryCount { get; init; }

    /// <summary>The sender's QP takes receives from a shared queue.</summary>
    public bool UsesSharedReceiveQueue { get; init; }

    /// <summary>The sender's node.</summary>
    public ulong NodeGuid { get; init; }

    /// <summary>Private data; at most <see cref="PrivateDataBytes"/>, a message always has that many.</summary>
    public byte[] PrivateData { get; init; } = [];

    /// <summary>Reads a message of 232 bytes.</summary>
    public static ConnectReply Read(ReadOnlySpan<byte> message) => new()
    {
        LocalId = BinaryPrimitives.ReadUInt32BigEndian(message),
        RemoteId = BinaryPrimitives.ReadUInt32BigEndian(message[4..]),
        QueuePairNumber = Bits.Read24(message[12..]),
        FirstPsn = Bits.Read24(message[20..]),
        ResponderResources = message[24],
        InitiatorDepth = message[25],
        TargetAckDelay = (byte)(message[26] >> 3),
        FlowControl = (message[26] & 1) != 0,
        RnrRetryCount = (byte)(message[27] >> 5),
        UsesSharedReceiveQueue = (message[27] & 0x10) != 0,
        NodeGuid = BinaryPrimitives.ReadUInt64BigEndian(message[28..]),
        PrivateData = message.Slice(PrivateDataOffset, PrivateDataBytes).ToArray(),
    };

    /// <summary>The datagram.</summary>
    public byte[] Write(ulong transaction)
    {
        byte[] datagram = ManagementDatagram.Create(CmAttribute.ConnectReply, transaction);
        Span<byte> message = ManagementDatagram.MessageOf(datagram.AsSpan());
        BinaryPrimitives.WriteUInt32BigEndian(message, LocalId);
        BinaryPrimitives.WriteUInt32BigEndian(message[4..], RemoteId);
        Bits.Write24(message[12..], QueuePairNumber, 0);
        Bits.Write24(message[20..], FirstPsn, 0);
        message[24] = ResponderResources;
        message[25] = InitiatorDepth;
        message[26] = (byte)((TargetAckDelay << 3) | (FlowControl ? 1 : 0));
        message[27] = (byte)((RnrRetryCount << 5) | (UsesSharedReceiveQueue ? 0x10 : 0));
        BinaryPrimitives.WriteUInt64BigEndian(message[28..], NodeGuid);
        PrivateData.CopyTo(message.Slice(PrivateDataOffset, PrivateDataBytes));
        return datagram;
    }
}
