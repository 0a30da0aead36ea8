using System.Buffers.Binary;

namespace RoceEngine.Capture;

/// <summary>Reads the frames of a pcap or pcapng file, of either byte order, one after another. Needs no seeking.</summary>
public abstract class CaptureReader
{
    private protected CaptureReader(CaptureInput input) => Input = input;

    /// <summary>Frames read so far.</summary>
    public long FrameCount { get; private protected set; }

    private protected CaptureInput Input { get; }

    /// <summary>Looks at the first bytes and chooses the format.</summary>
    /// <exception cref="CaptureFormatException">The stream is neither format, or ends within its header.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static CaptureReader Open(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var input = new CaptureInput(stream);
        if (!input.TryRead(4, "the magic number", out ReadOnlySpan<byte> magic))
        {
            throw new CaptureFormatException("not a pcap or pcapng file: it is empty");
        }

        uint little = BinaryPrimitives.ReadUInt32LittleEndian(magic);
        return little == PcapngReader.SectionHeader ? new PcapngReader(input)
            : PcapReader.TryMagic(little, out bool isBigEndian, out bool isNanoseconds) ? new PcapReader(input, isBigEndian, isNanoseconds)
            : throw new CaptureFormatException($"not a pcap or pcapng file: it begins with 0x{BinaryPrimitives.ReadUInt32BigEndian(magic):x8}");
    }

    /// <summary>Reads the next frame; false at the end of the file.</summary>
    /// <exception cref="CaptureFormatException">The file is cut off or contradicts itself.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public abstract bool TryRead(out CapturedFrame frame);
}
