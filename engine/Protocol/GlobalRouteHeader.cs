using System.Buffers.Binary;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// The 40 bytes in front of a received datagram, as RoCEv2 has them: the IPv6 header, or 20 bytes of zeros and the IPv4 header.
/// IBTA vol. 1, annex A17; <c>ibv_init_ah_from_wc(3)</c> reads them.
/// </summary>
internal static class GlobalRouteHeader
{
    /// <summary>Bytes of the area in every receive buffer of a datagram QP.</summary>
    public const int Length = 40;

    private const int IPv4Bytes = 20;
    private const int UdpBytes = 8;
    private const byte UdpProtocol = 17;

    /// <summary>Composes the header that the packet came with, or would have come with when it never was on a wire.</summary>
    public static void Write(Span<byte> into, in Packet packet, in Gid source, in Gid destination)
    {
        int udpBytes = UdpBytes + PacketCodec.DatagramBytes(packet);
        into.Clear();
        if (source.IsIPv4)
        {
            WriteIPv4(into[^IPv4Bytes..], packet, source, destination, IPv4Bytes + udpBytes);
        }
        else
        {
            into[0] = (byte)(0x60 | (packet.TrafficClass >> 4));
            into[1] = (byte)(packet.TrafficClass << 4);
            BinaryPrimitives.WriteUInt16BigEndian(into[4..], (ushort)udpBytes);
            into[6] = UdpProtocol;
            into[7] = packet.HopLimit;
            source.Write(into[8..]);
            destination.Write(into[24..]);
        }
    }

    private static void WriteIPv4(Span<byte> into, in Packet packet, in Gid source, in Gid destination, int totalBytes)
    {
        const ushort dontFragment = 0x4000;
        into[0] = 0x45;
        into[1] = packet.TrafficClass;
        BinaryPrimitives.WriteUInt16BigEndian(into[2..], (ushort)totalBytes);
        BinaryPrimitives.WriteUInt16BigEndian(into[6..], dontFragment);
        into[8] = packet.HopLimit;
        into[9] = UdpProtocol;
        BinaryPrimitives.WriteUInt32BigEndian(into[12..], source.IPv4);
        BinaryPrimitives.WriteUInt32BigEndian(into[16..], destination.IPv4);
        BinaryPrimitives.WriteUInt16BigEndian(into[10..], Checksum(into));
    }

    /// <summary>The header's checksum. Readers tell IPv4 from IPv6 by it. RFC 1071.</summary>
    private static ushort Checksum(ReadOnlySpan<byte> header)
    {
        uint sum = 0;
        for (int i = 0; i < header.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(header[i..]);
        }

        sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~((sum & 0xFFFF) + (sum >> 16));
    }
}
