namespace RoceEngine.HostStream;

/// <summary>Files that are written together into one directory, or not at all. An existing file is never touched.</summary>
internal sealed class NewFiles : IDisposable
{
    private const UnixFileMode OwnerAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _directory;
    private readonly List<string> _written = [];
    private bool _kept;

    public NewFiles(string directory)
    {
        try
        {
            _directory = Path.GetFullPath(directory);
            Directory.CreateDirectory(_directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new HostStreamException(HostStreamFault.Configuration,
                $"cannot make the directory {directory}: {e.Message.TrimEnd('.')}", e);
        }
    }

    public string PathOf(string file) => Path.Combine(_directory, file);

    public void ThrowIfExists(params ReadOnlySpan<string> files)
    {
        foreach (string file in files)
        {
            if (Path.Exists(PathOf(file)))
                throw Exists(PathOf(file));
        }
    }

    /// <summary>Secrets have mode 0600 from the moment that they exist.</summary>
    public void Write(string file, string text, bool isSecret)
    {
        string path = PathOf(file);
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = isSecret ? OwnerAlone : OwnerAlone | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
        };
        try
        {
            using var stream = new FileStream(path, options);
            _written.Add(path);
            using var writer = new StreamWriter(stream);
            writer.Write(text);
        }
        catch (IOException e) when (Path.Exists(path) && !_written.Contains(path))
        {
            throw Exists(path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HostStreamException(HostStreamFault.Configuration, $"cannot write {path}: {e.Message.TrimEnd('.')}", e);
        }
    }

    /// <summary>All is well: the files stay.</summary>
    public IReadOnlyList<string> Keep()
    {
        _kept = true;
        return _written;
    }

    public void Dispose()
    {
        if (_kept)
            return;
        foreach (string path in _written)
        {
            try
            {
                File.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The failure that led here is the one to tell.
            }
        }
    }

    private static HostStreamException Exists(string path, Exception? inner = null) =>
        new(HostStreamFault.Configuration, $"{path} exists already and is not overwritten", inner);
}
