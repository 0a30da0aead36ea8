using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>4-byte ACK Extended Transport Header: syndrome:8, message sequence number:24. IBTA vol. 1, 9.3.5.</summary>
public readonly ref struct AethView
{
    /// <summary>Bytes of the header.</summary>
    public const int Length = 4;

    private readonly ReadOnlySpan<byte> _bytes;

    private AethView(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Binds to the header's first byte; false when fewer than <see cref="Length"/> bytes follow.</summary>
    public static bool TryBind(ReadOnlySpan<byte> header, out AethView view)
    {
        bool fits = header.Length >= Length;
        view = fits ? new AethView(header[..Length]) : default;
        return fits;
    }

    /// <summary>ACK with credits, RNR NAK with timer, or NAK with code.</summary>
    public AethSyndrome Syndrome => new(_bytes[0]);

    /// <summary>MSN: messages completed by the responder, modulo 2^24.</summary>
    public uint MessageSequenceNumber => BinaryPrimitives.ReadUInt32BigEndian(_bytes) & 0xFF_FFFF;
}
