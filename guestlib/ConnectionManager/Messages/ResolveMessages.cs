using System.Buffers.Binary;

namespace RoceEngine.ConnectionManager.Messages;

/// <summary>
/// SIDR_REQ: asks which QP serves datagrams. IBTA vol. 1, 12.11.1.
/// <code>0 request ID | 4 P_Key | 8 service ID (8) | 16 private data (216)</code>
/// </summary>
public sealed record ResolveRequest
{
    /// <summary>Bytes of private data, the <see cref="AddressHeader"/> included.</summary>
    public const int PrivateDataBytes = 216;

    private const int PrivateDataOffset = 16;

    /// <summary>The sender's number of the request.</summary>
    public uint RequestId { get; init; }

    /// <summary>Partition key.</summary>
    public ushort PartitionKey { get; init; } = 0xFFFF;

    /// <summary>What is asked for.</summary>
    public ulong ServiceId { get; init; }

    /// <summary>All of the private data.</summary>
    public byte[] PrivateData { get; init; } = [];

    /// <summary>Reads a message of 232 bytes.</summary>
    public static ResolveRequest Read(ReadOnlySpan<byte> message) => new()
    {
        RequestId = BinaryPrimitives.ReadUInt32BigEndian(message),
        PartitionKey = BinaryPrimitives.ReadUInt16BigEndian(message[4..]),
        ServiceId = BinaryPrimitives.ReadUInt64BigEndian(message[8..]),
        PrivateData = message.Slice(PrivateDataOffset, PrivateDataBytes).ToArray(),
    };

    /// <summary>The datagram.</summary>
    public byte[] Write(ulong transaction)
    {
        byte[] datagram = ManagementDatagram.Create(CmAttribute.ResolveRequest, transaction);
        Span<byte> message = ManagementDatagram.MessageOf(datagram.AsSpan());
        BinaryPrimitives.WriteUInt32BigEndian(message, RequestId);
        BinaryPrimitives.WriteUInt16BigEndian(message[4..], PartitionKey);
        BinaryPrimitives.WriteUInt64BigEndian(message[8..], ServiceId);
        PrivateData.CopyTo(message.Slice(PrivateDataOffset, PrivateDataBytes));
        return datagram;
    }
}

/// <summary>How a SIDR_REQ was answered. IBTA vol. 1, 12.11.2.</summary>
public enum ResolveStatus : byte
{
    /// <summary>The QP is named.</summary>
    Valid = 0,

    /// <summary>Nobody serves that.</summary>
    NotSupported = 1,

    /// <summary>The application refused.</summary>
    Rejected = 2,

    /// <summary>There is no QP for it.</summary>
    NoQueuePair = 3,
}

/// <summary>
/// SIDR_REP: names the QP. IBTA vol. 1, 12.11.2.
/// <code>0 request ID | 4 status | 5 information length | 8 QPN (24) | 12 service ID (8) | 20 Q_Key | 24 information (72) | 96 private data (136)</code>
/// </summary>
public sealed record ResolveReply
{
    /// <summary>Bytes of private data.</summary>
    public const int PrivateDataBytes = 136;

    private const int PrivateDataOffset = 96;

    /// <summary>The number of the request.</summary>
    public uint RequestId { get; init; }

    /// <summary>Whether the rest means something.</summary>
    public ResolveStatus Status { get; init; }

    /// <summary>The QP, 24 bits.</summary>
    public uint QueuePairNumber { get; init; }

    /// <summary>What was asked for.</summary>
    public ulong ServiceId { get; init; }

    /// <summary>The QP's queue key.</summary>
    public uint QueueKey { get; init; }

    /// <summary>Private data.</summary>
    public byte[] PrivateData { get; init; } = [];

    /// <summary>Reads a message of 232 bytes.</summary>
    public static ResolveReply Read(ReadOnlySpan<byte> message) => new()
    {
        RequestId = BinaryPrimitives.ReadUInt32BigEndian(message),
        Status = (ResolveStatus)message[4],
        QueuePairNumber = Bits.Read24(message[8..]),
        ServiceId = BinaryPrimitives.ReadUInt64BigEndian(message[12..]),
        QueueKey = BinaryPrimitives.ReadUInt32BigEndian(message[20..]),
        PrivateData = message.Slice(PrivateDataOffset, PrivateDataBytes).ToArray(),
    };

    /// <summary>The datagram.</summary>
    public byte[] Write(ulong transaction)
    {
        byte[] datagram = ManagementDatagram.Create(CmAttribute.ResolveReply, transaction);
        Span<byte> message = ManagementDatagram.MessageOf(datagram.AsSpan());
        BinaryPrimitives.WriteUInt32BigEndian(message, RequestId);
        message[4] = (byte)Status;
        Bits.Write24(message[8..], QueuePairNumber, 0);
        BinaryPrimitives.WriteUInt64BigEndian(message[12..], ServiceId);
        BinaryPrimitives.WriteUInt32BigEndian(message[20..], QueueKey);
        PrivateData.CopyTo(message.Slice(PrivateDataOffset, PrivateDataBytes));
        return datagram;
    }
}
