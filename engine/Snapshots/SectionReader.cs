using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace RoceEngine.Snapshots;

/// <summary>
/// One pass over the file's frame, from the beginning: header, sections, trailer. Trusts nothing: a length is compared with what the file
/// still has and with the type's limit before memory is taken for it, and a section's hash is checked before its bytes are used.
/// </summary>
internal sealed class SectionReader : IDisposable
{
    private const int SkipBytes = 64 << 10;

    private readonly Stream _stream;
    private readonly IncrementalHash? _digest;
    private readonly XxHash3 _hash = new();
    private readonly byte[] _head = new byte[SectionHeader.Bytes];
    private byte[] _stored = [];
    private byte[] _content = [];
    private long _remaining;
    private uint _sections;
    private SectionType _lastType;

    /// <param name="stream">Seekable; read from its start.</param>
    /// <param name="withDigest">True to compute the digest, which then the trailer must have; skipping reads the bytes.</param>
    public SectionReader(Stream stream, bool withDigest)
    {
        _stream = stream;
        _digest = withDigest ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        FileBytes = _remaining = Guarded(static s =>
        {
            s.Position = 0;
            return s.Length;
        });
        ReadFileHeader();
    }

    /// <summary>Format version of the file.</summary>
    public int Version { get; private set; }

    /// <summary>Length of the file.</summary>
    public long FileBytes { get; }

    /// <summary>Bytes of the file that this pass has not come to.</summary>
    public long RemainingBytes => _remaining;

    /// <summary>Reads the next section's header; false when the trailer stood there instead and is right.</summary>
    public bool TryReadHeader(out SectionHeader header)
    {
        Fill(_head.AsSpan(0, SnapshotFormat.TrailerHeadBytes));
        if (_head.AsSpan().StartsWith(SnapshotFormat.TrailerMagic))
        {
            header = default;
            ReadTrailer(BinaryPrimitives.ReadUInt32LittleEndian(_head.AsSpan(8)));
            return false;
        }
        Fill(_head.AsSpan(SnapshotFormat.TrailerHeadBytes));
        header = SectionHeader.Read(_head);
        CheckFrame(header);
        _sections++;
        return true;
    }

    /// <summary>The content of the section whose header was read last; good until the next call.</summary>
    public ReadOnlySpan<byte> ReadContent(SectionHeader header)
    {
        Span<byte> stored = Room(ref _stored, header.StoredBytes);
        Fill(stored);
        _hash.Append(_head.AsSpan(0, SectionHeader.HashedBytes));
        _hash.Append(stored);
        CheckHash(header);
        if (!header.IsCompressed)
            return stored;
        Span<byte> content = Room(ref _content, header.ContentBytes);
        return SectionCodec.TryDecompress(stored, content)
            ? content
            : throw new SnapshotException($"Section {header.Sequence} of the snapshot does not decompress to what it announces.");
    }

    /// <summary>Passes over the section whose header was read last; checks its hash only when computing the digest.</summary>
    public void Skip(SectionHeader header)
    {
        if (_digest is null)
        {
            Guarded(s => s.Seek(header.StoredBytes, SeekOrigin.Current));
            _remaining -= header.StoredBytes;
            return;
        }
        _hash.Append(_head.AsSpan(0, SectionHeader.HashedBytes));
        for (uint left = header.StoredBytes; left > 0;)
        {
            Span<byte> piece = Room(ref _stored, Math.Min(left, SkipBytes));
            Fill(piece);
            _hash.Append(piece);
            left -= (uint)piece.Length;
        }
        CheckHash(header);
    }

    public void Dispose() => _digest?.Dispose();

    private void ReadFileHeader()
    {
        Span<byte> header = stackalloc byte[SnapshotFormat.FileHeaderBytes];
        if (_remaining < header.Length)
            throw new SnapshotException("This is not a vRDMA snapshot: the file is too short.");
        Fill(header);
        if (!header.StartsWith(SnapshotFormat.FileMagic))
            throw new SnapshotException("This is not a vRDMA snapshot: the file begins otherwise.");
        Version = BinaryPrimitives.ReadUInt16LittleEndian(header[8..]);
        int minReader = BinaryPrimitives.ReadUInt16LittleEndian(header[10..]);
        int headerBytes = BinaryPrimitives.ReadUInt16LittleEndian(header[12..]);
        if (minReader > SnapshotFormat.Version)
            throw new SnapshotException($"The snapshot has format version {Version} and needs a reader of version {minReader}, " +
                $"but this program reads version {SnapshotFormat.Version}.");
        if (Version == 0 || minReader > Version || headerBytes is < SnapshotFormat.FileHeaderBytes or > SnapshotFormat.FileHeaderBytesMax)
            throw new SnapshotException("The snapshot's file header is damaged.");
        Fill(Room(ref _stored, (uint)(headerBytes - SnapshotFormat.FileHeaderBytes)));
    }

