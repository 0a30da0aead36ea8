using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>4-byte Immediate Data, handed to the receiver as it is. IBTA vol. 1, 9.3.6.</summary>
public readonly ref struct ImmDtView
{
    /// <summary>Bytes of the header.</summary>
    public const int Length = 4;

    private readonly ReadOnlySpan<byte> _bytes;

    private ImmDtView(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Binds to the header's first byte; false when fewer than <see cref="Length"/> bytes follow.</summary>
    public static bool TryBind(ReadOnlySpan<byte> header, out ImmDtView view)
    {
        bool fits = header.Length >= Length;
        view = fits ? new ImmDtView(header[..Length]) : default;
        return fits;
    }

    /// <summary>The four bytes read as a big-endian number.</summary>
    public uint Immediate => BinaryPrimitives.ReadUInt32BigEndian(_bytes);
}
