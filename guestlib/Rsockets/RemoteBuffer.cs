using System.Buffers.Binary;

namespace RoceEngine.Rsockets;

/// <summary>
/// Memory that a peer may write to. <c>struct rs_sge</c>: <code>0 address (8) | 8 key (4) | 12 length in bytes (4)</code>
/// </summary>
/// <param name="Address">Its first byte, as the peer names it.</param>
/// <param name="Key">The remote key.</param>
/// <param name="Length">Bytes; of a list, entries.</param>
public readonly record struct RemoteBuffer(ulong Address, uint Key, uint Length)
{
    /// <summary>Bytes of the structure.</summary>
    public const int Bytes = 16;

    /// <summary>Reads one.</summary>
    public static RemoteBuffer Read(ReadOnlySpan<byte> from, bool isBigEndian) => isBigEndian
        ? new(BinaryPrimitives.ReadUInt64BigEndian(from), BinaryPrimitives.ReadUInt32BigEndian(from[8..]), BinaryPrimitives.ReadUInt32BigEndian(from[12..]))
        : new(BinaryPrimitives.ReadUInt64LittleEndian(from), BinaryPrimitives.ReadUInt32LittleEndian(from[8..]), BinaryPrimitives.ReadUInt32LittleEndian(from[12..]));

    /// <summary>Writes it in the byte order of who will read it.</summary>
    public void Write(Span<byte> into, bool isBigEndian)
    {
        if (isBigEndian)
        {
            BinaryPrimitives.WriteUInt64BigEndian(into, Address);
            BinaryPrimitives.WriteUInt32BigEndian(into[8..], Key);
            BinaryPrimitives.WriteUInt32BigEndian(into[12..], Length);
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(into, Address);
            BinaryPrimitives.WriteUInt32LittleEndian(into[8..], Key);
            BinaryPrimitives.WriteUInt32LittleEndian(into[12..], Length);
        }
    }
}

/// <summary>
/// A buffer of an application that its peer may write to at an offset of the application's choice. <c>struct rs_iomap</c>:
/// <code>0 offset (8) | 8 buffer (16)</code>
/// </summary>
/// <param name="Offset">By what number the peer names the first byte.</param>
/// <param name="Buffer">Where it is.</param>
public readonly record struct MappedBuffer(ulong Offset, RemoteBuffer Buffer)
{
    /// <summary>Bytes of the structure.</summary>
    public const int Bytes = 8 + RemoteBuffer.Bytes;

    /// <summary>Reads one.</summary>
    public static MappedBuffer Read(ReadOnlySpan<byte> from, bool isBigEndian) => new(
        isBigEndian ? BinaryPrimitives.ReadUInt64BigEndian(from) : BinaryPrimitives.ReadUInt64LittleEndian(from),
        RemoteBuffer.Read(from[8..], isBigEndian));

    /// <summary>Writes it in the byte order of who will read it.</summary>
    public void Write(Span<byte> into, bool isBigEndian)
    {
        if (isBigEndian)
        {
            BinaryPrimitives.WriteUInt64BigEndian(into, Offset);
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(into, Offset);
        }

        Buffer.Write(into[8..], isBigEndian);
    }

    /// <summary>Covers the byte that the peer names so.</summary>
    public bool Contains(ulong offset) => offset >= Offset && offset - Offset < Buffer.Length;
}
