using System.Buffers.Binary;

namespace Wire.Tests;

/// <summary>The captures of a kernel peer, by a reader of its own: classic little-endian pcap, Ethernet, one frame a record.</summary>
public static class Golden
{
    public static readonly string[] IPv4Files = ["v4-256.pcap", "v4-1024.pcap", "v4-4096.pcap", "cm.pcap"];
    public static readonly string[] IPv6Files = ["v6-1024.pcap"];

    public static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "golden", file);

    /// <summary>The IP packets whose UDP destination port is 4791.</summary>
    public static IEnumerable<byte[]> RocePackets(string file)
    {
        byte[] bytes = File.ReadAllBytes(PathOf(file));
        for (int offset = 24; offset < bytes.Length;)
        {
            int captured = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(offset + 8));
            byte[] packet = bytes[(offset + 16 + 14)..(offset + 16 + captured)];
            offset += 16 + captured;
            int udpOffset = packet[0] >> 4 == 4 ? 20 : 40;
            bool isUdp = packet[0] >> 4 == 4 ? packet[9] == 17 : packet[6] == 17;
            if (isUdp && BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(udpOffset + 2)) == 4791)
            {
                yield return packet;
            }
        }
    }
}
