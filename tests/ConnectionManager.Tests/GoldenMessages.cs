using System.Buffers.Binary;

namespace ConnectionManager.Tests;

/// <summary>The management datagrams of two kernels' connection managers, out of a classic little-endian pcap of IPv4 over Ethernet.</summary>
public static class GoldenMessages
{
    private const int FileHeader = 24;
    private const int RecordHeader = 16;
    private const int IpOffset = 14;
    private const int BthOffset = IpOffset + 20 + 8;
    private const int PayloadOffset = BthOffset + 12 + 8;

    /// <summary>In the order in which they were sent: REQ, REP, RTU, DREQ, DREP, SIDR_REQ, SIDR_REP, REQ, REJ.</summary>
    public static byte[][] All { get; } = [.. Read()];

    private static IEnumerable<byte[]> Read()
    {
        byte[] bytes = File.ReadAllBytes(Path.Join(AppContext.BaseDirectory, "golden", "cm.pcap"));
        for (int offset = FileHeader; offset < bytes.Length;)
        {
            int captured = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(offset + 8));
            byte[] frame = bytes[(offset + RecordHeader)..(offset + RecordHeader + captured)];
            offset += RecordHeader + captured;
            uint destination = BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(BthOffset + 4)) & 0xFF_FFFF;
            if (destination == 1)
                yield return frame[PayloadOffset..(PayloadOffset + 256)];
        }
    }
}
