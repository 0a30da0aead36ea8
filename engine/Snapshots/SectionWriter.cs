using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace RoceEngine.Snapshots;

/// <summary>Writes the file's frame: header, sections with their hashes, trailer with the digest. Knows no content.</summary>
internal sealed class SectionWriter : IDisposable
{
    private readonly SnapshotOutput _output;
    private readonly IncrementalHash _digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly XxHash3 _hash = new();
    private byte[] _section = new byte[SectionHeader.Bytes + SnapshotFormat.PartBytesMax];
    private uint _sections;

    public SectionWriter(SnapshotOutput output)
    {
        _output = output;
        Span<byte> header = stackalloc byte[SnapshotFormat.FileHeaderBytes];
        header.Clear();
        SnapshotFormat.FileMagic.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header[8..], SnapshotFormat.Version);
        BinaryPrimitives.WriteUInt16LittleEndian(header[10..], SnapshotFormat.MinReaderVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(header[12..], SnapshotFormat.FileHeaderBytes);
        Emit(header);
    }

    /// <summary>Bytes written so far.</summary>
    public long BytesWritten { get; private set; }

    /// <summary>Writes one section, compressed when that is wanted and helps.</summary>
    public void Write(SectionType type, ReadOnlySpan<byte> content, bool compress)
    {
        if (_section.Length < SectionHeader.Bytes + content.Length)
            _section = new byte[SectionHeader.Bytes + content.Length];
        Span<byte> stored = _section.AsSpan(SectionHeader.Bytes, content.Length);
        SectionFlags flags = SectionFlags.None;
        int storedBytes = content.Length;
        if (compress && content.Length > 1 && SectionCodec.TryCompress(content, stored[..^1], out int compressedBytes))
        {
            flags = SectionFlags.Compressed;
            storedBytes = compressedBytes;
        }
        else
        {
            content.CopyTo(stored);
        }
        var header = new SectionHeader(type, flags, _sections++, (uint)content.Length, (uint)storedBytes, 0);
        Seal(header, _section.AsSpan(0, SectionHeader.Bytes + storedBytes));
    }

    /// <summary>Writes content in as many sections as it takes.</summary>
    public void WriteParts(SectionType type, ReadOnlySpan<byte> content)
    {
        for (; content.Length > SnapshotFormat.PartBytesMax; content = content[SnapshotFormat.PartBytesMax..])
            Write(type, content[..SnapshotFormat.PartBytesMax], compress: true);
        if (content.Length > 0)
            Write(type, content, compress: true);
    }

    /// <summary>Writes the trailer and completes the output.</summary>
    public void Complete()
    {
        Span<byte> trailer = stackalloc byte[SnapshotFormat.TrailerBytes];
        trailer.Clear();
        SnapshotFormat.TrailerMagic.CopyTo(trailer);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[8..], _sections);
        _digest.AppendData(trailer[..SnapshotFormat.TrailerHeadBytes]);
        _digest.GetHashAndReset(trailer[SnapshotFormat.TrailerHeadBytes..]);
        _output.Write(trailer);
        BytesWritten += trailer.Length;
        _output.Complete();
    }

    public void Dispose()
    {
        _output.Dispose();
        _digest.Dispose();
    }

    private void Seal(SectionHeader header, Span<byte> section)
    {
        header.Write(section);
        _hash.Append(section[..SectionHeader.HashedBytes]);
        _hash.Append(section[SectionHeader.Bytes..]);
        (header with { Hash = _hash.GetCurrentHashAsUInt64() }).Write(section);
        _hash.Reset();
        Emit(section);
    }

    private void Emit(ReadOnlySpan<byte> bytes)
    {
        _digest.AppendData(bytes);
        _output.Write(bytes);
        BytesWritten += bytes.Length;
    }
}
