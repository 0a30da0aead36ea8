namespace RoceEngine.Wire;

/// <summary>What an AETH syndrome says, in its bits 6…5. IBTA vol. 1, 9.7.5.2.1, table 43.</summary>
public enum SyndromeKind : byte
{
    /// <summary>Positive acknowledgement; the value is the end-to-end credit count.</summary>
    Ack = 0,

    /// <summary>Receiver not ready; the value is an index into <see cref="RnrTimer"/>.</summary>
    RnrNak = 1,

    /// <summary>Not assigned.</summary>
    Reserved = 2,

    /// <summary>Negative acknowledgement; the value is a <see cref="NakCode"/>.</summary>
    Nak = 3,
}

/// <summary>NAK codes. IBTA vol. 1, 9.7.5.2.1, table 44.</summary>
public enum NakCode : byte
{
    /// <summary>A request is missing: resend from the expected PSN.</summary>
    PsnSequenceError = 0,

    /// <summary>The request was malformed or not permitted on this QP.</summary>
    InvalidRequest = 1,

    /// <summary>The rkey, the range or the permission did not fit.</summary>
    RemoteAccessError = 2,

    /// <summary>The responder failed on its own account.</summary>
    RemoteOperationalError = 3,

    /// <summary>RD only.</summary>
    InvalidRdRequest = 4,
}

/// <summary>
/// The 8-bit syndrome of an AETH: reserved:1, kind:2, value:5. IBTA vol. 1, 9.7.5.2.1.
/// </summary>
public readonly record struct AethSyndrome(byte Value)
{
    private const int ValueMask = 0x1F;

    /// <summary>The credit code that means "no end-to-end flow control": the requester need not count credits.</summary>
    public const byte UnlimitedCreditCode = 0x1F;

    /// <summary>Bit 7 is reserved; a syndrome with it set is of the reserved kind.</summary>
    public SyndromeKind Kind => (Value & 0x80) != 0 ? SyndromeKind.Reserved : (SyndromeKind)(Value >> 5);

    /// <summary>The five low bits: credit code, RNR timer index or NAK code.</summary>
    public byte Code => (byte)(Value & ValueMask);

    /// <summary>An ACK with a credit code.</summary>
    public static AethSyndrome Ack(byte creditCode = UnlimitedCreditCode) => new((byte)(creditCode & ValueMask));

    /// <summary>An RNR NAK with an index into <see cref="RnrTimer"/>.</summary>
    public static AethSyndrome RnrNak(byte timerIndex) => new((byte)(((int)SyndromeKind.RnrNak << 5) | (timerIndex & ValueMask)));

    /// <summary>A NAK.</summary>
    public static AethSyndrome Nak(NakCode code) => new((byte)(((int)SyndromeKind.Nak << 5) | ((byte)code & ValueMask)));

    /// <summary>
    /// Receive work requests that a credit code stands for, or -1 for "unlimited". IBTA vol. 1, 9.7.7.2, table 47:
    /// 0, 1, 2, 3, 4, 6, 8, 12, 16 and so on, each pair doubling.
    /// </summary>
    public static int CreditsOf(byte creditCode)
    {
        int code = creditCode & ValueMask;
        return code switch
        {
            UnlimitedCreditCode => -1,
            < 2 => code,
            _ => (2 + (code & 1)) << ((code >> 1) - 1),
        };
    }

    public override string ToString() => Kind switch
    {
        SyndromeKind.Ack => Code == UnlimitedCreditCode ? "ACK" : $"ACK credits={CreditsOf(Code)}",
        SyndromeKind.RnrNak => $"RNR_NAK timer={RnrTimer.Microseconds(Code)}us",
        SyndromeKind.Nak => Code <= (byte)NakCode.InvalidRdRequest ? $"NAK {(NakCode)Code}" : $"NAK code={Code}",
        _ => $"reserved 0x{Value:x2}",
    };
}