    private void CheckFrame(SectionHeader header)
    {
        if (header.Sequence != _sections)
            throw new SnapshotException($"The snapshot has section {header.Sequence} where section {_sections} belongs.");
        if (header.StoredBytes > _remaining)
            throw new SnapshotException($"The snapshot is cut short: section {header.Sequence} is not whole.");
        if (_sections == 0 != (header.Type == SectionType.Manifest))
            throw new SnapshotException("The snapshot's manifest is not its first section, or not the only one.");
        if (header.IsKnown)
            CheckKnown(header);
        else if (!header.MaySkip)
            throw new SnapshotException($"The snapshot holds a section of type {(ushort)header.Type}, which this program does not know " +
                "and must not skip.");
    }

    private void CheckKnown(SectionHeader header)
    {
        if ((header.Flags & ~(SectionFlags.Compressed | SectionFlags.MaySkip)) != 0)
            throw new SnapshotException($"Section {header.Sequence} of the snapshot has flags 0x{(ushort)header.Flags:X}, " +
                "which this program does not know.");
        if (header.Type < _lastType)
            throw new SnapshotException($"The snapshot has a section {header.Type} after a section {_lastType}.");
        _lastType = header.Type;
        bool isRight = header.IsCompressed
            ? header.StoredBytes < header.ContentBytes && header.Type != SectionType.Manifest
            : header.StoredBytes == header.ContentBytes;
        if (header.ContentBytes == 0 || header.ContentBytes > header.ContentBytesMax || !isRight)
            throw new SnapshotException($"Section {header.Sequence} of the snapshot announces {header.ContentBytes} bytes in " +
                $"{header.StoredBytes}, which a section {header.Type} cannot have.");
    }

    private void ReadTrailer(uint sections)
    {
        Span<byte> digest = stackalloc byte[SnapshotFormat.DigestBytes];
        Span<byte> computed = stackalloc byte[SnapshotFormat.DigestBytes];
        _digest?.GetHashAndReset(computed);
        Fill(digest);
        if (sections != _sections || (_digest is not null && !digest.SequenceEqual(computed)))
            throw new SnapshotException("The snapshot was changed: its bytes do not have the digest that stands at its end.");
        if (_remaining != 0)
            throw new SnapshotException($"The snapshot has {_remaining} bytes behind its end.");
    }

    private void CheckHash(SectionHeader header)
    {
        ulong hash = _hash.GetCurrentHashAsUInt64();
        _hash.Reset();
        if (hash != header.Hash)
            throw new SnapshotException($"The snapshot was changed: section {header.Sequence} does not have its checksum.");
    }

    // Lengths have been compared with the limits and with what the file still holds.
    private static Span<byte> Room(ref byte[] buffer, uint bytes)
    {
        if (buffer.Length < bytes)
            buffer = new byte[bytes];
        return buffer.AsSpan(0, (int)bytes);
    }

    private void Fill(Span<byte> bytes)
    {
        if (bytes.Length > _remaining)
            throw CutShort(null);
        try
        {
            _stream.ReadExactly(bytes);
        }
        catch (EndOfStreamException e)
        {
            throw CutShort(e);
        }
        catch (Exception e) when (SnapshotException.IsFileTrouble(e))
        {
            throw CannotRead(e);
        }
        _remaining -= bytes.Length;
        _digest?.AppendData(bytes);
    }

    private long Guarded(Func<Stream, long> action)
    {
        try
        {
            return action(_stream);
        }
        catch (Exception e) when (SnapshotException.IsFileTrouble(e))
        {
            throw CannotRead(e);
        }
    }

    private static SnapshotException CutShort(Exception? cause) => new("The snapshot is cut short.", cause);

    private static SnapshotException CannotRead(Exception cause) =>
        new($"The snapshot cannot be read: {SnapshotText.Sentence(cause.Message)}", cause);
}
