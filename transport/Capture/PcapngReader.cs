using System.Buffers.Binary;

namespace RoceEngine.Capture;

/// <summary>
/// The pcapng format: sections, interface descriptions, enhanced, simple and the obsolete packet blocks; all other blocks are passed
/// over. draft-ietf-opsawg-pcapng. A block is [type:32][total length:32][body][total length:32].
/// </summary>
internal sealed class PcapngReader : CaptureReader
{
    internal const uint SectionHeader = 0x0A0D_0D0A;

    private const uint InterfaceDescription = 1;
    private const uint ObsoletePacket = 2;
    private const uint SimplePacket = 3;
    private const uint EnhancedPacket = 6;
    private const uint ByteOrderMagic = 0x1A2B_3C4D;
    private const int BlockOverheadBytes = 12;
    private const ushort OptionEnd = 0;
    private const ushort OptionTimestampResolution = 9;
    private const ushort OptionTimestampOffset = 14;

    /// <summary>Blocks that are taken into memory: a frame of the largest size and its options, generously.</summary>
    private const int BlockBytesMax = PcapReader.FrameBytesMax * 2;

    private const int InterfaceCountMax = 65_536;

    private readonly List<CaptureInterface> _interfaces = [];

    /// <summary>The stream stands behind the type of the first section header.</summary>
    internal PcapngReader(CaptureInput input)
        : base(input) => ReadSectionHeader();

    public override bool TryRead(out CapturedFrame frame)
    {
        frame = default;
        while (Input.TryRead(4, "the type of a block", out ReadOnlySpan<byte> typeBytes))
        {
            uint type = Input.UInt32(typeBytes);
            if (type == SectionHeader)
            {
                ReadSectionHeader();
                continue;
            }

            long start = Input.Position - 4;
            uint totalBytes = Input.UInt32(Input.Read(4, "the length of a block").Span);
            CheckLength(totalBytes, start);
            if (type is not (InterfaceDescription or ObsoletePacket or SimplePacket or EnhancedPacket))
            {
                Input.Skip(totalBytes - BlockOverheadBytes, $"the block at byte {start}");
                CheckTrailer(Input.Read(4, $"the block at byte {start}").Span, totalBytes, start);
                continue;
            }

            ReadOnlyMemory<byte> body = ReadBody(totalBytes, start);
            if (type == InterfaceDescription)
            {
                AddInterface(body.Span, start);
                continue;
            }

            frame = type switch
            {
                EnhancedPacket => Enhanced(body, start),
                SimplePacket => Simple(body, start),
                _ => Obsolete(body, start),
            };
            return true;
        }

        return false;
    }

    /// <summary>Begins a section: its own byte order, its own interfaces. The stream stands behind the block type.</summary>
    private void ReadSectionHeader()
    {
        long start = Input.Position - 4;
        ReadOnlySpan<byte> head = Input.Read(8, "the section header").Span;
        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(head[4..]);
        Input.IsBigEndian = magic switch
        {
            ByteOrderMagic => false,
            0x4D3C_2B1A => true,
            _ => throw new CaptureFormatException($"the section header at byte {start} has the byte-order magic 0x{magic:x8}"),
        };
        uint totalBytes = Input.UInt32(head);
        CheckLength(totalBytes, start);
        if (totalBytes < BlockOverheadBytes + 16)
        {
            throw Contradiction(start, $"a section header of {totalBytes} bytes");
        }

        ReadOnlySpan<byte> body = Input.Read(12, "the section header").Span;
        int major = Input.UInt16(body);
        if (major != 1)
        {
            throw new CaptureFormatException($"pcapng version {major}.{Input.UInt16(body[2..])} is not known, 1.0 is");
        }

        Input.Skip(totalBytes - BlockOverheadBytes - 16, "the section header");
        CheckTrailer(Input.Read(4, "the section header").Span, totalBytes, start);
        _interfaces.Clear();
    }

    private static void CheckLength(uint totalBytes, long start)
    {
        if (totalBytes < BlockOverheadBytes || totalBytes % 4 != 0)
        {
            throw Contradiction(start, $"a length of {totalBytes} bytes");
        }
    }

