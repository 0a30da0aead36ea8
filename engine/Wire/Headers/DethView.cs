using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>8-byte Datagram Extended Transport Header: queue key:32, reserved:8, source QPN:24. IBTA vol. 1, 9.3.2.</summary>
public readonly ref struct DethView
{
    /// <summary>Bytes of the header.</summary>
    public const int Length = 8;

    private readonly ReadOnlySpan<byte> _bytes;

    private DethView(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Binds to the header's first byte; false when fewer than <see cref="Length"/> bytes follow.</summary>
    public static bool TryBind(ReadOnlySpan<byte> header, out DethView view)
    {
        bool fits = header.Length >= Length;
        view = fits ? new DethView(header[..Length]) : default;
        return fits;
    }

    /// <summary>Q_Key: must equal the receiving QP's.</summary>
    public uint QueueKey => BinaryPrimitives.ReadUInt32BigEndian(_bytes);

    /// <summary>The QP to answer to.</summary>
    public uint SourceQpn => BinaryPrimitives.ReadUInt32BigEndian(_bytes[4..]) & 0xFF_FFFF;
}
