using System.Net;
using RoceEngine.Capture;
using RoceEngine.Vrdma.Output;
using RoceEngine.Wire;

namespace EndToEnd.Tests;

/// <summary>The stream that ends a capture after a number of packets.</summary>
public sealed class PcapngCounterTests
{
    private const int PacketsWritten = 9;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 1)]
    [InlineData(4, 7)]
    [InlineData(4, 100_000)]
    [InlineData(9, 13)]
    [InlineData(long.MaxValue, 3)]
    public void It_passes_whole_blocks_whatever_the_pieces_until_the_count_is_reached(long packetsMax, int pieceBytes)
    {
        byte[] file = CaptureFile();
        using MemoryStream passed = new();
        int begun = 0;
        int reached = 0;
        using PcapngCounter counter = new(passed, packetsMax, () => begun++, () => reached++);

        for (int at = 0; at < file.Length; at += pieceBytes)
            counter.Write(file.AsSpan(at, Math.Min(pieceBytes, file.Length - at)));

        long expected = Math.Min(packetsMax, PacketsWritten);
        Assert.Equal(expected, counter.Packets);
        Assert.Equal(1, begun);
        Assert.Equal(packetsMax <= PacketsWritten ? 1 : 0, reached);
        passed.Position = 0;
        CaptureReader reader = CaptureReader.Open(passed);
        while (reader.TryRead(out _))
        {
        }

        Assert.Equal(expected, reader.FrameCount);
        Assert.True(file.AsSpan().StartsWith(passed.ToArray()));
    }

    private static byte[] CaptureFile()
    {
        using MemoryStream file = new();
        using (CaptureWriter writer = new(file, leaveOpen: true))
        {
            Gid address = Gid.From(IPAddress.Loopback);
            for (int i = 0; i < PacketsWritten; i++)
                writer.WriteDatagram(address, address, 0xC000, 0, (ushort)i, new byte[16 + (i * 5)], 1_000_000 + i, CaptureDirection.Outbound);
        }

        return file.ToArray();
    }
}