    private ReadOnlyMemory<byte> ReadBody(uint totalBytes, long start)
    {
        if (totalBytes > BlockBytesMax)
        {
            throw Contradiction(start, $"a packet block of {totalBytes} bytes");
        }

        ReadOnlyMemory<byte> rest = Input.Read((int)totalBytes - 8, $"the block at byte {start}");
        CheckTrailer(rest.Span[^4..], totalBytes, start);
        return rest[..^4];
    }

    private void CheckTrailer(ReadOnlySpan<byte> trailer, uint totalBytes, long start)
    {
        uint second = Input.UInt32(trailer);
        if (second != totalBytes)
        {
            throw Contradiction(start, $"the length {totalBytes} in front and {second} behind");
        }
    }

    private void AddInterface(ReadOnlySpan<byte> body, long start)
    {
        if (body.Length < 8 || _interfaces.Count == InterfaceCountMax)
        {
            throw Contradiction(start, body.Length < 8 ? "an interface description that is too short" : "one interface too many");
        }

        byte resolution = CaptureInterface.DefaultResolution;
        long offsetSeconds = 0;
        for (ReadOnlySpan<byte> options = body[8..]; options.Length >= 4;)
        {
            int code = Input.UInt16(options);
            int bytes = Input.UInt16(options[2..]);
            if (code == OptionEnd || bytes > options.Length - 4)
            {
                break;
            }

            ReadOnlySpan<byte> value = options.Slice(4, bytes);
            if (code == OptionTimestampResolution && bytes >= 1)
            {
                resolution = value[0];
            }
            else if (code == OptionTimestampOffset && bytes >= 8)
            {
                offsetSeconds = (long)Input.UInt64(value);
            }

            options = options[Math.Min(options.Length, 4 + ((bytes + 3) & ~3))..];
        }

        _interfaces.Add(new CaptureInterface((LinkType)Input.UInt16(body), Input.UInt32(body[4..]), resolution, offsetSeconds));
    }

    private CapturedFrame Enhanced(ReadOnlyMemory<byte> body, long start)
    {
        ReadOnlySpan<byte> head = Head(body, 20, start);
        CaptureInterface source = Interface(Input.UInt32(head), start);
        return Frame(source, body[20..], Timestamp(head[4..]), Input.UInt32(head[12..]), Input.UInt32(head[16..]), start);
    }

    private CapturedFrame Obsolete(ReadOnlyMemory<byte> body, long start)
    {
        ReadOnlySpan<byte> head = Head(body, 20, start);
        CaptureInterface source = Interface(Input.UInt16(head), start);
        return Frame(source, body[20..], Timestamp(head[4..]), Input.UInt32(head[12..]), Input.UInt32(head[16..]), start);
    }

    /// <summary>A simple packet tells neither time nor captured length: that is the smallest of what is known.</summary>
    private CapturedFrame Simple(ReadOnlyMemory<byte> body, long start)
    {
        uint original = Input.UInt32(Head(body, 4, start));
        CaptureInterface source = Interface(0, start);
        uint captured = Math.Min(original, (uint)body.Length - 4);
        captured = source.SnapBytes != 0 ? Math.Min(captured, source.SnapBytes) : captured;
        return new CapturedFrame(++FrameCount, 0, source.LinkType, original, body.Slice(4, (int)captured));
    }

    private CapturedFrame Frame(
        CaptureInterface source, ReadOnlyMemory<byte> data, ulong timestamp, uint captured, uint original, long start) =>
        captured <= (uint)data.Length
            ? new CapturedFrame(
                ++FrameCount, source.ToNanoseconds(timestamp), source.LinkType, original, data[..(int)captured])
            : throw Contradiction(start, $"a packet of {captured} bytes in a block with {data.Length}");

    private ulong Timestamp(ReadOnlySpan<byte> head) => ((ulong)Input.UInt32(head) << 32) | Input.UInt32(head[4..]);

    private static ReadOnlySpan<byte> Head(ReadOnlyMemory<byte> body, int bytes, long start) =>
        body.Length >= bytes ? body.Span : throw Contradiction(start, "a packet block that is too short");

    private CaptureInterface Interface(uint index, long start) => index < (uint)_interfaces.Count
        ? _interfaces[(int)index]
        : throw Contradiction(start, $"interface {index} of {_interfaces.Count}");

    private static CaptureFormatException Contradiction(long start, string what) =>
        new($"the pcapng block at byte {start} has {what}");
}
