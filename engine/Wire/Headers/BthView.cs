using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>
/// 12-byte Base Transport Header, network byte order. IBTA vol. 1, 9.2.
/// <code>
///  0 opcode:8 | 1 SE:1 M:1 pad:2 version:4 | 2 partition key:16
///  4 FECN:1 BECN:1 reserved:6 (resv8a)     | 5 destination QPN:24
///  8 AckReq:1 reserved:7                   | 9 PSN:24
/// </code>
/// </summary>
public readonly ref struct BthView
{
    /// <summary>Bytes of the header.</summary>
    public const int Length = 12;

    internal const byte SolicitedEventBit = 0x80;
    internal const byte MigrationRequestBit = 0x40;
    internal const byte AcknowledgeRequestBit = 0x80;
    internal const byte BackwardCongestionBit = 0x40;
    internal const int PadShift = 4;
    internal const int ReservedOffset = 4;

    private readonly ReadOnlySpan<byte> _bytes;

    private BthView(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Binds to the start of a UDP payload; false when it is too short.</summary>
    public static bool TryBind(ReadOnlySpan<byte> packet, out BthView view)
    {
        bool fits = packet.Length >= Length;
        view = fits ? new BthView(packet[..Length]) : default;
        return fits;
    }

    public Opcode Opcode => (Opcode)_bytes[0];

    /// <summary>SE: raise a completion event at the responder.</summary>
    public bool SolicitedEvent => (_bytes[1] & SolicitedEventBit) != 0;

    /// <summary>M: migration state.</summary>
    public bool MigrationRequest => (_bytes[1] & MigrationRequestBit) != 0;

    /// <summary>Bytes of padding after the payload, 0…3.</summary>
    public byte PadCount => (byte)((_bytes[1] >> PadShift) & 3);

    /// <summary>TVer: 0 in every packet of this transport.</summary>
    public byte TransportVersion => (byte)(_bytes[1] & 0xF);

    public ushort PartitionKey => BinaryPrimitives.ReadUInt16BigEndian(_bytes[2..]);

    /// <summary>FECN, BECN and six reserved bits; not covered by the ICRC.</summary>
    public byte Reserved8A => _bytes[ReservedOffset];

    public uint DestinationQpn => BinaryPrimitives.ReadUInt32BigEndian(_bytes[4..]) & 0xFF_FFFF;

    /// <summary>A: the responder is asked for an acknowledgement.</summary>
    public bool AcknowledgeRequest => (_bytes[8] & AcknowledgeRequestBit) != 0;

    public Psn Psn => new(BinaryPrimitives.ReadUInt32BigEndian(_bytes[8..]));

    /// <summary>The one-bit fields as the engine's flags.</summary>
    public PacketFlags Flags =>
        (SolicitedEvent ? PacketFlags.SolicitedEvent : PacketFlags.None)
        | (MigrationRequest ? PacketFlags.MigrationRequest : PacketFlags.None)
        | (AcknowledgeRequest ? PacketFlags.AcknowledgeRequest : PacketFlags.None);
}
