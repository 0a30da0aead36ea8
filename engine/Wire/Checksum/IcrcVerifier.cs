using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>
/// Checks the ICRC of a datagram as a UDP socket delivers it, without its IP header.
/// </summary>
/// <remarks>
/// <para>IPv6: every covered field is known, the check is exact.</para>
/// <para>IPv4: a socket does not show the identification, which the ICRC covers. The CRC is linear: the received ICRC, exclusive-or
/// the one computed with identification 0, is the image of the header word that holds identification, flags and fragment offset
/// under a multiplication by a power of x. Undoing it gives back that word. Its upper half may be any identification; its lower half
/// must be what the computation assumed, an unfragmented packet with DF set. Of 2^32 differences 2^16 are accepted, so that 16 bits
/// of the check remain besides the UDP checksum, and no flip of a single bit in a datagram of up to 9,216 bytes is among them. A
/// change confined to the identification cannot be seen here, and is one that nobody minds.</para>
/// <para>A sender that leaves DF clear differs in that bit alone, and the word shows it. Accepting both without knowing the sender
/// would let the flip of one bit pass at two places (bit 3 of UDP payload byte 173, bit 6 of byte 1,834, which look like a cleared DF
/// and another identification). So the plain form wants DF set, and <see cref="IcrcReceiver"/> learns who leaves it clear.</para>
/// </remarks>
public static class IcrcVerifier
{
    private const uint DontFragment = 0x4000;

    /// <summary>True when the ICRC fits a sender that sets DF; for IPv4 <paramref name="identification"/> is the sender's, for IPv6 it is 0.</summary>
    /// <param name="source">Source address.</param>
    /// <param name="destination">Destination address, of the same family.</param>
    /// <param name="sourcePort">UDP source port; the destination port is 4791.</param>
    /// <param name="udpPayload">The whole UDP payload, ICRC included.</param>
    /// <param name="identification">The IPv4 identification, recovered.</param>
    public static bool TryVerify(
        in Gid source, in Gid destination, ushort sourcePort, ReadOnlySpan<byte> udpPayload, out ushort identification) =>
        TryVerify(source, destination, sourcePort, udpPayload, out identification, out bool dontFragment) && dontFragment;

    /// <summary>
    /// As the other form, but fits senders of either habit and tells whether this one had set IPv4's DF bit (true for IPv6). The caller
    /// must know which to expect; see the remarks.
    /// </summary>
    public static bool TryVerify(
        in Gid source,
        in Gid destination,
        ushort sourcePort,
        ReadOnlySpan<byte> udpPayload,
        out ushort identification,
        out bool dontFragment)
    {
        if (udpPayload.Length < BthView.Length + Icrc.Length)
        {
            identification = 0;
            dontFragment = false;
            return false;
        }

        int coveredBytes = udpPayload.Length - Icrc.Length;
        uint difference = ~StateOf(source, destination, sourcePort, udpPayload[..coveredBytes], udpPayload.Length)
            ^ Icrc.Read(udpPayload[coveredBytes..]);
        return TryRecover(source.IsIPv4, difference, udpPayload.Length, out identification, out dontFragment);
    }

    /// <summary>
    /// As <see cref="TryVerify(in Gid, in Gid, ushort, ReadOnlySpan{byte}, out ushort)"/>, and in the same pass copies the payload, all that is
    /// between the headers and the ICRC, to memory, whether the ICRC fits or not: for packets without padding.
    /// </summary>
    /// <param name="source">Source address.</param>
    /// <param name="destination">Destination address, of the same family.</param>
    /// <param name="sourcePort">UDP source port; the destination port is 4791.</param>
    /// <param name="udpPayload">The whole UDP payload, headers and ICRC included.</param>
    /// <param name="headerBytes">Bytes of the headers, at least the BTH.</param>
    /// <param name="place">Where the payload goes; it has room for it, and is advanced behind it.</param>
    /// <param name="identification">The IPv4 identification, recovered.</param>
    public static bool TryVerifyAndCopy(
        in Gid source, in Gid destination, ushort sourcePort, ReadOnlySpan<byte> udpPayload, int headerBytes,
        ref SegmentWriter place, out ushort identification)
    {
        int coveredBytes = udpPayload.Length - Icrc.Length;
        uint state = StateOf(source, destination, sourcePort, udpPayload[..headerBytes], udpPayload.Length);
        state = place.Write(state, udpPayload[headerBytes..coveredBytes]);
        uint difference = ~state ^ Icrc.Read(udpPayload[coveredBytes..]);
        return TryRecover(source.IsIPv4, difference, udpPayload.Length, out identification, out bool dontFragment) && dontFragment;
    }

    /// <summary>With identification 0 and DF set.</summary>
    private static uint StateOf(
        in Gid source, in Gid destination, ushort sourcePort, ReadOnlySpan<byte> covered, int udpPayloadBytes)
    {
        if (!Crc32.IsPclmulqdqUsable)
        {
            return Icrc.Begin(new IcrcPseudo(source, destination, sourcePort), covered, udpPayloadBytes);
        }

        uint ports = ((uint)sourcePort << 16) | RoceUdp.Port;
        return source.IsIPv4
            ? IcrcPseudo.BeginIPv4(source.IPv4, destination.IPv4, ports, DontFragment, covered, udpPayloadBytes)
            : IcrcPseudo.BeginIPv6(source, destination, ports, covered, udpPayloadBytes);
    }

    private static bool TryRecover(
        bool isIPv4, uint difference, int udpPayloadBytes, out ushort identification, out bool dontFragment)
    {
        identification = 0;
        dontFragment = true;
        if (difference == 0)
        {
            return true;
        }

        if (!isIPv4)
        {
            return false;
        }

        // The register's lowest byte came first on the wire, so the word is the register read big-endian.
        uint word = BinaryPrimitives.ReverseEndianness(
            Crc32Field.Multiply(difference, IdentificationDistance.Back(udpPayloadBytes)));
        uint flagsDifference = word & 0xFFFF;
        if (flagsDifference is not (0 or DontFragment))
        {
            return false;
        }

        identification = (ushort)(word >> 16);
        dontFragment = flagsDifference == 0;
        return true;
    }
}
