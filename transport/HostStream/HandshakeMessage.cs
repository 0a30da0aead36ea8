using System.Buffers.Binary;
using System.Text;

namespace RoceEngine.HostStream;

/// <summary>
/// What hosts say to each other before the first frame; call and answer have one shape, little-endian:
/// <code>
///  0           8        10       12           14
/// | VRDMAHST  | first  | second | text bytes | text, UTF-8 …
/// </code>
/// The caller gives its highest and lowest version and its product's version. The answer gives the version chosen, 0, and its
/// product's version. A first number of 0 is a refusal, from either side, and the text its reason.
/// </summary>
internal readonly record struct HandshakeMessage(ushort First, ushort Second, string Text)
{
    public const int ProductVersionCharsMax = 256;

    private const int FixedBytes = 14;
    private const int TextBytesMax = 2048;

    private static ReadOnlySpan<byte> Magic => "VRDMAHST"u8;

    /// <summary>What a host that speaks no TLS says first.</summary>
    public const byte FirstByte = (byte)'V';

    public bool IsRefusal => First == 0;

    /// <summary>Tells the other side why it is refused. It may be gone already: the reason is this host's to keep then.</summary>
    public static async ValueTask TryRefuseAsync(Stream stream, string reason, CancellationToken cancellation)
    {
        try
        {
            await new HandshakeMessage(0, 0, reason).WriteAsync(stream, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (Sentences.IsInputOutput(e))
        {
            // Whoever calls this throws the reason.
        }
    }

    public async ValueTask WriteAsync(Stream stream, CancellationToken cancellation)
    {
        byte[] bytes = ToBytes();
        await stream.WriteAsync(bytes, cancellation).ConfigureAwait(false);
        await stream.FlushAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>The next message; null when what came is none.</summary>
    /// <exception cref="HostStreamException">The other side left before it had said all.</exception>
    public static async ValueTask<HandshakeMessage?> ReadAsync(Stream stream, string remote, CancellationToken cancellation)
    {
        byte[] bytes = new byte[FixedBytes + TextBytesMax];

        // The magic by itself first: garbage shorter than a message is known for what it is without waiting for more.
        await FillAsync(stream, bytes.AsMemory(0, Magic.Length), remote, cancellation).ConfigureAwait(false);
        if (!bytes.AsSpan(0, Magic.Length).SequenceEqual(Magic))
            return null;
        await FillAsync(stream, bytes.AsMemory(Magic.Length, FixedBytes - Magic.Length), remote, cancellation).ConfigureAwait(false);
        int textBytes = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(12));
        if (textBytes > TextBytesMax)
            return null;
        await FillAsync(stream, bytes.AsMemory(FixedBytes, textBytes), remote, cancellation).ConfigureAwait(false);
        return new HandshakeMessage(
            BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8)),
            BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(10)),
            Sentences.Foreign(Encoding.UTF8.GetString(bytes, FixedBytes, textBytes)));
    }

    private byte[] ToBytes()
    {
        string text = Sentences.Foreign(Text);
        byte[] bytes = new byte[FixedBytes + Encoding.UTF8.GetByteCount(text)];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8), First);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(10), Second);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(12), (ushort)(bytes.Length - FixedBytes));
        Encoding.UTF8.GetBytes(text, bytes.AsSpan(FixedBytes));
        return bytes;
    }

    private static async ValueTask FillAsync(Stream stream, Memory<byte> target, string remote, CancellationToken cancellation)
    {
        int read = await stream.ReadAtLeastAsync(target, target.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        if (read < target.Length)
        {
            throw new HostStreamException(HostStreamFault.Closed,
                $"the host at {remote} closed the connection before its greeting was complete");
        }
    }
}
