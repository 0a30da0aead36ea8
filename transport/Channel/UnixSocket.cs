using System.Runtime.InteropServices;
using System.Text;
using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>One end of a Unix stream socket, owned by this object. Not for two threads at once, except <see cref="Shutdown"/> and <see cref="ShutdownSend"/>.</summary>
public sealed unsafe class UnixSocket : IDisposable
{
    private const int PeerGroupsOption = 59; // SO_PEERGROUPS, socket(7)
    private const int PeerGroupsMax = 65_536; // NGROUPS_MAX

    private int _descriptor;

    /// <summary>Takes over a connected descriptor.</summary>
    public UnixSocket(int descriptor) => _descriptor = descriptor;

    /// <summary>For poll; -1 once disposed.</summary>
    public int Descriptor => _descriptor;

    /// <summary>The process at the other end when it connected.</summary>
    /// <exception cref="SystemCallException">Not connected.</exception>
    public PeerCredentials PeerCredentials => Sockets.GetPeerCredentials(_descriptor);

    /// <summary>Connects to a listening socket.</summary>
    /// <exception cref="SystemCallException">Nobody listens there, or the path is not accessible.</exception>
    /// <exception cref="ArgumentException">The path is empty or longer than a socket's may be.</exception>
    public static UnixSocket Connect(string path)
    {
        SockaddrUn address = ToAddress(path);
        int descriptor = Create(SocketConstants.SOCK_STREAM | SocketConstants.SOCK_CLOEXEC);
        if (Sockets.Connect(descriptor, &address, (uint)sizeof(SockaddrUn)) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            Events.Close(descriptor);
            throw new SystemCallException($"connect({path})", errno);
        }
        return new UnixSocket(descriptor);
    }

    internal static int Create(int type) => SystemCallException.Check(Sockets.Create(SocketConstants.AF_UNIX, type, 0), "socket(AF_UNIX)");

    internal static SockaddrUn ToAddress(string path)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(path);
        if (bytes.Length is 0 or >= SockaddrUn.PathBytes || bytes.Contains((byte)0))
            throw new ArgumentException($"socket path '{path}' must be 1 to {SockaddrUn.PathBytes - 1} bytes long");
        var address = new SockaddrUn { Family = SocketConstants.AF_UNIX };
        bytes.CopyTo(new Span<byte>(address.Path, SockaddrUn.PathBytes));
        return address;
    }

    /// <summary>All groups of the process at the other end; none when the kernel does not say.</summary>
    public uint[] GetPeerGroups()
    {
        uint[] groups = new uint[PeerGroupsMax];
        uint bytes = PeerGroupsMax * sizeof(uint);
        fixed (uint* first = groups)
        {
            return Sockets.GetOption(_descriptor, SocketConstants.SOL_SOCKET, PeerGroupsOption, first, &bytes) < 0
                ? []
                : groups[..(int)(bytes / sizeof(uint))];
        }
    }

    /// <summary>Takes waiting bytes without waiting for more: how many, 0 at the end of the stream, or minus the error number. Descriptors sent along are discarded.</summary>
    public int ReceiveAvailable(Span<byte> into)
    {
        fixed (byte* buffer = into)
        {
            nint received = Sockets.Receive(_descriptor, buffer, (nuint)into.Length, SocketConstants.MSG_DONTWAIT);
            return received < 0 ? -Marshal.GetLastPInvokeError() : (int)received;
        }
    }

    /// <summary>Sends what fits without waiting: how many bytes, or minus the error number.</summary>
    public int SendAvailable(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* buffer = bytes)
        {
            const int flags = SocketConstants.MSG_DONTWAIT | SocketConstants.MSG_NOSIGNAL;
            nint sent = Sockets.SendTo(_descriptor, buffer, (nuint)bytes.Length, flags, null, 0);
            return sent < 0 ? -Marshal.GetLastPInvokeError() : (int)sent;
        }
    }

    /// <summary>Says that nothing more will be sent; the other side may still send.</summary>
    public void ShutdownSend()
    {
        const int shutWrite = 1; // SHUT_WR, shutdown(2)
        if (_descriptor >= 0)
            _ = Sockets.Shutdown(_descriptor, shutWrite);
    }

    /// <summary>Ends the conversation in both directions; a thread that waits on the socket wakes.</summary>
    public void Shutdown()
    {
        if (_descriptor >= 0)
            _ = Sockets.Shutdown(_descriptor, SocketConstants.SHUT_RDWR);
    }

    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
            _ = Events.Close(descriptor);
    }
}
