namespace RoceEngine.Launching;

/// <summary>A private directory for the daemons' sockets, keys and notes, removed with all that is in it.</summary>
public sealed class Workspace : IDisposable
{
    /// <summary>With what the names of all such directories begin.</summary>
    public const string Prefix = "vrdma-private-";

    /// <summary>Bytes of a Unix socket's path at most, with its terminating zero (unix(7)).</summary>
    private const int SocketPathBytesMax = 108;

    /// <summary>Room for the random part of the directory's name and for a socket's file name.</summary>
    private const int NameBytesMax = 40;

    /// <summary>Makes one below the directory for temporary files.</summary>
    public Workspace()
    {
        string parent = Path.GetTempPath();
        if (System.Text.Encoding.UTF8.GetByteCount(parent) > SocketPathBytesMax - NameBytesMax)
            parent = "/tmp";
        Directory = System.IO.Directory.CreateDirectory(
            Path.Combine(parent, Prefix + Path.GetRandomFileName()), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
    }

    /// <summary>Its full path.</summary>
    public string Directory { get; }

    /// <summary>Removes it.</summary>
    public void Dispose() => Remove(Directory);

    internal static void Remove(string directory)
    {
        try
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // A child that saw its standard input end removes it as well.
        }
    }
}
