namespace RoceEngine.Wire;

/// <summary>A piece of memory in this process that holds part of a payload.</summary>
public unsafe struct MemorySegment
{
    /// <summary>First byte.</summary>
    public byte* Address;

    /// <summary>Length in bytes.</summary>
    public int Bytes;

    public MemorySegment(byte* address, int bytes)
    {
        Address = address;
        Bytes = bytes;
    }
}

/// <summary>One-bit fields of the BTH. IBTA vol. 1, 9.2.</summary>
[Flags]
public enum PacketFlags : byte
{
    None = 0,

    /// <summary>SE: raise a completion event at the responder.</summary>
    SolicitedEvent = 1,

    /// <summary>M: migration state.</summary>
    MigrationRequest = 2,

    /// <summary>AckReq: the responder is asked for an acknowledgement.</summary>
    AcknowledgeRequest = 4,

    /// <summary>Received with the ECN field of the IP header at Congestion Experienced. Never encoded.</summary>
    CongestionExperienced = 8,
}

/// <summary>
/// A RoCEv2 packet as fields. The protocol speaks only this; a UDP link encodes it to bytes and decodes it from them, and
/// the local link hands it over as it is. Which extension fields mean something is decided by <see cref="OpcodeTable"/>.
/// </summary>
/// <remarks>
/// On the local link one packet may stand for a run: <see cref="PsnCount"/> consecutive packets of the same message with all of
/// their payload. A run has the opcode of the message as cut into runs (a whole message is an *Only), takes PsnCount PSNs starting
/// at <see cref="Psn"/>, and all but the last run of a message carry a multiple of the path MTU. On the wire PsnCount is 1, but for runs of
/// middle packets whose payload is in its place already: see <see cref="IPacketReceiver.TryFindPlace"/>.
/// </remarks>
public unsafe struct Packet
{
    public Opcode Opcode;
    public PacketFlags Flags;

    /// <summary>Bytes of padding after the payload, 0…3. Set by decode; an encoder computes it.</summary>
    public byte PadCount;

    /// <summary>AETH syndrome: ACK with credits, RNR NAK with timer, or NAK with code. IBTA vol. 1, 9.7.5.2.1.</summary>
    public byte Syndrome;

    public ushort PartitionKey;

    public uint DestinationQpn;
    public Psn Psn;

    /// <summary>PSNs that this packet takes: 1 on the wire, more for a run on the local link.</summary>
    public int PsnCount;

    /// <summary>AETH message sequence number, 24 bits.</summary>
    public uint MessageSequenceNumber;

    /// <summary>RETH or AtomicETH virtual address.</summary>
    public ulong RemoteAddress;

    /// <summary>RETH or AtomicETH remote key.</summary>
    public uint RemoteKey;

    /// <summary>RETH DMA length: bytes of the whole message.</summary>
    public uint DmaLength;

    /// <summary>AtomicETH swap data, or the addend of a fetch-and-add.</summary>
    public ulong SwapOrAdd;

    /// <summary>AtomicETH compare data.</summary>
    public ulong Compare;

    /// <summary>AtomicAckETH: the value before the operation.</summary>
    public ulong OriginalValue;

    /// <summary>ImmDt as the 32-bit number in network order read big-endian, or the key of an IETH.</summary>
    public uint ImmediateOrKey;

    /// <summary>DETH queue key.</summary>
    public uint QueueKey;

    /// <summary>DETH source QPN.</summary>
    public uint SourceQpn;

    /// <summary>AtomicETH of the masked operations: see <c>SendWorkRequest</c>.</summary>
    public ulong CompareMaskOrBoundary;

    /// <summary>AtomicETH of the masked compare-and-swap.</summary>
    public ulong SwapMask;

    /// <summary>FETH: placement type and selectivity level as on the wire. IBTA vol. 1 (1.5), annex A19.</summary>
    public uint FlushOptions;

    /// <summary>Received: the IP header's TOS or traffic class, ECN bits included. Not encoded: a route has its own.</summary>
    public byte TrafficClass;

    /// <summary>Received: the IP header's TTL or hop limit, 64 where the link does not know it. Not encoded.</summary>
    public byte HopLimit;

    /// <summary>The payload, without padding, in order. Valid only during the call that passes the packet, but see <see cref="IPacketSink"/>.</summary>
    public MemorySegment* Segments;

    public int SegmentCount;

    /// <summary>Sum of the segments' lengths.</summary>
    public int PayloadBytes;
}
