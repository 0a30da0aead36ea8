using System.Globalization;

namespace RoceEngine.Capture;

/// <summary>The classic pcap format, with microseconds or nanoseconds. draft-ietf-opsawg-pcap.</summary>
internal sealed class PcapReader : CaptureReader
{
    /// <summary>No capture has larger frames: the largest snap length of libpcap is a quarter of this.</summary>
    internal const int FrameBytesMax = 1 << 20;

    private const uint MagicMicroseconds = 0xA1B2_C3D4;
    private const uint MagicNanoseconds = 0xA1B2_3C4D;
    private const int FileHeaderBytesAfterMagic = 20;
    private const int RecordHeaderBytes = 16;

    private readonly LinkType _linkType;
    private readonly long _fractionNs;

    internal PcapReader(CaptureInput input, bool isBigEndian, bool isNanoseconds)
        : base(input)
    {
        input.IsBigEndian = isBigEndian;
        _fractionNs = isNanoseconds ? 1 : 1_000;
        ReadOnlySpan<byte> header = input.Read(FileHeaderBytesAfterMagic, "the pcap file header").Span;
        int major = input.UInt16(header);
        if (major != 2)
        {
            throw new CaptureFormatException($"pcap version {major}.{input.UInt16(header[2..])} is not known, 2.4 is");
        }

        // The upper half tells of a frame check sequence, which lies behind the IP packet and is not looked at.
        _linkType = (LinkType)(input.UInt32(header[16..]) & 0xFFFF);
    }

    /// <summary>Tells byte order and resolution from the magic number, read little-endian.</summary>
    internal static bool TryMagic(uint magic, out bool isBigEndian, out bool isNanoseconds)
    {
        uint swapped = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(magic);
        isBigEndian = swapped is MagicMicroseconds or MagicNanoseconds;
        isNanoseconds = (isBigEndian ? swapped : magic) == MagicNanoseconds;
        return isBigEndian || magic is MagicMicroseconds or MagicNanoseconds;
    }

    public override bool TryRead(out CapturedFrame frame)
    {
        frame = default;
        long start = Input.Position;
        if (!Input.TryRead(RecordHeaderBytes, $"the header of record {FrameCount + 1}", out ReadOnlySpan<byte> header))
        {
            return false;
        }

        long timestampNs = (Input.UInt32(header) * 1_000_000_000L) + (Input.UInt32(header[4..]) * _fractionNs);
        uint captured = Input.UInt32(header[8..]);
        uint original = Input.UInt32(header[12..]);
        if (captured > FrameBytesMax)
        {
            throw new CaptureFormatException(string.Create(
                CultureInfo.InvariantCulture, $"record {FrameCount + 1} at byte {start} claims {captured} bytes"));
        }

        ReadOnlyMemory<byte> bytes = Input.Read((int)captured, $"record {FrameCount + 1}");
        frame = new CapturedFrame(++FrameCount, timestampNs, _linkType, original, bytes);
        return true;
    }
}
