namespace RoceEngine.Snapshots;

/// <summary>
/// Writes a snapshot file, see <see cref="SnapshotFormat"/>: manifest, device state, control region, guest RAM, <see cref="Complete"/>, in
/// this order. The file has its name only once it is complete and on the disk; disposing before leaves nothing behind. Every failure of
/// the disk is a <see cref="SnapshotException"/>, after which only <see cref="Dispose"/> may be called. Not safe for threads.
/// </summary>
public sealed class SnapshotFileWriter : IDisposable
{
    private readonly SnapshotOutput _output;
    private readonly SectionWriter _sections;
    private readonly HashSet<SectionType> _written = [];
    private SnapshotManifest? _manifest;

    private SnapshotFileWriter(SnapshotOutput output)
    {
        _output = output;
        _sections = new SectionWriter(output);
    }

    /// <summary>Bytes written so far, those of the whole file after <see cref="Complete"/>.</summary>
    public long BytesWritten => _sections.BytesWritten;

    /// <summary>Begins a snapshot in a file, which is called <c>PATH.partial-PID</c> until it is complete.</summary>
    /// <param name="path">Where it shall be; the directory exists.</param>
    /// <param name="overwrite">Whether it may replace a file of that name.</param>
    /// <exception cref="SnapshotException">The file exists, is being written already, or cannot be created.</exception>
    public static SnapshotFileWriter Create(string path, bool overwrite = false) => Create(path, overwrite, wrap: null);

