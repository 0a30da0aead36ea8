using System.Buffers.Binary;
using RoceEngine.Wire;

namespace RoceEngine.Capture;

/// <summary>Where the parts of a frame lie that carries a UDP datagram to port 4791.</summary>
internal readonly ref struct RoceFrame
{
    /// <summary>IPv4 header with options, or the 40 bytes of IPv6.</summary>
    public ReadOnlySpan<byte> IpHeader { get; init; }

    public ReadOnlySpan<byte> UdpHeader { get; init; }

    /// <summary>BTH to ICRC, as far as captured.</summary>
    public ReadOnlySpan<byte> UdpPayload { get; init; }

    public FrameProblem Problem { get; init; }

    public bool IsIPv4 => IpHeader[0] >> 4 == 4;

    public Gid Source => IsIPv4 ? Gid.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(IpHeader[12..])) : Gid.Read(IpHeader[8..]);

    public Gid Destination => IsIPv4 ? Gid.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(IpHeader[16..])) : Gid.Read(IpHeader[24..]);

    /// <summary>IPv4 TOS or IPv6 traffic class.</summary>
    public byte Tos => IsIPv4 ? IpHeader[1] : (byte)(BinaryPrimitives.ReadUInt32BigEndian(IpHeader) >> 20);

    /// <summary>0 for IPv6, which has none.</summary>
    public ushort Identification => IsIPv4 ? BinaryPrimitives.ReadUInt16BigEndian(IpHeader[4..]) : (ushort)0;

    /// <summary>IPv4's DF bit, a sender's habit; IPv6 never fragments on the way.</summary>
    public bool DontFragment => !IsIPv4 || (IpHeader[6] & 0x40) != 0;

    public ushort SourcePort => BinaryPrimitives.ReadUInt16BigEndian(UdpHeader);
}

/// <summary>Finds UDP datagrams to port 4791 in frames: link header, VLAN tags, IPv4 with options, IPv6 with extension headers.</summary>
internal static class FrameParser
{
    private const ushort EtherTypeIPv4 = 0x0800;
    private const ushort EtherTypeIPv6 = 0x86DD;
    private const byte ProtocolUdp = 17;
    private const byte ProtocolIPv6Fragment = 44;
    private const int UdpHeaderBytes = 8;

    /// <summary>True when the frame carries a datagram to port 4791, whole or not.</summary>
    public static bool TryParse(in CapturedFrame frame, out RoceFrame roce)
    {
        roce = default;
        return TryFindIp(frame.LinkType, frame.Bytes.Span, out ReadOnlySpan<byte> ip)
            && !ip.IsEmpty
            && (ip[0] >> 4) switch
            {
                4 => TryParseIPv4(ip, out roce),
                6 => TryParseIPv6(ip, out roce),
                _ => false,
            };
    }

    private static bool TryFindIp(LinkType linkType, ReadOnlySpan<byte> frame, out ReadOnlySpan<byte> ip)
    {
        int headerBytes = linkType switch
        {
            LinkType.Raw or LinkType.RawBsd or LinkType.RawOpenBsd or LinkType.IPv4 or LinkType.IPv6 => 0,
            LinkType.Null or LinkType.Loop => 4,
            LinkType.Ethernet => EthernetHeaderBytes(frame, 12),
            LinkType.LinuxCooked => EthernetHeaderBytes(frame, 14),
            LinkType.LinuxCooked2 => IsIp(frame, 0) ? 20 : -1,
            _ => -1,
        };
        bool found = headerBytes >= 0 && headerBytes <= frame.Length;
        ip = found ? frame[headerBytes..] : default;
        return found;
    }

    /// <summary>Passes over VLAN tags (IEEE 802.1Q, 802.1ad, and the older 0x9100) from the EtherType on; -1 when no IP follows.</summary>
    private static int EthernetHeaderBytes(ReadOnlySpan<byte> frame, int typeOffset)
    {
        while (typeOffset + 2 <= frame.Length
            && BinaryPrimitives.ReadUInt16BigEndian(frame[typeOffset..]) is 0x8100 or 0x88A8 or 0x9100)
        {
            typeOffset += 4;
        }

        return IsIp(frame, typeOffset) ? typeOffset + 2 : -1;
    }

