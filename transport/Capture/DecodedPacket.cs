using RoceEngine.Wire;

namespace RoceEngine.Capture;

/// <summary>One datagram to port 4791 out of a capture, decoded as far as it goes.</summary>
public sealed class DecodedPacket
{
    /// <summary>The frame's number in the file, from 1.</summary>
    public required long Number { get; init; }

    /// <summary>
    /// Position from 0 in a frame that holds a train of datagrams, not yet cut by the sender's segmentation offload; else null.
    /// </summary>
    public required int? TrainIndex { get; init; }

    /// <summary>Nanoseconds since the Unix epoch.</summary>
    public required long TimestampNs { get; init; }

    public required Gid Source { get; init; }

    public required Gid Destination { get; init; }

    public required ushort SourcePort { get; init; }

    /// <summary>IPv4 TOS or IPv6 traffic class.</summary>
    public required byte Tos { get; init; }

    /// <summary>IPv4 identification as the IP header has it, plus the position in a train; null for IPv6.</summary>
    public required ushort? IpIdentification { get; init; }

    /// <summary>Bytes from BTH to ICRC, as far as captured.</summary>
    public required int UdpPayloadBytes { get; init; }

    /// <summary>What is wrong with the frame, or nothing.</summary>
    public required FrameProblem Problem { get; init; }

    /// <summary>Why the UDP payload is no RoCEv2 packet; <see cref="MalformedReason.None"/> when it is one.</summary>
    public required MalformedReason Reason { get; init; }

    /// <summary>True when at least a BTH was there, so that <see cref="Header"/>'s BTH fields hold.</summary>
    public required bool HasBth { get; init; }

    /// <summary>The header fields; the extension fields hold only when there is no problem. Its payload segments are not set.</summary>
    public required Packet Header { get; init; }

    /// <summary>The ICRC judged with the packet's own IP header.</summary>
    public required IcrcVerdict PacketIcrc { get; init; }

    /// <summary>
    /// The ICRC judged from the UDP payload, addresses, ports and length alone, as by a receiver that knows whether its peer sets DF.
    /// </summary>
    public required IcrcVerdict PayloadIcrc { get; init; }

    /// <summary>The IPv4 identification that the judgement from the UDP payload recovered; null for IPv6 and after a mismatch.</summary>
    public required ushort? RecoveredIdentification { get; init; }

    /// <summary>True for a complete, well-formed packet, whatever its ICRC.</summary>
    public bool IsWellFormed => Problem == FrameProblem.None;

    /// <summary>The opcode's facts.</summary>
    public OpcodeInfo Opcode => OpcodeTable.For(Header.Opcode);

    /// <summary>The opcode's name, or its number when unknown.</summary>
    public string OpcodeName => OpcodeTable.NameOf(Header.Opcode);

    /// <summary>One word for what is wrong, or null.</summary>
    public string? ProblemName => Problem switch
    {
        FrameProblem.None => null,
        FrameProblem.Malformed => Reason.ToString(),
        _ => Problem.ToString(),
    };
}
