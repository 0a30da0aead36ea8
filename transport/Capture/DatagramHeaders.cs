using System.Buffers.Binary;
using RoceEngine.Wire;

namespace RoceEngine.Capture;

/// <summary>Synthesises the IP and UDP headers that a datagram has on the wire, checksums included. RFC 791, 8200, 768.</summary>
internal static class DatagramHeaders
{
    /// <summary>Bytes of the longest headers written here, IPv6 and UDP.</summary>
    public const int BytesMax = 48;

    /// <summary>Bytes of the largest UDP payload that an IPv4 packet can carry.</summary>
    public const int UdpPayloadBytesMax = 65_535 - IPv4Bytes - UdpBytes;

    private const int IPv4Bytes = 20;
    private const int IPv6Bytes = 40;
    private const int UdpBytes = 8;
    private const byte UdpProtocol = 17;
    private const byte HopLimit = 64;

    /// <summary>Writes the headers of <paramref name="udpPayload"/> and returns their length.</summary>
    public static int Write(
        Span<byte> into,
        in Gid source,
        in Gid destination,
        ushort sourcePort,
        byte tos,
        ushort identification,
        bool dontFragment,
        ReadOnlySpan<byte> udpPayload)
    {
        int ipBytes = destination.IsIPv4
            ? WriteIPv4(into, source, destination, tos, identification, dontFragment, udpPayload.Length)
            : WriteIPv6(into, source, destination, tos, udpPayload.Length);
        WriteUdp(into.Slice(ipBytes, UdpBytes), source, destination, sourcePort, udpPayload);
        return ipBytes + UdpBytes;
    }

    private static int WriteIPv4(
        Span<byte> into, in Gid source, in Gid destination, byte tos, ushort identification, bool dontFragment, int udpPayloadBytes)
    {
        into[0] = 0x45;
        into[1] = tos;
        BinaryPrimitives.WriteUInt16BigEndian(into[2..], (ushort)(IPv4Bytes + UdpBytes + udpPayloadBytes));
        BinaryPrimitives.WriteUInt16BigEndian(into[4..], identification);
        BinaryPrimitives.WriteUInt16BigEndian(into[6..], dontFragment ? (ushort)0x4000 : (ushort)0);
        into[8] = HopLimit;
        into[9] = UdpProtocol;
        BinaryPrimitives.WriteUInt16BigEndian(into[10..], 0);
        BinaryPrimitives.WriteUInt32BigEndian(into[12..], source.IPv4);
        BinaryPrimitives.WriteUInt32BigEndian(into[16..], destination.IPv4);
        BinaryPrimitives.WriteUInt16BigEndian(into[10..], InternetChecksum.Finish(InternetChecksum.Add(0, into[..IPv4Bytes])));
        return IPv4Bytes;
    }

    private static int WriteIPv6(Span<byte> into, in Gid source, in Gid destination, byte trafficClass, int udpPayloadBytes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(into, 0x6000_0000u | ((uint)trafficClass << 20));
        BinaryPrimitives.WriteUInt16BigEndian(into[4..], (ushort)(UdpBytes + udpPayloadBytes));
        into[6] = UdpProtocol;
        into[7] = HopLimit;
        source.Write(into[8..]);
        destination.Write(into[24..]);
        return IPv6Bytes;
    }

    private static void WriteUdp(Span<byte> udp, in Gid source, in Gid destination, ushort sourcePort, ReadOnlySpan<byte> udpPayload)
    {
        int udpBytes = UdpBytes + udpPayload.Length;
        BinaryPrimitives.WriteUInt16BigEndian(udp, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], RoceUdp.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udpBytes);
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], 0);

        // The pseudo header: addresses, protocol, length. The prefix of a mapped address must not count.
        Span<byte> addresses = stackalloc byte[2 * Gid.Length];
        source.Write(addresses);
        destination.Write(addresses[Gid.Length..]);
        ulong sum = UdpProtocol + (ulong)udpBytes;
        sum = destination.IsIPv4
            ? InternetChecksum.Add(InternetChecksum.Add(sum, addresses[12..16]), addresses[28..32])
            : InternetChecksum.Add(sum, addresses);
        sum = InternetChecksum.Add(InternetChecksum.Add(sum, udp), udpPayload);

        // 0 would say "no checksum".
        ushort checksum = InternetChecksum.Finish(sum);
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], checksum == 0 ? (ushort)0xFFFF : checksum);
    }
}