    private static bool IsIp(ReadOnlySpan<byte> frame, int typeOffset) =>
        typeOffset + 2 <= frame.Length
        && BinaryPrimitives.ReadUInt16BigEndian(frame[typeOffset..]) is EtherTypeIPv4 or EtherTypeIPv6;

    private static bool TryParseIPv4(ReadOnlySpan<byte> ip, out RoceFrame roce)
    {
        roce = default;
        if (ip.Length < 20)
        {
            return false;
        }

        int headerBytes = (ip[0] & 0xF) * 4;
        // Captured before segmentation by the network card, a packet may say 0.
        int claimedBytes = BinaryPrimitives.ReadUInt16BigEndian(ip[2..]);
        int totalBytes = claimedBytes == 0 ? ip.Length : claimedBytes;
        int fragment = BinaryPrimitives.ReadUInt16BigEndian(ip[6..]);
        bool isLaterFragment = (fragment & 0x1FFF) != 0;
        if (ip[9] != ProtocolUdp || headerBytes < 20 || totalBytes < headerBytes || ip.Length < headerBytes || isLaterFragment)
        {
            return false;
        }

        bool isFirstFragment = (fragment & 0x2000) != 0;
        return TryParseUdp(ip[..headerBytes], ip[headerBytes..], totalBytes - headerBytes, isFirstFragment, out roce);
    }

    private static bool TryParseIPv6(ReadOnlySpan<byte> ip, out RoceFrame roce)
    {
        const int headerBytes = 40;
        roce = default;
        if (ip.Length < headerBytes)
        {
            return false;
        }

        int left = BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
        byte next = ip[6];
        bool isFirstFragment = false;
        ReadOnlySpan<byte> rest = ip[headerBytes..];
        while (next != ProtocolUdp)
        {
            int extensionBytes = ExtensionBytes(next, rest);
            if (extensionBytes == 0 || extensionBytes > left || extensionBytes > rest.Length)
            {
                return false;
            }

            if (next == ProtocolIPv6Fragment)
            {
                int fragment = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
                if (fragment >> 3 != 0)
                {
                    return false;
                }

                isFirstFragment |= (fragment & 1) != 0;
            }

            next = rest[0];
            left -= extensionBytes;
            rest = rest[extensionBytes..];
        }

        return TryParseUdp(ip[..headerBytes], rest, left, isFirstFragment, out roce);
    }

    /// <summary>Length of an IPv6 extension header that may stand before UDP; 0 for anything else. RFC 8200, 4.</summary>
    private static int ExtensionBytes(byte protocol, ReadOnlySpan<byte> header) => protocol switch
    {
        _ when header.Length < 8 => 0,
        0 or 43 or 60 or 135 => (header[1] + 1) * 8,
        ProtocolIPv6Fragment => 8,
        51 => (header[1] + 2) * 4,
        _ => 0,
    };

    /// <summary>
    /// <paramref name="ipPayloadBytes"/> is what the IP header claims; less of it may have been captured, and an Ethernet trailer
    /// may follow it.
    /// </summary>
    private static bool TryParseUdp(
        ReadOnlySpan<byte> ipHeader, ReadOnlySpan<byte> captured, int ipPayloadBytes, bool isFirstFragment, out RoceFrame roce)
    {
        roce = default;
        if (captured.Length < UdpHeaderBytes
            || ipPayloadBytes < UdpHeaderBytes
            || BinaryPrimitives.ReadUInt16BigEndian(captured[2..]) != RoceUdp.Port)
        {
            return false;
        }

        int udpBytes = BinaryPrimitives.ReadUInt16BigEndian(captured[4..]);
        FrameProblem problem = isFirstFragment ? FrameProblem.IpFragment
            : udpBytes < UdpHeaderBytes || udpBytes > ipPayloadBytes ? FrameProblem.BadUdpLength
            : udpBytes > captured.Length ? FrameProblem.CutByCapture
            : FrameProblem.None;
        int end = problem == FrameProblem.None ? udpBytes : Math.Min(ipPayloadBytes, captured.Length);
        roce = new RoceFrame
        {
            IpHeader = ipHeader,
            UdpHeader = captured[..UdpHeaderBytes],
            UdpPayload = captured[UdpHeaderBytes..end],
            Problem = problem,
        };
        return true;
    }
}
