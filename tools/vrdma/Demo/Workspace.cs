namespace RoceEngine.Vrdma.Demo;

/// <summary>A private directory for the daemons' sockets, removed with all that is in it.</summary>
internal sealed class Workspace : IDisposable
{
    public const string Prefix = "vrdma-demo-";

    /// <summary>Bytes of a Unix socket's path at most, with its terminating zero (unix(7)).</summary>
    private const int SocketPathBytesMax = 108;

    /// <summary>Room for the random part of the directory's name and for a socket's file name.</summary>
    private const int NameBytesMax = 40;

    public Workspace()
    {
        string parent = Path.GetTempPath();
        if (System.Text.Encoding.UTF8.GetByteCount(parent) > SocketPathBytesMax - NameBytesMax)
            parent = "/tmp";
        Directory = System.IO.Directory.CreateDirectory(
            Path.Combine(parent, Prefix + Path.GetRandomFileName()), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
    }

    public string Directory { get; }

    public void Dispose()
    {
        try
        {
            System.IO.Directory.Delete(Directory, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // A guest that saw its standard input end removes it as well.
        }
    }
}
