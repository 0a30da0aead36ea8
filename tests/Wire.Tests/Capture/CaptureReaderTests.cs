using RoceEngine.Capture;

namespace Wire.Tests.Capture;

public class CaptureReaderTests
{
    private static readonly byte[] First = [1, 2, 3, 4, 5];
    private static readonly byte[] Second = [.. Enumerable.Range(0, 300).Select(i => (byte)i)];

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Pcap_of_either_byte_order_and_resolution_is_read(bool isBigEndian, bool isNanoseconds)
    {
        byte[] file = new CaptureFiles(isBigEndian).PcapHeader(isNanoseconds, 101)
            .PcapRecord(1_700_000_000, 999_999, First)
            .PcapRecord(4_000_000_000, 5, Second, original: 1500)
            .ToArray();
        List<CapturedFrame> frames = CaptureFiles.ReadAll(file);

        long unit = isNanoseconds ? 1 : 1000;
        Assert.Equal(2, frames.Count);
        Assert.Equal((1L, 1_700_000_000_000_000_000 + (999_999 * unit), LinkType.Raw, 5L),
            (frames[0].Number, frames[0].TimestampNs, frames[0].LinkType, frames[0].OriginalBytes));
        Assert.Equal(First, frames[0].Bytes.ToArray());
        Assert.Equal((2L, 4_000_000_000_000_000_000 + (5 * unit), 1500L),
            (frames[1].Number, frames[1].TimestampNs, frames[1].OriginalBytes));
        Assert.Equal(Second, frames[1].Bytes.ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Pcapng_with_every_kind_of_block_is_read(bool isBigEndian)
    {
        byte[] obsolete = new CaptureFiles(isBigEndian).U16(1).U16(0).U32(0).U32(7_000)
            .U32((uint)First.Length).U32((uint)First.Length).Bytes(First).ToArray();
        byte[] file = new CaptureFiles(isBigEndian).Section()
            .Interface(1)
            .Block(0x0000_0BAD, new byte[1000])
            .Interface(101, resolution: 9)
            .EnhancedPacket(0, 1_000_000, First)
            .EnhancedPacket(1, 1_700_000_000_123_456_789, Second)
            .SimplePacket(First)
            .Block(5, new byte[12])
            .Block(2, obsolete)
            .ToArray();
        List<CapturedFrame> frames = CaptureFiles.ReadAll(file);

        Assert.Equal([1L, 2, 3, 4], frames.Select(frame => frame.Number));
        Assert.Equal([1_000_000_000L, 1_700_000_000_123_456_789, 0, 7_000], frames.Select(frame => frame.TimestampNs));
        Assert.Equal([LinkType.Ethernet, LinkType.Raw, LinkType.Ethernet, LinkType.Raw], frames.Select(frame => frame.LinkType));
        Assert.Equal([First, Second, First, First], frames.Select(frame => frame.Bytes.ToArray()));
    }

    [Theory]
    [InlineData(0, 1_700_000_000uL, 1_700_000_000_000_000_000)]
    [InlineData(3, 1_500uL, 1_500_000_000)]
    [InlineData(6, 1uL, 1_000)]
    [InlineData(9, 1uL, 1)]
    [InlineData(12, 5_000uL, 5)]
    [InlineData(127, ulong.MaxValue, 0)]
    [InlineData(0x80, 3uL, 3_000_000_000)]
    [InlineData(0x8A, 1024uL, 1_000_000_000)]
    [InlineData(0xFF, ulong.MaxValue, 0)]
    [InlineData(0, ulong.MaxValue, long.MaxValue)]
    public void Every_time_resolution_is_understood(byte resolution, ulong timestamp, long expectedNs)
    {
        byte[] file = new CaptureFiles(false).Section().Interface(101, resolution).EnhancedPacket(0, timestamp, First).ToArray();
        Assert.Equal(expectedNs, CaptureFiles.ReadAll(file)[0].TimestampNs);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_time_offset_is_added(bool isBigEndian)
    {
        byte[] file = new CaptureFiles(isBigEndian).Section().Interface(101, 9, offsetSeconds: -3)
            .EnhancedPacket(0, 5_000_000_000, First).ToArray();
        Assert.Equal(2_000_000_000, CaptureFiles.ReadAll(file)[0].TimestampNs);
    }

    [Fact]
    public void A_section_begins_anew_with_its_own_byte_order_and_interfaces()
    {
        byte[] file =
        [
            .. new CaptureFiles(false).Section().Interface(1).EnhancedPacket(0, 1, First).ToArray(),
            .. new CaptureFiles(true).Section().Interface(101, 9).EnhancedPacket(0, 2, Second).ToArray(),
        ];
        Assert.Equal(
            [(LinkType.Ethernet, 1_000L), (LinkType.Raw, 2L)],
            CaptureFiles.ReadAll(file).Select(frame => (frame.LinkType, frame.TimestampNs)));

        byte[] without = [.. new CaptureFiles(false).Section().Interface(1).Section().EnhancedPacket(0, 1, First).ToArray()];
        Assert.Contains("interface 0 of 0", Assert.Throws<CaptureFormatException>(() => CaptureFiles.ReadAll(without)).Message);
    }

    [Fact]
    public void A_simple_packet_ends_at_the_snap_length()
    {
        byte[] file = new CaptureFiles(false).Section().Interface(101, snapBytes: 6).SimplePacket(Second[..8], original: 300).ToArray();
        CapturedFrame frame = CaptureFiles.ReadAll(file)[0];
        Assert.Equal((6, 300L), (frame.Bytes.Length, frame.OriginalBytes));
    }

    [Fact]
    public void A_stream_that_gives_single_bytes_is_read_all_the_same()
    {
        byte[] file = File.ReadAllBytes(Golden.PathOf("cm.pcap"));
        Assert.Equal(
            CaptureFiles.ReadAll(file).Select(frame => Convert.ToHexString(frame.Bytes.Span)),
            CaptureFiles.ReadAll(new TricklingStream(file)).Select(frame => Convert.ToHexString(frame.Bytes.Span)));
    }

    private sealed class TricklingStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(1, count));
    }
}
