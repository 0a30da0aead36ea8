using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>16-byte RDMA Extended Transport Header: virtual address:64, remote key:32, DMA length:32. IBTA vol. 1, 9.3.3.</summary>
public readonly ref struct RethView
{
    /// <summary>Bytes of the header.</summary>
    public const int Length = 16;

    private readonly ReadOnlySpan<byte> _bytes;

    private RethView(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Binds to the header's first byte; false when fewer than <see cref="Length"/> bytes follow.</summary>
    public static bool TryBind(ReadOnlySpan<byte> header, out RethView view)
    {
        bool fits = header.Length >= Length;
        view = fits ? new RethView(header[..Length]) : default;
        return fits;
    }

    /// <summary>Where the operation starts in the responder's memory region.</summary>
    public ulong VirtualAddress => BinaryPrimitives.ReadUInt64BigEndian(_bytes);

    /// <summary>The rkey that permits the access.</summary>
    public uint RemoteKey => BinaryPrimitives.ReadUInt32BigEndian(_bytes[8..]);

    /// <summary>Bytes of the whole message.</summary>
    public uint DmaLength => BinaryPrimitives.ReadUInt32BigEndian(_bytes[12..]);
}
