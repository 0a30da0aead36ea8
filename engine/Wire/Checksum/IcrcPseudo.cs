using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>
/// What the ICRC covers of the IP and UDP headers, for one flow: the headers with the fields that routers change replaced by ones.
/// IBTA vol. 1, 7.8.1; annex A17 5.3.3. IPv4: TOS, TTL, header checksum and UDP checksum are masked; identification, flags and
/// fragment offset are covered. IPv6: traffic class, flow label, hop limit and UDP checksum are masked.
/// </summary>
public readonly partial struct IcrcPseudo
{
    /// <summary>Bytes of the IPv4 and UDP headers.</summary>
    internal const int IPv4Bytes = 28;

    /// <summary>Bytes of the IPv6 and UDP headers.</summary>
    internal const int IPv6Bytes = 48;

    /// <summary>Where the identification stands in an IPv4 header.</summary>
    internal const int IdentificationOffset = 4;

    private const int UdpHeaderBytes = 8;
    private const int IPv4HeaderBytes = 20;

    private readonly Gid _source;
    private readonly Gid _destination;
    private readonly uint _ports;
    private readonly ushort _flags;

    /// <summary>A flow. The addresses are both IPv4-mapped or both IPv6.</summary>
    /// <param name="source">Source address.</param>
    /// <param name="destination">Destination address.</param>
    /// <param name="sourcePort">UDP source port.</param>
    /// <param name="destinationPort">UDP destination port, 4791 in RoCEv2.</param>
    /// <param name="dontFragment">IPv4's DF bit, set by a sender with IP_PMTUDISC_DO.</param>
    public IcrcPseudo(
        in Gid source, in Gid destination, ushort sourcePort, ushort destinationPort = RoceUdp.Port, bool dontFragment = true)
    {
        _source = source;
        _destination = destination;
        _ports = ((uint)sourcePort << 16) | destinationPort;
        _flags = dontFragment ? (ushort)0x4000 : (ushort)0;
    }

    /// <summary>True when the packets of the flow are IPv4.</summary>
    public bool IsIPv4 => _destination.IsIPv4;

    /// <summary>
    /// The register after the masked IP and UDP headers and the first <paramref name="headers"/> bytes of the UDP payload (at least the
    /// BTH, of which resv8a is masked).
    /// </summary>
    internal uint Begin(ReadOnlySpan<byte> headers, int udpPayloadBytes, ushort identification) =>
        Crc32.IsPclmulqdqUsable
            ? BeginPclmulqdq(headers, udpPayloadBytes, identification)
            : BeginScalar(headers, udpPayloadBytes, identification);

    /// <summary>The register after the masked IP and UDP headers alone, with identification 0.</summary>
    internal uint RegisterAfterPseudo(int udpPayloadBytes)
    {
        Span<byte> buffer = stackalloc byte[IPv6Bytes];
        int pseudoBytes = IsIPv4
            ? WriteIPv4(buffer, udpPayloadBytes, identification: 0)
            : WriteIPv6(buffer, udpPayloadBytes);
        return Crc32.UpdateScalar(Icrc.Seed, buffer[..pseudoBytes]);
    }

    /// <summary>The form without vectors, and the oracle of the other: the masked bytes written out, then summed.</summary>
    internal uint BeginScalar(ReadOnlySpan<byte> headers, int udpPayloadBytes, ushort identification)
    {
        Span<byte> buffer = stackalloc byte[IPv6Bytes + BthView.Length];
        int pseudoBytes = IsIPv4
            ? WriteIPv4(buffer, udpPayloadBytes, identification)
            : WriteIPv6(buffer, udpPayloadBytes);
        headers[..BthView.Length].CopyTo(buffer[pseudoBytes..]);
        buffer[pseudoBytes + BthView.ReservedOffset] = 0xFF;
        uint register = Crc32.UpdateScalar(Icrc.Seed, buffer[..(pseudoBytes + BthView.Length)]);
        return Crc32.UpdateScalar(register, headers[BthView.Length..]);
    }

    private int WriteIPv4(Span<byte> buffer, int udpPayloadBytes, ushort identification)
    {
        int udpBytes = udpPayloadBytes + UdpHeaderBytes;
        BinaryPrimitives.WriteUInt32BigEndian(buffer, 0x45FF_0000u | (ushort)(udpBytes + IPv4HeaderBytes));
        BinaryPrimitives.WriteUInt32BigEndian(buffer[4..], ((uint)identification << 16) | _flags);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[8..], 0xFF11_FFFF);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[12..], _source.IPv4);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[16..], _destination.IPv4);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[20..], _ports);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[24..], ((uint)udpBytes << 16) | 0xFFFF);
        return IPv4Bytes;
    }

    private int WriteIPv6(Span<byte> buffer, int udpPayloadBytes)
    {
        int udpBytes = udpPayloadBytes + UdpHeaderBytes;
        BinaryPrimitives.WriteUInt32BigEndian(buffer, 0x6FFF_FFFF);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[4..], ((uint)udpBytes << 16) | 0x11FF);
        _source.Write(buffer[8..]);
        _destination.Write(buffer[24..]);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[40..], _ports);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[44..], ((uint)udpBytes << 16) | 0xFFFF);
        return IPv6Bytes;
    }
}
