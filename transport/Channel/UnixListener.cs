using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>
/// A listening Unix stream socket at a path of its own. A socket that a dead daemon left is replaced; a living daemon's is not.
/// Everybody may connect: whom the daemon serves is <see cref="PeerPolicy"/>'s to say, with a reason.
/// </summary>
public sealed unsafe class UnixListener : IDisposable
{
    private const int Backlog = 128;
    private const int TakeOverAttempts = 8;

    private const UnixFileMode EverybodyMayConnect =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>Tells apart those of this process that want a name at the same time.</summary>
    private static int s_claims;

    private int _descriptor;

    private UnixListener(int descriptor, string path)
    {
        _descriptor = descriptor;
        Path = path;
    }

    /// <summary>Where it listens.</summary>
    public string Path { get; }

    /// <summary>Polls readable when somebody connects.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Listens at <paramref name="path"/>, making its directory when it is missing.</summary>
    /// <exception cref="ChannelException">A living daemon listens there, something else is there, or the place is not writable: one line that says so.</exception>
    public static UnixListener Open(string path)
    {
        try
        {
            string full = System.IO.Path.GetFullPath(path);
            _ = UnixSocket.ToAddress(full);
            if (System.IO.Path.GetDirectoryName(full) is { Length: > 0 } directory && !Directory.Exists(directory))
                Directory.CreateDirectory(directory);
            return Claim(full);
        }
        catch (Exception e) when (e is SystemCallException or UnauthorizedAccessException or ArgumentException
            || (e is IOException and not ChannelException))
        {
            throw new ChannelException($"cannot listen at {path}: {e.Message}", e);
        }
    }

    // The socket listens under a private name first and then gets its public one in one step that fails when the name is taken.
    // So whoever finds the public name and cannot connect has found a dead daemon's.
    private static UnixListener Claim(string path)
    {
        string privatePath = $"{path}.{Environment.ProcessId}.{Interlocked.Increment(ref s_claims)}";
        int descriptor = UnixSocket.Create(SocketConstants.SOCK_STREAM | SocketConstants.SOCK_CLOEXEC | SocketConstants.SOCK_NONBLOCK);
        try
        {
            File.Delete(privatePath);
            SockaddrUn address = UnixSocket.ToAddress(privatePath);
            SystemCallException.Check(Sockets.Bind(descriptor, &address, (uint)sizeof(SockaddrUn)), $"bind({privatePath})");
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(privatePath, EverybodyMayConnect);
            SystemCallException.Check(Sockets.Listen(descriptor, Backlog), "listen");
            for (int attempt = 0; attempt < TakeOverAttempts; attempt++)
            {
                if (TryMove(privatePath, path))
                    return new UnixListener(descriptor, path);
                RemoveIfDead(path);
            }
            throw new ChannelException($"cannot listen at {path}: others keep taking the name");
        }
        catch
        {
            _ = Events.Close(descriptor);
            TryDelete(privatePath);
            throw;
        }
    }

    private static bool TryMove(string from, string to)
    {
        if (Sockets.Link(from, to) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            return errno == Errno.EEXIST ? false : throw new SystemCallException($"link({to})", errno);
        }
        TryDelete(from);
        return true;
    }

    private static void RemoveIfDead(string path)
    {
        try
        {
            using UnixSocket probe = UnixSocket.Connect(path);
            throw new ChannelException($"a daemon (process {probe.PeerCredentials.ProcessId}) already listens at {path}");
        }
        catch (SystemCallException e) when (e.Errno == Errno.ENOENT)
        {
        }
        catch (SystemCallException e) when (e.Errno == Errno.ECONNREFUSED)
        {
            if (Directory.Exists(path) || IsRegularFile(path))
                throw new ChannelException($"{path} exists and is not a socket");
            TryDelete(path);
        }
    }

    // connect(2) refuses a regular file like a dead socket; a socket cannot be opened for reading (ENXIO).
    private static bool IsRegularFile(string path)
    {
        try
        {
            using FileStream opened = File.Open(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Takes the next connection, if there is one.</summary>
    public UnixSocket? TryAccept()
    {
        int descriptor = Sockets.Accept(_descriptor, null, null, SocketConstants.SOCK_CLOEXEC | SocketConstants.SOCK_NONBLOCK);
        return descriptor < 0 ? null : new UnixSocket(descriptor);
    }

    /// <summary>Stops listening and removes the socket from the file system.</summary>
    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor < 0)
            return;
        TryDelete(Path);
        _ = Events.Close(descriptor);
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The directory went away or is read-only by now: then there is nothing of ours left to remove.
        }
    }
}
