namespace RoceEngine.Capture;

/// <summary>
/// A stream with a position for error messages and one buffer, which grows only as bytes really arrive: a length that a file claims
/// allocates nothing by itself.
/// </summary>
internal sealed class CaptureInput(Stream stream)
{
    private const int FirstBufferBytes = 64 * 1024;

    private byte[] _buffer = new byte[FirstBufferBytes];

    /// <summary>Bytes taken from the stream.</summary>
    public long Position { get; private set; }

    /// <summary>Byte order of the numbers that <see cref="UInt16"/>, <see cref="UInt32"/> and <see cref="UInt64"/> read.</summary>
    public bool IsBigEndian { get; set; }

    /// <summary>Reads exactly <paramref name="count"/> bytes; false when the stream ends before the first.</summary>
    /// <exception cref="CaptureFormatException">The stream ends after the first byte and before the last.</exception>
    public bool TryRead(int count, string what, out ReadOnlySpan<byte> bytes)
    {
        int read = Fill(count);
        bytes = _buffer.AsSpan(0, read);
        if (read == 0 && count > 0)
        {
            return false;
        }

        return read == count ? true : throw Truncated(what, count, read);
    }

    /// <summary>Reads exactly <paramref name="count"/> bytes, kept until the next read.</summary>
    /// <exception cref="CaptureFormatException">The stream ends before.</exception>
    public ReadOnlyMemory<byte> Read(int count, string what)
    {
        int read = Fill(count);
        return read == count ? _buffer.AsMemory(0, count) : throw Truncated(what, count, read);
    }

    /// <summary>Passes over bytes.</summary>
    /// <exception cref="CaptureFormatException">The stream ends before.</exception>
    public void Skip(long count, string what)
    {
        for (long left = count; left > 0;)
        {
            int wanted = (int)Math.Min(left, FirstBufferBytes);
            int read = Fill(wanted);
            if (read < wanted)
            {
                throw Truncated(what, count, count - left + read);
            }

            left -= read;
        }
    }

    public ushort UInt16(ReadOnlySpan<byte> bytes) => IsBigEndian
        ? System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(bytes)
        : System.Buffers.Binary.BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    public uint UInt32(ReadOnlySpan<byte> bytes) => IsBigEndian
        ? System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes)
        : System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    public ulong UInt64(ReadOnlySpan<byte> bytes) => IsBigEndian
        ? System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes)
        : System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(bytes);

    private int Fill(int count)
    {
        int filled = 0;
        while (filled < count)
        {
            if (filled == _buffer.Length)
            {
                Array.Resize(ref _buffer, (int)Math.Min(2L * _buffer.Length, count));
            }

            int read = stream.Read(_buffer, filled, Math.Min(count, _buffer.Length) - filled);
            if (read == 0)
            {
                break;
            }

            filled += read;
        }

        Position += filled;
        return filled;
    }

    private CaptureFormatException Truncated(string what, long wanted, long found) =>
        new($"the file is cut off: {what} needs {wanted} bytes, {found} are left at byte {Position - found}");
}
