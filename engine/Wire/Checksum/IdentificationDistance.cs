namespace RoceEngine.Wire;

/// <summary>
/// The powers of x that carry the word of an IPv4 header which holds identification, flags and fragment offset (bytes 4…7) to the
/// end of what the ICRC covers, and back. They depend on the datagram's length alone and are kept per length once computed.
/// Safe for threads: an entry is one word, every thread computes the same one, and 0, which is no power, says "not yet".
/// </summary>
internal static class IdentificationDistance
{
    /// <summary>Bytes of the UDP payload up to which powers are kept; RoCEv2 datagrams end well below.</summary>
    private const int KeptBytesMax = 9216;

    // The rest of the IPv4 header (12 bytes) and the UDP header (8) lie between the word and the UDP payload.
    private const int BytesBeforePayload = 20;

    private static readonly uint[] ForwardByLength = new uint[KeptBytesMax + 1];
    private static readonly uint[] BackByLength = new uint[KeptBytesMax + 1];

    /// <summary>x^(8n + 32), n the bytes between the word and the ICRC: from the word as a polynomial to its share of the register.</summary>
    public static uint Forward(int udpPayloadBytes) =>
        (uint)udpPayloadBytes <= KeptBytesMax && ForwardByLength[udpPayloadBytes] is uint kept and not 0
            ? kept
            : Compute(ForwardByLength, udpPayloadBytes, 1);

    /// <summary>The inverse of <see cref="Forward"/>: from a difference of registers to the word that makes it.</summary>
    public static uint Back(int udpPayloadBytes) =>
        (uint)udpPayloadBytes <= KeptBytesMax && BackByLength[udpPayloadBytes] is uint kept and not 0
            ? kept
            : Compute(BackByLength, udpPayloadBytes, -1);

    private static uint Compute(uint[] table, int udpPayloadBytes, int direction)
    {
        long exponent = (8L * (BytesBeforePayload + udpPayloadBytes - Icrc.Length)) + 32;
        uint power = Crc32Field.PowerOfX(direction * exponent);
        if ((uint)udpPayloadBytes <= KeptBytesMax)
        {
            Volatile.Write(ref table[udpPayloadBytes], power);
        }

        return power;
    }
}
