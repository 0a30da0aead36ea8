using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>4-byte Invalidate Extended Transport Header: the remote key to invalidate. IBTA vol. 1, 9.3.7.</summary>
public readonly ref struct IethView
{
    /// <summary>Bytes of the header.</summary>
    public const int Length = 4;

    private readonly ReadOnlySpan<byte> _bytes;

    private IethView(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Binds to the header's first byte; false when fewer than <see cref="Length"/> bytes follow.</summary>
    public static bool TryBind(ReadOnlySpan<byte> header, out IethView view)
    {
        bool fits = header.Length >= Length;
        view = fits ? new IethView(header[..Length]) : default;
        return fits;
    }

    /// <summary>The R_Key that the receiver invalidates.</summary>
    public uint RemoteKey => BinaryPrimitives.ReadUInt32BigEndian(_bytes);
}
