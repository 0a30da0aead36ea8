using System.Buffers.Binary;
using System.Net;

namespace RoceEngine.Addresses;

/// <summary>The messages that tell neighbours where an address is now, as bytes.</summary>
internal static class NeighbourMessages
{
    /// <summary>Bytes of an Ethernet address.</summary>
    public const int LinkAddressBytes = 6;

    /// <summary>ARP over Ethernet for IPv4, without the Ethernet header.</summary>
    public const int ArpBytes = 28;

    /// <summary>A neighbour advertisement with its target link-layer address option.</summary>
    public const int AdvertisementBytes = 32;

    private const ushort ArpRequest = 1;
    private const ushort ArpReply = 2;

    /// <summary>
    /// Writes a gratuitous ARP packet (RFC 826): sender and target are the same IPv4 address. As a request it is the announcement of
    /// RFC 5227, 3, whose target hardware address is zero. As a reply it has the sender's there: Linux takes a reply for
    /// gratuitous, and so believes it within a second of the last change, only like that. Some neighbours listen to the one, some to
    /// the other.
    /// </summary>
    public static void WriteArp(Span<byte> packet, bool isReply, IPAddress address, ReadOnlySpan<byte> linkAddress)
    {
        const ushort ethernet = 1;
        const ushort ipv4 = 0x0800;
        BinaryPrimitives.WriteUInt16BigEndian(packet, ethernet);
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], ipv4);
        packet[4] = LinkAddressBytes;
        packet[5] = sizeof(uint);
        BinaryPrimitives.WriteUInt16BigEndian(packet[6..], isReply ? ArpReply : ArpRequest);
        linkAddress.CopyTo(packet[8..]);
        address.TryWriteBytes(packet[14..], out _);
        packet[18..24].Clear();
        if (isReply)
            linkAddress.CopyTo(packet[18..]);
        address.TryWriteBytes(packet[24..], out _);
    }

    /// <summary>
    /// Writes an unsolicited neighbour advertisement (RFC 4861, 4.4 and 7.2.6): neither router nor solicited, override set, and the
    /// target link-layer address option. The checksum is zero: Linux computes it for every raw ICMPv6 socket (RFC 3542, 3.1).
    /// </summary>
    public static void WriteAdvertisement(Span<byte> message, IPAddress address, ReadOnlySpan<byte> linkAddress)
    {
        const byte neighbourAdvertisement = 136;
        const uint overrideFlag = 0x2000_0000;
        const byte targetLinkAddressOption = 2;
        message[..4].Clear();
        message[0] = neighbourAdvertisement;
        BinaryPrimitives.WriteUInt32BigEndian(message[4..], overrideFlag);
        address.TryWriteBytes(message[8..], out _);
        message[24] = targetLinkAddressOption;
        message[25] = 1; // in units of eight bytes
        linkAddress.CopyTo(message[26..]);
    }
}
