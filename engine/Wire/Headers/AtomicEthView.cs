using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>28-byte Atomic Extended Transport Header: virtual address:64, remote key:32, swap or add data:64, compare data:64. IBTA vol. 1, 9.3.4.</summary>
public readonly ref struct AtomicEthView
{
    /// <summary>Bytes of the header.</summary>
    public const int Length = 28;

    private readonly ReadOnlySpan<byte> _bytes;

    private AtomicEthView(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Binds to the header's first byte; false when fewer than <see cref="Length"/> bytes follow.</summary>
    public static bool TryBind(ReadOnlySpan<byte> header, out AtomicEthView view)
    {
        bool fits = header.Length >= Length;
        view = fits ? new AtomicEthView(header[..Length]) : default;
        return fits;
    }

    /// <summary>The 8-byte aligned target in the responder's memory region.</summary>
    public ulong VirtualAddress => BinaryPrimitives.ReadUInt64BigEndian(_bytes);

    /// <summary>The rkey that permits the access.</summary>
    public uint RemoteKey => BinaryPrimitives.ReadUInt32BigEndian(_bytes[8..]);

    /// <summary>The value to store, or the addend of a fetch-and-add.</summary>
    public ulong SwapOrAdd => BinaryPrimitives.ReadUInt64BigEndian(_bytes[12..]);

    /// <summary>The value to compare with; fetch-and-add ignores it.</summary>
    public ulong Compare => BinaryPrimitives.ReadUInt64BigEndian(_bytes[20..]);
}
