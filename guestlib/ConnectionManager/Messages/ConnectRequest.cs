using System.Buffers.Binary;
using System.Net;

namespace RoceEngine.ConnectionManager.Messages;

/// <summary>
/// REQ: asks for a connection. IBTA vol. 1, 12.6.5. Offsets within the message:
/// <code>
///   0 local communication ID | 8 service ID (8) | 16 CA GUID (8) | 28 Q_Key
///  32 QPN (24), responder resources (8) | 36 EECN (24), initiator depth (8)
///  40 remote EECN (24), remote CM response timeout (5), service (2), flow control (1)
///  44 first PSN (24), local CM response timeout (5), retry count (3)
///  48 P_Key | 50 path MTU (4), RDC (1), RNR retries (3) | 51 CM retries (4), SRQ (1), extended service (3)
///  52 primary path: LIDs | 56 local GID | 72 remote GID | 88 flow label (20), rate (6) | 92 traffic class | 93 hop limit
///  94 SL (4), subnet local (1) | 95 local ACK timeout (5) | 96 alternate path (44) | 140 private data (92)
/// </code>
/// </summary>
public sealed record ConnectRequest
{
    /// <summary>Bytes of private data, the <see cref="AddressHeader"/> included.</summary>
    public const int PrivateDataBytes = 92;

    private const int PrivateDataOffset = 140;
    private const ushort PermissiveLid = 0xFFFF;

    /// <summary>The sender's number of the connection.</summary>
    public uint LocalId { get; init; }

    /// <summary>What is asked for.</summary>
    public ulong ServiceId { get; init; }

    /// <summary>The sender's node.</summary>
    public ulong NodeGuid { get; init; }

    /// <summary>The sender's QP, 24 bits.</summary>
    public uint QueuePairNumber { get; init; }

    /// <summary>READs and atomics that the sender can answer at a time.</summary>
    public byte ResponderResources { get; init; }

    /// <summary>READs and atomics that the sender wants to have outstanding.</summary>
    public byte InitiatorDepth { get; init; }

    /// <summary>How soon the receiver shall answer: 4.096 µs · 2^n.</summary>
    public byte RemoteResponseTimeout { get; init; }

    /// <summary>Transport service: 0 RC, 1 UC.</summary>
    public byte Transport { get; init; }

    /// <summary>The sender's QP does end-to-end flow control.</summary>
    public bool FlowControl { get; init; }

    /// <summary>The first PSN that the receiver of the message shall send, 24 bits.</summary>
    public uint FirstPsn { get; init; }

    /// <summary>How soon the sender answers: 4.096 µs · 2^n.</summary>
    public byte LocalResponseTimeout { get; init; }

    /// <summary>Retries of a QP after a timeout, 0…7.</summary>
    public byte RetryCount { get; init; }

    /// <summary>Partition key.</summary>
    public ushort PartitionKey { get; init; } = 0xFFFF;

    /// <summary>Path MTU, 1 (256 bytes) to 5 (4096).</summary>
    public byte PathMtuCode { get; init; }

    /// <summary>Retries of the receiver's QP after RNR NAKs, 0…7.</summary>
    public byte RnrRetryCount { get; init; }

    /// <summary>How often either side sends a message of this exchange again, 0…15.</summary>
    public byte MaxRetries { get; init; }

    /// <summary>The sender's QP takes receives from a shared queue.</summary>
    public bool UsesSharedReceiveQueue { get; init; }

    /// <summary>The sender's address.</summary>
    public required IPAddress LocalAddress { get; init; }

    /// <summary>The receiver's address.</summary>
    public required IPAddress RemoteAddress { get; init; }

    /// <summary>IPv6 flow label, 20 bits.</summary>
    public uint FlowLabel { get; init; }

    /// <summary>IP traffic class.</summary>
    public byte TrafficClass { get; init; }

    /// <summary>IP time to live.</summary>
    public byte HopLimit { get; init; } = 64;

    /// <summary>Local ACK timeout of the QPs: 4.096 µs · 2^n.</summary>
    public byte AckTimeout { get; init; }

    /// <summary>Rate of the path as <c>enum ibv_rate</c> numbers them; 0 is the port's.</summary>
    public byte Rate { get; init; }

