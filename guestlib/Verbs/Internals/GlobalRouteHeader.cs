using System.Buffers.Binary;
using System.Net;

namespace RoceEngine.Verbs.Internals;

/// <summary>
/// The 40 bytes before the message of a UD receive: an IPv6 header, or, in the last 20, an IPv4 header. IBTA annex A17.4.5.1.
/// </summary>
internal static class GlobalRouteHeader
{
    private const int IPv4Offset = 20;
    private const int UdpProtocol = 17;

    /// <summary>The way back to the sender; null when the bytes are no header of a datagram to this host alone.</summary>
    public static AddressHandleAttributes? TryReadReturnPath(ReadOnlySpan<byte> header)
    {
        if (header.Length < AddressHandle.GlobalRouteHeaderBytes)
        {
            return null;
        }

        ReadOnlySpan<byte> ipv4 = header[IPv4Offset..AddressHandle.GlobalRouteHeaderBytes];
        if (IsIPv4(header, ipv4))
        {
            return ipv4[9] != UdpProtocol || ipv4[16] is >= 224 and < 240
                ? null
                : new AddressHandleAttributes { DestinationAddress = new IPAddress(ipv4[12..16]), TrafficClass = ipv4[1], HopLimit = ipv4[8] };
        }

        const byte multicast = 0xFF;
        return header[0] >> 4 != 6 || header[6] != UdpProtocol || header[24] == multicast
            ? null
            : new AddressHandleAttributes
            {
                DestinationAddress = new IPAddress(header[8..24]),
                TrafficClass = (byte)(BinaryPrimitives.ReadUInt16BigEndian(header) >> 4),
                HopLimit = header[7],
                FlowLabel = BinaryPrimitives.ReadUInt32BigEndian(header) & 0xF_FFFF,
            };
    }

    /// <summary>The first 20 bytes of an IPv4 one are undefined, so that they may look like IPv6: then the checksum decides.</summary>
    private static bool IsIPv4(ReadOnlySpan<byte> header, ReadOnlySpan<byte> ipv4) =>
        header[0] >> 4 == 6 ? ipv4[0] == 0x45 && HasValidChecksum(ipv4) : ipv4[0] >> 4 == 4;

    private static bool HasValidChecksum(ReadOnlySpan<byte> ipv4)
    {
        uint sum = 0;
        for (int i = 0; i < ipv4.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(ipv4[i..]);
        }

        sum = (sum & 0xFFFF) + (sum >> 16);
        return sum is 0xFFFF or 0x1FFFE;
    }
}
