namespace RoceEngine.Snapshots;

/// <summary>
/// Reads a snapshot file, see <see cref="SnapshotFormat"/>. The file may come from anybody: whatever it holds, the outcome is what its
/// lengths allow or a <see cref="SnapshotException"/>. Reading checks each section; only <see cref="Verify"/> notices a change that was
/// made with care, or a file that is cut behind what is read, so it comes before a restore. Not safe for threads.
/// </summary>
public sealed class SnapshotFileReader : IDisposable
{
    private const int FirstRoomBytes = 64 << 10;

    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly ulong _manifestHash;

    private SnapshotFileReader(Stream stream, bool leaveOpen)
    {
        _stream = stream;
        _leaveOpen = leaveOpen;
        using var sections = new SectionReader(stream, withDigest: false);
        Manifest = ReadManifest(sections, out _manifestHash);
        FileBytes = sections.FileBytes;
    }

    /// <summary>What the snapshot says of itself; its lengths are within the format's limits.</summary>
    public SnapshotManifest Manifest { get; }

    /// <summary>Length of the file.</summary>
    public long FileBytes { get; }

    /// <summary>Opens a snapshot and reads its manifest.</summary>
    /// <exception cref="SnapshotException">No readable snapshot, or one that needs a newer reader.</exception>
    public static SnapshotFileReader Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        FileStream stream;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception e) when (SnapshotException.IsFileTrouble(e))
        {
            throw new SnapshotException($"The snapshot {path} cannot be opened: {SnapshotText.Sentence(e.Message)}", e);
        }
        return Open(stream, leaveOpen: false);
    }

    /// <summary>Reads a snapshot from a seekable stream, from its start.</summary>
    /// <exception cref="SnapshotException">As for a file.</exception>
    public static SnapshotFileReader Open(Stream stream, bool leaveOpen = true)
    {
        ArgumentNullException.ThrowIfNull(stream);
        try
        {
            return new SnapshotFileReader(stream, leaveOpen);
        }
        catch
        {
            if (!leaveOpen)
                stream.Dispose();
            throw;
        }
    }

    /// <summary>The manifest alone: reads no more than the head of the file.</summary>
    /// <exception cref="SnapshotException">As for <see cref="Open(string)"/>.</exception>
    public static SnapshotManifest ReadManifest(string path)
    {
        using SnapshotFileReader reader = Open(path);
        return reader.Manifest;
    }

    /// <summary>Checks everything: every hash, order and length, that everything decompresses, and the digest of the whole.</summary>
    /// <param name="progress">Told how many bytes of the file are checked.</param>
    /// <exception cref="SnapshotException">What is wrong first.</exception>
    public unsafe void Verify(IProgress<long>? progress = null)
    {
        using var sections = new SectionReader(_stream, withDigest: true);
        ReadManifest(sections, out ulong manifestHash);
        if (manifestHash != _manifestHash)
            throw new SnapshotException("The snapshot was changed while it was open.");
        long stateBytes = 0;
        long controlBytes = 0;
        long nextPage = 0;
        while (sections.TryReadHeader(out SectionHeader header))
        {
            if (!header.IsKnown)
            {
                sections.Skip(header);
                continue;
            }
            ReadOnlySpan<byte> content = sections.ReadContent(header);
            if (header.Type == SectionType.DeviceState)
                stateBytes += content.Length;
            else if (header.Type == SectionType.Control)
                controlBytes += content.Length;
            else
                nextPage = RamChunk.Unpack(content, nextPage, RamPages, into: null);
            progress?.Report(FileBytes - sections.RemainingBytes);
        }
        CheckLength("device state", stateBytes, Manifest.DeviceStateBytes);
        CheckLength("control region", controlBytes, Manifest.ControlBytes);
    }

    /// <summary>The device's state.</summary>
    /// <exception cref="SnapshotException">It is damaged or not whole.</exception>
    public byte[] ReadDeviceState() => ReadParts(SectionType.DeviceState, (int)Manifest.DeviceStateBytes, "device state");

    /// <summary>The control region.</summary>
    /// <exception cref="SnapshotException">It is damaged or not whole.</exception>
    public byte[] ReadControl() => ReadParts(SectionType.Control, (int)Manifest.ControlBytes, "control region");

    /// <summary>Writes guest RAM's pages; those that the snapshot left out since they were zero stay untouched.</summary>
    /// <param name="into">Where guest RAM begins: fresh memory, all zero.</param>
    /// <param name="bytes">Its length; at least the manifest's.</param>
    /// <param name="progress">Told how many bytes from the start are done.</param>
    /// <exception cref="SnapshotException">There is too little room, or a section is damaged; pages before it are written.</exception>
    public unsafe void ReadRam(byte* into, long bytes, IProgress<long>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(into);
        if (bytes < Manifest.GuestRamBytes)
            throw new SnapshotException($"The snapshot holds {Manifest.GuestRamBytes} bytes of guest RAM, which do not fit into {bytes}.");
        using var sections = new SectionReader(_stream, withDigest: false);
        long nextPage = 0;
        while (sections.TryReadHeader(out SectionHeader header))
        {
            if (header.Type != SectionType.GuestRam)
            {
                sections.Skip(header);
                continue;
            }
            nextPage = RamChunk.Unpack(sections.ReadContent(header), nextPage, RamPages, into);
            progress?.Report(nextPage * SnapshotFormat.PageBytes);
        }
        progress?.Report(Manifest.GuestRamBytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_leaveOpen)
            _stream.Dispose();
    }

    private long RamPages => Manifest.GuestRamBytes / SnapshotFormat.PageBytes;

    private static SnapshotManifest ReadManifest(SectionReader sections, out ulong hash)
    {
        if (!sections.TryReadHeader(out SectionHeader header))
            throw new SnapshotException("The snapshot has no manifest.");
        hash = header.Hash;
        SnapshotManifest manifest = SnapshotJson.Read(sections.ReadContent(header));
        return manifest.FormatVersion == sections.Version
            ? manifest
            : throw new SnapshotException($"The snapshot's header says format version {sections.Version}, its manifest " +
                $"{manifest.FormatVersion}.");
    }

    // Room grows with what has come: an announced length alone takes no memory.
    private byte[] ReadParts(SectionType type, int announced, string name)
    {
        using var sections = new SectionReader(_stream, withDigest: false);
        var parts = new byte[Math.Min(announced, FirstRoomBytes)];
        int bytes = 0;
        while (sections.TryReadHeader(out SectionHeader header))
        {
            if (header.IsKnown && header.Type > type)
                break;
            if (header.Type != type)
            {
                sections.Skip(header);
                continue;
            }
            if (header.ContentBytes > announced - bytes)
                throw WrongLength(name, bytes + (long)header.ContentBytes, announced);
            ReadOnlySpan<byte> content = sections.ReadContent(header);
            if (parts.Length - bytes < content.Length)
                Array.Resize(ref parts, (int)Math.Min(announced, Math.Max(2L * parts.Length, bytes + (long)content.Length)));
            content.CopyTo(parts.AsSpan(bytes));
            bytes += content.Length;
        }
        CheckLength(name, bytes, announced);
        return parts;
    }

    private static void CheckLength(string name, long bytes, long announced)
    {
        if (bytes != announced)
            throw WrongLength(name, bytes, announced);
    }

    private static SnapshotException WrongLength(string name, long bytes, long announced) =>
        new($"The snapshot's {name} has {bytes} bytes where its manifest announces {announced}.");
}