    /// <summary>All of the private data; at most <see cref="PrivateDataBytes"/>, a message always has that many.</summary>
    public byte[] PrivateData { get; init; } = [];

    /// <summary>Reads a message of 232 bytes. Never fails: any bits are a request, which may be refused.</summary>
    public static ConnectRequest Read(ReadOnlySpan<byte> message)
    {
        uint flowAndRate = BinaryPrimitives.ReadUInt32BigEndian(message[88..]);
        return new ConnectRequest
        {
            LocalId = BinaryPrimitives.ReadUInt32BigEndian(message),
            ServiceId = BinaryPrimitives.ReadUInt64BigEndian(message[8..]),
            NodeGuid = BinaryPrimitives.ReadUInt64BigEndian(message[16..]),
            QueuePairNumber = Bits.Read24(message[32..]),
            ResponderResources = message[35],
            InitiatorDepth = message[39],
            RemoteResponseTimeout = (byte)(message[43] >> 3),
            Transport = (byte)(message[43] >> 1 & 3),
            FlowControl = (message[43] & 1) != 0,
            FirstPsn = Bits.Read24(message[44..]),
            LocalResponseTimeout = (byte)(message[47] >> 3),
            RetryCount = (byte)(message[47] & 7),
            PartitionKey = BinaryPrimitives.ReadUInt16BigEndian(message[48..]),
            PathMtuCode = (byte)(message[50] >> 4),
            RnrRetryCount = (byte)(message[50] & 7),
            MaxRetries = (byte)(message[51] >> 4),
            UsesSharedReceiveQueue = (message[51] & 8) != 0,
            LocalAddress = Bits.ReadAddress(message[56..]),
            RemoteAddress = Bits.ReadAddress(message[72..]),
            FlowLabel = flowAndRate >> 12,
            Rate = (byte)(flowAndRate & 0x3F),
            TrafficClass = message[92],
            HopLimit = message[93],
            AckTimeout = (byte)(message[95] >> 3),
            PrivateData = message.Slice(PrivateDataOffset, PrivateDataBytes).ToArray(),
        };
    }

    /// <summary>The datagram.</summary>
    public byte[] Write(ulong transaction)
    {
        byte[] datagram = ManagementDatagram.Create(CmAttribute.ConnectRequest, transaction);
        Span<byte> message = ManagementDatagram.MessageOf(datagram.AsSpan());
        BinaryPrimitives.WriteUInt32BigEndian(message, LocalId);
        BinaryPrimitives.WriteUInt64BigEndian(message[8..], ServiceId);
        BinaryPrimitives.WriteUInt64BigEndian(message[16..], NodeGuid);
        Bits.Write24(message[32..], QueuePairNumber, ResponderResources);
        Bits.Write24(message[36..], 0, InitiatorDepth);
        Bits.Write24(message[40..], 0, (byte)((RemoteResponseTimeout << 3) | ((Transport & 3) << 1) | (FlowControl ? 1 : 0)));
        Bits.Write24(message[44..], FirstPsn, (byte)((LocalResponseTimeout << 3) | (RetryCount & 7)));
        BinaryPrimitives.WriteUInt16BigEndian(message[48..], PartitionKey);
        message[50] = (byte)((PathMtuCode << 4) | (RnrRetryCount & 7));
        message[51] = (byte)((MaxRetries << 4) | (UsesSharedReceiveQueue ? 8 : 0));
        BinaryPrimitives.WriteUInt16BigEndian(message[52..], PermissiveLid);
        BinaryPrimitives.WriteUInt16BigEndian(message[54..], PermissiveLid);
        Bits.WriteAddress(message[56..], LocalAddress);
        Bits.WriteAddress(message[72..], RemoteAddress);
        BinaryPrimitives.WriteUInt32BigEndian(message[88..], (FlowLabel << 12) | (Rate & 0x3Fu));
        message[92] = TrafficClass;
        message[93] = HopLimit;
        message[95] = (byte)(AckTimeout << 3);
        PrivateData.CopyTo(message.Slice(PrivateDataOffset, PrivateDataBytes));
        return datagram;
    }
}
