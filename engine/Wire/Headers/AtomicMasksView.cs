using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>
/// The 16 bytes after the AtomicETH of a masked atomic: compare mask or field boundaries:64, swap mask:64. This project's own: the
/// standard has no masked atomics on the wire.
/// </summary>
public readonly ref struct AtomicMasksView
{
    /// <summary>Bytes of the header.</summary>
    public const int Length = 16;

    private readonly ReadOnlySpan<byte> _bytes;

    private AtomicMasksView(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Binds to the header's first byte; false when fewer than <see cref="Length"/> bytes follow.</summary>
    public static bool TryBind(ReadOnlySpan<byte> header, out AtomicMasksView view)
    {
        bool fits = header.Length >= Length;
        view = fits ? new AtomicMasksView(header[..Length]) : default;
        return fits;
    }

    /// <summary>Compare-and-swap: the bits to compare. Fetch-and-add: a 1 is the most significant bit of a field.</summary>
    public ulong CompareMaskOrBoundary => BinaryPrimitives.ReadUInt64BigEndian(_bytes);

    /// <summary>Compare-and-swap: the bits to replace. Fetch-and-add ignores it.</summary>
    public ulong SwapMask => BinaryPrimitives.ReadUInt64BigEndian(_bytes[8..]);
}
