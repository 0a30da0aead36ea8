using System.Buffers.Binary;

namespace RoceEngine.HostStream;

/// <summary>
/// What stands before each payload, little-endian:
/// <code>
///  0        4      6          8
/// | bytes  | type | reserved | payload …
/// </code>
/// The count is that of the payload alone; the reserved field is 0.
/// </summary>
internal readonly record struct FrameHeader(uint PayloadBytes, ushort Type, ushort Reserved)
{
    public const int Length = 8;

    public static FrameHeader Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, PayloadBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[4..], Type);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[6..], Reserved);
    }
}
