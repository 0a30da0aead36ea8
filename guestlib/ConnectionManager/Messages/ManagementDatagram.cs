using System.Buffers.Binary;

namespace RoceEngine.ConnectionManager.Messages;

/// <summary>What a management datagram of the communication management class says. IBTA vol. 1, table 98 (attributes).</summary>
public enum CmAttribute : ushort
{
    /// <summary>ConnectRequest, REQ.</summary>
    ConnectRequest = 0x10,

    /// <summary>MsgRcptAck, MRA.</summary>
    ReceiptAck = 0x11,

    /// <summary>ConnectReject, REJ.</summary>
    Reject = 0x12,

    /// <summary>ConnectReply, REP.</summary>
    ConnectReply = 0x13,

    /// <summary>ReadyToUse, RTU.</summary>
    ReadyToUse = 0x14,

    /// <summary>DisconnectRequest, DREQ.</summary>
    DisconnectRequest = 0x15,

    /// <summary>DisconnectReply, DREP.</summary>
    DisconnectReply = 0x16,

    /// <summary>ServiceIDResReq, SIDR_REQ.</summary>
    ResolveRequest = 0x17,

    /// <summary>ServiceIDResReqResp, SIDR_REP.</summary>
    ResolveReply = 0x18,
}

/// <summary>
/// The 24-byte header of a management datagram, and the 232 bytes behind it. IBTA vol. 1, 13.4.3, 16.7.1.
/// <code>
///  0  base version 1 | class 0x07 | class version 2 | method Send 0x03
///  4  status | class specific
///  8  transaction ID (8)
/// 16  attribute ID | reserved | attribute modifier (4)
/// 24  the message
/// </code>
/// </summary>
public static class ManagementDatagram
{
    /// <summary>Bytes of every management datagram.</summary>
    public const int Bytes = 256;

    /// <summary>Bytes before the message.</summary>
    public const int HeaderBytes = 24;

    /// <summary>Bytes of a message.</summary>
    public const int MessageBytes = Bytes - HeaderBytes;

    /// <summary>The queue key of all general services. IBTA vol. 1, 10.2.4.</summary>
    public const uint QueueKey = 0x8001_0000;

    private const uint CommunicationManagement = 0x01_07_02_03;

    /// <summary>Looks at the header; false when this is no message of a connection manager.</summary>
    /// <param name="datagram">What came.</param>
    /// <param name="attribute">The kind of the message, known or not.</param>
    /// <param name="transaction">The sender's transaction ID.</param>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out CmAttribute attribute, out ulong transaction)
    {
        attribute = default;
        transaction = 0;
        if (datagram.Length < Bytes || BinaryPrimitives.ReadUInt32BigEndian(datagram) != CommunicationManagement)
        {
            return false;
        }

        attribute = (CmAttribute)BinaryPrimitives.ReadUInt16BigEndian(datagram[16..]);
        transaction = BinaryPrimitives.ReadUInt64BigEndian(datagram[8..]);
        return true;
    }

    /// <summary>A datagram with its header filled in and an empty message.</summary>
    public static byte[] Create(CmAttribute attribute, ulong transaction)
    {
        byte[] datagram = new byte[Bytes];
        BinaryPrimitives.WriteUInt32BigEndian(datagram, CommunicationManagement);
        BinaryPrimitives.WriteUInt64BigEndian(datagram.AsSpan(8), transaction);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(16), (ushort)attribute);
        return datagram;
    }

    /// <summary>The message of a datagram.</summary>
    public static Span<byte> MessageOf(Span<byte> datagram) => datagram.Slice(HeaderBytes, MessageBytes);

    /// <summary>The message of a datagram that <see cref="TryRead"/> accepted.</summary>
    public static ReadOnlySpan<byte> MessageOf(ReadOnlySpan<byte> datagram) => datagram.Slice(HeaderBytes, MessageBytes);
}
