using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>8-byte Atomic ACK Extended Transport Header: original data:64. IBTA vol. 1, 9.5.3.</summary>
public readonly ref struct AtomicAckEthView
{
    /// <summary>Bytes of the header.</summary>
    public const int Length = 8;

    private readonly ReadOnlySpan<byte> _bytes;

    private AtomicAckEthView(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Binds to the header's first byte; false when fewer than <see cref="Length"/> bytes follow.</summary>
    public static bool TryBind(ReadOnlySpan<byte> header, out AtomicAckEthView view)
    {
        bool fits = header.Length >= Length;
        view = fits ? new AtomicAckEthView(header[..Length]) : default;
        return fits;
    }

    /// <summary>The target's value before the operation.</summary>
    public ulong OriginalValue => BinaryPrimitives.ReadUInt64BigEndian(_bytes);
}
