using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>
/// 4-byte FLUSH Extended Transport Header: reserved:26, selectivity level:2, placement type:4. IBTA vol. 1 (1.5), annex A19.
/// </summary>
public readonly ref struct FethView
{
    /// <summary>Bytes of the header.</summary>
    public const int Length = 4;

    /// <summary>Placement type: what came before becomes globally visible.</summary>
    public const uint GlobalBit = 1;

    /// <summary>Placement type: what came before becomes persistent.</summary>
    public const uint PersistentBit = 2;

    /// <summary>The bits of the placement type.</summary>
    public const uint PlacementMask = 0xF;

    /// <summary>Selectivity level: the whole memory region instead of the RETH's range.</summary>
    public const uint WholeRegionBit = 1 << 4;

    /// <summary>The bits of the selectivity level.</summary>
    public const uint SelectivityMask = 0x30;

    private readonly ReadOnlySpan<byte> _bytes;

    private FethView(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Binds to the header's first byte; false when fewer than <see cref="Length"/> bytes follow.</summary>
    public static bool TryBind(ReadOnlySpan<byte> header, out FethView view)
    {
        bool fits = header.Length >= Length;
        view = fits ? new FethView(header[..Length]) : default;
        return fits;
    }

    /// <summary>The whole word.</summary>
    public uint Bits => BinaryPrimitives.ReadUInt32BigEndian(_bytes);
}
