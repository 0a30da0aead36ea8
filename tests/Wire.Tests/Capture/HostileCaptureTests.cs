using System.Buffers.Binary;
using CsCheck;
using RoceEngine.Capture;

namespace Wire.Tests.Capture;

public class HostileCaptureTests
{
    private static string MessageOf(byte[] file) =>
        Assert.Throws<CaptureFormatException>(() => CaptureFiles.ReadAll(file)).Message;

    private static byte[] SmallPcapng() => new CaptureFiles(false).Section().Interface(101, 9)
        .EnhancedPacket(0, 1, new byte[33]).EnhancedPacket(0, 2, new byte[5]).SimplePacket(new byte[8]).ToArray();

    private static byte[] SmallPcap() => new CaptureFiles(false).PcapHeader(false, 1)
        .PcapRecord(1, 2, new byte[60]).PcapRecord(1, 3, new byte[61]).ToArray();

    [Fact]
    public void What_is_no_capture_is_named_so()
    {
        Assert.Contains("it is empty", MessageOf([]));
        Assert.Contains("0x68656c6c", MessageOf("hello, world"u8.ToArray()));
        Assert.Contains("cut off", MessageOf([0xD4, 0xC3]));
        Assert.Contains("version 9.4", MessageOf(new CaptureFiles(false).U32(0xA1B2_C3D4).U16(9).U16(4).Bytes(new byte[16]).ToArray()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_file_cut_at_any_byte_gives_its_whole_frames_and_then_a_clear_error(bool isPcapng)
    {
        byte[] file = isPcapng ? SmallPcapng() : SmallPcap();
        List<CapturedFrame> all = CaptureFiles.ReadAll(file);
        int clean = 0;
        for (int length = 0; length < file.Length; length++)
        {
            var frames = new List<CapturedFrame>();
            CaptureFormatException? error = null;
            try
            {
                frames.AddRange(CaptureFiles.ReadAll(new MemoryStream(file, 0, length)));
            }
            catch (CaptureFormatException caught)
            {
                error = caught;
            }

            clean += error == null ? 1 : 0;
            Assert.True(frames.Count <= all.Count);
            Assert.True(error == null || error.Message.Contains("cut off") || length == 0, error?.Message);
        }

        // Only where a block or record ends does a shorter file look whole.
        Assert.Equal(isPcapng ? 4 : 2, clean);
    }

    [Fact]
    public void Frames_before_the_cut_are_delivered()
    {
        byte[] file = SmallPcap();
        CaptureReader reader = CaptureReader.Open(new MemoryStream(file, 0, file.Length - 1));
        Assert.True(reader.TryRead(out CapturedFrame frame));
        Assert.Equal(60, frame.Bytes.Length);
        string message = Assert.Throws<CaptureFormatException>(() => reader.TryRead(out _)).Message;
        Assert.Equal("the file is cut off: record 2 needs 61 bytes, 60 are left at byte 116", message);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(4u)]
    [InlineData(11u)]
    [InlineData(13u)]
    [InlineData(0xFFFF_FFFFu)]
    public void An_impossible_block_length_is_an_error(uint length)
    {
        byte[] file = [.. new CaptureFiles(false).Section().Interface(1).U32(6).U32(length).Bytes(new byte[64]).ToArray()];
        Assert.Contains($"a length of {length} bytes", MessageOf(file));
    }

    [Fact]
    public void Lengths_that_contradict_each_other_are_errors()
    {
        Assert.Contains("in front and", MessageOf(
            new CaptureFiles(false).Section().U32(6).U32(36).Bytes(new byte[24]).U32(40).ToArray()));
        Assert.Contains("in front and", MessageOf(
            new CaptureFiles(false).Section().U32(0xBAD).U32(36).Bytes(new byte[24]).U32(40).ToArray()));
        Assert.Contains("a packet of 99 bytes in a block with 8", MessageOf(
            new CaptureFiles(false).Section().Interface(1).EnhancedPacket(0, 0, new byte[8], claimed: 99).ToArray()));
        Assert.Contains("too short", MessageOf(new CaptureFiles(false).Section().Interface(1).Block(6, new byte[16]).ToArray()));
        Assert.Contains("too short", MessageOf(new CaptureFiles(false).Section().Block(1, new byte[4]).ToArray()));
        Assert.Contains("interface 7 of 1", MessageOf(
            new CaptureFiles(false).Section().Interface(1).EnhancedPacket(7, 0, new byte[8]).ToArray()));
        Assert.Contains("byte-order magic", MessageOf(new CaptureFiles(false).Block(0x0A0D_0D0A, new byte[16]).ToArray()));
    }

    [Theory]
    [InlineData(0x7FFF_FFFCu)]
    [InlineData(0xFFFF_FFFCu)]
    [InlineData(0x0400_0000u)]
    public void A_huge_claimed_length_allocates_next_to_nothing(uint length)
    {
        byte[][] files =
        [
            new CaptureFiles(false).Section().Interface(1).U32(6).U32(length).Bytes(new byte[64]).ToArray(),
            new CaptureFiles(false).Section().Interface(1).U32(0xBAD).U32(length).Bytes(new byte[64]).ToArray(),
            new CaptureFiles(false).PcapHeader(false, 1).U32(1).U32(1).U32(length).U32(length).Bytes(new byte[64]).ToArray(),
        ];
        foreach (byte[] file in files)
        {
            MessageOf(file);
            long before = GC.GetAllocatedBytesForCurrentThread();
            MessageOf(file);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 300_000);
        }
    }

    [Fact]
    public void Any_damage_gives_frames_or_a_format_error_and_nothing_else()
    {
        byte[][] files =
        [
            SmallPcapng(),
            SmallPcap(),
            new CaptureFiles(true).Section().Interface(276, 0x8A, 5).EnhancedPacket(0, 1, new byte[33]).ToArray(),
            File.ReadAllBytes(Golden.PathOf("cm.pcap"))[..2000],
        ];
        Gen.Select(Gen.Int[0, files.Length - 1], Gen.Select(Gen.Int[0, 1 << 20], Gen.UInt).Array[1, 6]).Sample((index, damages) =>
        {
            byte[] file = [.. files[index]];
            foreach (var (at, value) in damages)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at % (file.Length - 4)), value % 7 == 0 ? value % 100 : value);
            }

            try
            {
                foreach (DecodedPacket packet in PacketDecoder.Decode(new MemoryStream(file)))
                {
                    DecodedPacketText.Format(packet, 0);
                    DecodedPacketJson.Format(packet);
                }
            }
            catch (CaptureFormatException)
            {
                // The clear error that damage shall give.
            }
        }, iter: 3000);
    }
}