    /// <summary>Begins a snapshot in a stream that needs no seeking.</summary>
    /// <param name="stream">Where it goes.</param>
    /// <param name="leaveOpen">True when neither completing nor disposing shall close the stream.</param>
    /// <exception cref="SnapshotException">The stream cannot be written.</exception>
    public static SnapshotFileWriter Create(Stream stream, bool leaveOpen = true)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return new SnapshotFileWriter(SnapshotOutput.To(stream, leaveOpen));
    }

    internal static SnapshotFileWriter Create(string path, bool overwrite, Func<Stream, Stream>? wrap)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new SnapshotFileWriter(SnapshotOutput.ToFile(path, overwrite, wrap));
    }

    /// <summary>Writes the manifest, first of all. Its lengths bind what follows; its format version is set here.</summary>
    /// <exception cref="ArgumentException">Lengths that no snapshot may have, see <see cref="SnapshotFormat"/>.</exception>
    /// <exception cref="InvalidOperationException">Not in this order.</exception>
    /// <exception cref="SnapshotException">It cannot be written.</exception>
    public void WriteManifest(SnapshotManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        if (manifest.FindFault() is { } fault)
            throw new ArgumentException(fault, nameof(manifest));
        manifest = manifest with { FormatVersion = SnapshotFormat.Version, TakenAt = manifest.TakenAt.ToUniversalTime() };
        byte[] json = SnapshotJson.Write(manifest);
        if (json.Length > SnapshotFormat.ManifestBytesMax)
            throw new ArgumentException($"a manifest of {json.Length} bytes is too long", nameof(manifest));
        Enter(SectionType.Manifest);
        _manifest = manifest;
        _sections.Write(SectionType.Manifest, json, compress: false);
    }

    /// <summary>Writes the device's state, all of it.</summary>
    /// <exception cref="ArgumentException">Not the length that the manifest says.</exception>
    /// <exception cref="InvalidOperationException">Not in this order.</exception>
    /// <exception cref="SnapshotException">It cannot be written.</exception>
    public void WriteDeviceState(ReadOnlySpan<byte> state)
    {
        CheckLength(state.Length, _manifest?.DeviceStateBytes, nameof(state));
        Enter(SectionType.DeviceState);
        _sections.WriteParts(SectionType.DeviceState, state);
    }

    /// <summary>Writes the control region, all of it.</summary>
    /// <exception cref="ArgumentException">Not the length that the manifest says.</exception>
    /// <exception cref="InvalidOperationException">Not in this order.</exception>
    /// <exception cref="SnapshotException">It cannot be written.</exception>
    public void WriteControl(ReadOnlySpan<byte> control)
    {
        CheckLength(control.Length, _manifest?.ControlBytes, nameof(control));
        Enter(SectionType.Control);
        _sections.WriteParts(SectionType.Control, control);
    }

    /// <summary>Writes guest RAM without the pages that are all zero.</summary>
    /// <param name="start">Its mapping; must stay for the call. The guest may write to it: each page is as it was at one moment or
    /// between two writes.</param>
    /// <param name="bytes">Its length, that of the manifest.</param>
    /// <param name="map">The parts to look at, for a sparse guest; null for all.</param>
    /// <param name="progress">Told how many bytes from the start are done, about once per MiB; what it throws ends the call.</param>
    /// <exception cref="ArgumentException">Not the length that the manifest says, or a map that goes beyond it.</exception>
    /// <exception cref="InvalidOperationException">Not in this order.</exception>
    /// <exception cref="SnapshotException">It cannot be written.</exception>
    public unsafe void WriteRam(byte* start, long bytes, GuestRamMap? map = null, IProgress<long>? progress = null)
    {
        const int pageBytes = SnapshotFormat.PageBytes;
        CheckLength(bytes, _manifest?.GuestRamBytes, nameof(bytes));
        map ??= GuestRamMap.Whole(bytes);
        if (map.Extents.Any(e => e.Start + e.Bytes > bytes))
            throw new ArgumentException("the map goes beyond guest RAM", nameof(map));
        Enter(SectionType.GuestRam);
        var chunks = new RamChunkWriter(_sections);
        foreach (GuestRamExtent extent in map.Extents)
        {
            for (long at = extent.Start; at < extent.Start + extent.Bytes; at += pageBytes)
            {
                // In bounds: extents are whole pages within the length, which is the caller's mapping.
                chunks.Add((uint)(at / pageBytes), new ReadOnlySpan<byte>(start + at, pageBytes));
                if ((at & (1 << 20) - 1) == 0)
                    progress?.Report(at);
            }
        }
        chunks.Flush();
        progress?.Report(bytes);
    }

    /// <summary>Writes the trailer; a file is made durable and gets its name, the stream is flushed.</summary>
    /// <exception cref="InvalidOperationException">Something that the manifest announces has not been written.</exception>
    /// <exception cref="SnapshotException">It cannot be written, or a file of that name came to be meanwhile.</exception>
    public void Complete()
    {
        SnapshotManifest manifest = _manifest ?? throw new InvalidOperationException("The snapshot has no manifest.");
        ObjectDisposedException.ThrowIf(_output.IsDone, this);
        CheckWritten(SectionType.DeviceState, manifest.DeviceStateBytes);
        CheckWritten(SectionType.Control, manifest.ControlBytes);
        CheckWritten(SectionType.GuestRam, manifest.GuestRamBytes);
        _sections.Complete();
    }

    /// <summary>Removes what is not complete.</summary>
    public void Dispose() => _sections.Dispose();

    private void Enter(SectionType type)
    {
        ObjectDisposedException.ThrowIf(_output.IsDone, this);
        if (_written.Contains(type) || _written.Any(t => t > type) || (_manifest is null) != (type == SectionType.Manifest))
            throw new InvalidOperationException($"The snapshot's {type} is written out of order.");
        _written.Add(type);
    }

    private void CheckWritten(SectionType type, long bytes)
    {
        if (bytes > 0 && !_written.Contains(type))
            throw new InvalidOperationException($"The snapshot's {type} has not been written.");
    }

    private static void CheckLength(long bytes, long? announced, string parameter)
    {
        if (announced is { } expected && bytes != expected)
            throw new ArgumentException($"{bytes} bytes where the manifest announces {expected}", parameter);
    }
}
