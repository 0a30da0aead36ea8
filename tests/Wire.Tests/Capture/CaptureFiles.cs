using System.Buffers.Binary;
using RoceEngine.Capture;

namespace Wire.Tests.Capture;

/// <summary>Builds capture files byte by byte, apart from the product's writer.</summary>
internal sealed class CaptureFiles(bool isBigEndian)
{
    private readonly MemoryStream _bytes = new();

    public static IEnumerable<CapturedFrame> ReadAll(Stream stream)
    {
        CaptureReader reader = CaptureReader.Open(stream);
        while (reader.TryRead(out CapturedFrame frame))
        {
            yield return frame with { Bytes = frame.Bytes.ToArray() };
        }
    }

    public static List<CapturedFrame> ReadAll(byte[] file) => [.. ReadAll(new MemoryStream(file))];

    public byte[] ToArray() => _bytes.ToArray();

    public CaptureFiles U16(int value)
    {
        Span<byte> bytes = stackalloc byte[2];
        if (isBigEndian)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)value);
        }
        else
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)value);
        }

        _bytes.Write(bytes);
        return this;
    }

    public CaptureFiles U32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        if (isBigEndian)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        }

        _bytes.Write(bytes);
        return this;
    }

    public CaptureFiles Bytes(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public CaptureFiles PcapHeader(bool isNanoseconds, int linkType) => U32(isNanoseconds ? 0xA1B2_3C4Du : 0xA1B2_C3D4u)
        .U16(2).U16(4).U32(0).U32(0).U32(262_144).U32((uint)linkType);

    public CaptureFiles PcapRecord(uint seconds, uint fraction, byte[] frame, int? original = null) =>
        U32(seconds).U32(fraction).U32((uint)frame.Length).U32((uint)(original ?? frame.Length)).Bytes(frame);

    public CaptureFiles Block(uint type, byte[] body)
    {
        byte[] padded = [.. body, .. new byte[-body.Length & 3]];
        uint length = (uint)padded.Length + 12;
        return U32(type).U32(length).Bytes(padded).U32(length);
    }

    public CaptureFiles Section() =>
        Block(0x0A0D_0D0A, new CaptureFiles(isBigEndian).U32(0x1A2B_3C4D).U16(1).U16(0).U32(uint.MaxValue).U32(uint.MaxValue).ToArray());

    public CaptureFiles Interface(int linkType, byte? resolution = null, long? offsetSeconds = null, uint snapBytes = 0)
    {
        CaptureFiles body = new CaptureFiles(isBigEndian).U16(linkType).U16(0).U32(snapBytes);
        if (resolution is { } value)
        {
            body.U16(9).U16(1).Bytes([value, 0, 0, 0]);
        }

        if (offsetSeconds is { } seconds)
        {
            // 64 bits in file order.
            body.U16(14).U16(8);
            uint high = (uint)((ulong)seconds >> 32);
            uint low = (uint)seconds;
            body.U32(isBigEndian ? high : low).U32(isBigEndian ? low : high);
        }

        return Block(1, body.U16(0).U16(0).ToArray());
    }

    public CaptureFiles EnhancedPacket(uint source, ulong timestamp, byte[] frame, int? original = null, uint? claimed = null) => Block(
        6,
        new CaptureFiles(isBigEndian).U32(source).U32((uint)(timestamp >> 32)).U32((uint)timestamp)
            .U32(claimed ?? (uint)frame.Length).U32((uint)(original ?? frame.Length)).Bytes(frame).ToArray());

    public CaptureFiles SimplePacket(byte[] frame, int? original = null) =>
        Block(3, new CaptureFiles(isBigEndian).U32((uint)(original ?? frame.Length)).Bytes(frame).ToArray());
}
