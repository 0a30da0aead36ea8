namespace RoceEngine.Snapshots;

/// <summary>
/// Where a snapshot's bytes go: a stream, or a partial file that gets its name only when it is whole and durable. Whatever goes wrong
/// removes the partial file and becomes a <see cref="SnapshotException"/>.
/// </summary>
internal sealed class SnapshotOutput : IDisposable
{
    private static readonly HashSet<string> s_partialPaths = [];

    private readonly Stream _stream;
    private readonly string? _path;
    private readonly string? _partialPath;
    private readonly bool _overwrite;
    private readonly bool _leaveOpen;
    private bool _isDone;

    private SnapshotOutput(Stream stream, string? path, string? partialPath, bool overwrite, bool leaveOpen)
    {
        _stream = stream;
        _path = path;
        _partialPath = partialPath;
        _overwrite = overwrite;
        _leaveOpen = leaveOpen;
    }

    /// <summary>True once it is complete, failed or disposed.</summary>
    public bool IsDone => _isDone;

    public static SnapshotOutput To(Stream stream, bool leaveOpen) => new(stream, null, null, overwrite: false, leaveOpen);

    /// <summary>Begins a partial file beside the path, readable for its owner only since it holds a guest's memory.</summary>
    /// <param name="wrap">Puts a stream of a test's around the file.</param>
    public static SnapshotOutput ToFile(string path, bool overwrite, Func<Stream, Stream>? wrap)
    {
        path = Path.GetFullPath(path);
        if (!overwrite && Path.Exists(path))
            throw Exists(path);
        string partialPath = $"{path}.partial-{Environment.ProcessId}";
        lock (s_partialPaths)
        {
            if (!s_partialPaths.Add(partialPath))
                throw new SnapshotException($"A snapshot is being written to {path} already.");
        }
        try
        {
            Stream stream = OpenPartial(partialPath);
            return new SnapshotOutput(wrap?.Invoke(stream) ?? stream, path, partialPath, overwrite, leaveOpen: false);
        }
        catch (Exception e) when (SnapshotException.IsFileTrouble(e))
        {
            Forget(partialPath);
            throw CannotWrite(path, e);
        }
    }

    /// <summary>Writes all the bytes.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _stream.Write(bytes);
        }
        catch (Exception e) when (SnapshotException.IsFileTrouble(e))
        {
            Dispose();
            throw CannotWrite(_path, e);
        }
    }

    /// <summary>Makes the bytes durable and gives the file its name.</summary>
    public void Complete()
    {
        try
        {
            Flush();
            if (_partialPath is not null)
                Rename();
        }
        catch (Exception e) when (SnapshotException.IsFileTrouble(e))
        {
            throw !_overwrite && _path is not null && Path.Exists(_path) ? Exists(_path) : CannotWrite(_path, e);
        }
        finally
        {
            Dispose();
        }
        SynchronizeName();
    }

    /// <summary>Removes what is not complete.</summary>
    public void Dispose()
    {
        if (_isDone)
            return;
        _isDone = true;
        try
        {
            if (!_leaveOpen)
                _stream.Dispose();
        }
        catch (Exception e) when (SnapshotException.IsFileTrouble(e))
        {
            // Nothing of the file stays, so what its last flush says is of no use.
        }
        if (_partialPath is not null)
        {
            Delete(_partialPath);
            Forget(_partialPath);
        }
    }

    // The name is ours by the process number, and no live output of this process has it: a file there was left by a process that died.
    // CreateNew follows no symbolic link that somebody put in its place.
    private static FileStream OpenPartial(string partialPath)
    {
        File.Delete(partialPath);
        return DurableFiles.OpenPrivate(partialPath, FileMode.CreateNew, FileShare.Read);
    }

    private void Flush()
    {
        _stream.Flush();
        if (_partialPath is not null && _stream is FileStream file)
            file.Flush(flushToDisk: true);
    }

    // Without overwriting, File.Move makes a hard link and removes the old name: it fails when the name came to be meanwhile.
    private void Rename()
    {
        _stream.Dispose();
        File.Move(_partialPath!, _path!, _overwrite);
    }

    private void SynchronizeName()
    {
        if (_path is null)
            return;
        try
        {
            DurableFiles.SynchronizeDirectory(DurableFiles.DirectoryOf(_path));
        }
        catch (IOException e)
        {
            throw new SnapshotException($"The snapshot {_path} is written but may not survive a power cut: {e.Message}.", e);
        }
    }

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (SnapshotException.IsFileTrouble(e))
        {
            // The disk that made the snapshot fail may refuse this too; the next snapshot of this name tries again.
        }
    }

    private static void Forget(string partialPath)
    {
        lock (s_partialPaths)
            s_partialPaths.Remove(partialPath);
    }

    private static SnapshotException Exists(string path) => new($"The snapshot {path} exists already and is not overwritten.");

    private static SnapshotException CannotWrite(string? path, Exception cause) =>
        new($"The snapshot{(path is null ? "" : " " + path)} cannot be written: {SnapshotText.Sentence(cause.Message)}", cause);
}
