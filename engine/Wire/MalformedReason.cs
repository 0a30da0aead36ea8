namespace RoceEngine.Wire;

/// <summary>Why a received datagram is no RoCEv2 packet. Such datagrams are counted by reason and dropped; they move no QP.</summary>
public enum MalformedReason : byte
{
    /// <summary>The datagram is well formed.</summary>
    None = 0,

    /// <summary>Shorter than the BTH, the extension headers of its opcode and the ICRC.</summary>
    TooShort,

    /// <summary>The opcode is none that this engine speaks.</summary>
    UnknownOpcode,

    /// <summary>The transport header version is not 0. IBTA vol. 1, 9.2.</summary>
    BadTransportVersion,

    /// <summary>The pad count exceeds the bytes between the headers and the ICRC.</summary>
    PadUnderflow,

    /// <summary>A pad count on a packet that has no payload.</summary>
    PadNotAllowed,

    /// <summary>Bytes between headers and ICRC where the opcode has none.</summary>
    PayloadNotAllowed,

    /// <summary>Headers, payload and padding are not a multiple of four bytes together. IBTA vol. 1, 9.2.</summary>
    LengthNotMultipleOfFour,

    /// <summary>More payload than the largest path MTU.</summary>
    TooLong,

    /// <summary>The invariant CRC does not match the packet.</summary>
    IcrcMismatch,
}
