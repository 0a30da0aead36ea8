namespace RoceEngine.Wire;

/// <summary>
/// The ICRC check of a packet whose IP header is at hand, as a capture has it: every covered bit is taken from the packet itself.
/// Made for reading captures; a receiver uses <see cref="IcrcVerifier"/>.
/// </summary>
public static class WholePacketIcrc
{
    private const int IPv4HeaderBytesMin = 20;
    private const int IPv4HeaderBytesMax = 60;
    private const int IPv6HeaderBytes = 40;
    private const int UdpHeaderBytes = 8;

    /// <summary>True when the ICRC at the end of <paramref name="udpPayload"/> fits the packet.</summary>
    /// <param name="ipHeader">The IPv4 header (options included) or the 40-byte IPv6 header.</param>
    /// <param name="udpHeader">The eight bytes of the UDP header.</param>
    /// <param name="udpPayload">BTH to ICRC.</param>
    public static bool Verify(ReadOnlySpan<byte> ipHeader, ReadOnlySpan<byte> udpHeader, ReadOnlySpan<byte> udpPayload)
    {
        if (ipHeader.Length is < IPv4HeaderBytesMin or > IPv4HeaderBytesMax
            || udpHeader.Length != UdpHeaderBytes
            || udpPayload.Length < BthView.Length + Icrc.Length)
        {
            return false;
        }

        Span<byte> masked = stackalloc byte[IPv4HeaderBytesMax + UdpHeaderBytes + BthView.Length];
        ipHeader.CopyTo(masked);
        if (!MaskIpHeader(masked, ipHeader.Length))
        {
            return false;
        }

        Span<byte> rest = masked[ipHeader.Length..];
        udpHeader.CopyTo(rest);
        rest[6] = rest[7] = 0xFF;
        udpPayload[..BthView.Length].CopyTo(rest[UdpHeaderBytes..]);
        rest[UdpHeaderBytes + BthView.ReservedOffset] = 0xFF;

        uint state = Icrc.Update(Icrc.Seed, masked[..(ipHeader.Length + UdpHeaderBytes + BthView.Length)]);
        state = Icrc.Update(state, udpPayload[BthView.Length..^Icrc.Length]);
        return Icrc.Finish(state) == Icrc.Read(udpPayload[^Icrc.Length..]);
    }

    /// <summary>Ones in place of what routers change. IBTA annex A17 5.3.3.</summary>
    private static bool MaskIpHeader(Span<byte> header, int headerBytes)
    {
        switch (header[0] >> 4)
        {
            case 4:
                header[1] = 0xFF;
                header[8] = 0xFF;
                header[10] = header[11] = 0xFF;
                return true;
            case 6 when headerBytes == IPv6HeaderBytes:
                header[0] |= 0x0F;
                header[1] = header[2] = header[3] = 0xFF;
                header[7] = 0xFF;
                return true;
            default:
                return false;
        }
    }
}
