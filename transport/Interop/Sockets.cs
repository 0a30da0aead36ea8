using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>
/// The socket calls that .NET lacks or wraps too thickly. All return -1 on failure, with the error number in
/// <see cref="Marshal.GetLastPInvokeError"/>.
/// </summary>
public static unsafe partial class Sockets
{
    /// <summary>link(2): a socket gets another name, unless that is taken (EEXIST). One step, which a check and a rename(2) are not.</summary>
    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int Link(string path, string newPath);

    /// <summary>socket(2).</summary>
    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Create(int domain, int type, int protocol);

    /// <summary>socketpair(2): two descriptors at <paramref name="pair"/>.</summary>
    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    public static partial int CreatePair(int domain, int type, int protocol, int* pair);

    /// <summary>bind(2).</summary>
    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(int socket, void* address, uint addressBytes);

    /// <summary>connect(2).</summary>
    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    public static partial int Connect(int socket, void* address, uint addressBytes);

    /// <summary>getsockname(2).</summary>
    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    public static partial int GetName(int socket, void* address, uint* addressBytes);

    /// <summary>listen(2).</summary>
    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    public static partial int Listen(int socket, int backlog);

    /// <summary>accept4(2).</summary>
    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(int socket, void* address, uint* addressBytes, int flags);

    /// <summary>shutdown(2).</summary>
    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    public static partial int Shutdown(int socket, int how);

    /// <summary>sendto(2).</summary>
    [LibraryImport("libc", EntryPoint = "sendto", SetLastError = true)]
    public static partial nint SendTo(int socket, void* buffer, nuint bytes, int flags, void* address, uint addressBytes);

    /// <summary>recv(2).</summary>
    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(int socket, void* buffer, nuint bytes, int flags);

    /// <summary>sendmsg(2).</summary>
    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMessage(int socket, MessageHeader* message, int flags);

    /// <summary>recvmsg(2).</summary>
    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint ReceiveMessage(int socket, MessageHeader* message, int flags);

    /// <summary>sendmmsg(2): returns how many messages went; fewer than asked when one failed, whose error the next call shows.</summary>
    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    public static partial int SendMultiple(int socket, MultipleMessageHeader* messages, uint count, int flags);

    /// <summary>recvmmsg(2): returns how many messages came.</summary>
    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMultiple(int socket, MultipleMessageHeader* messages, uint count, int flags, TimeSpec* timeout);

    /// <summary>setsockopt(2).</summary>
    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetOption(int socket, int level, int name, void* value, uint valueBytes);

    /// <summary>getsockopt(2).</summary>
    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetOption(int socket, int level, int name, void* value, uint* valueBytes);

    /// <summary>Sets an option that is an int. Returns 0, or -1 with the error number set.</summary>
    public static int SetOption(int socket, int level, int name, int value) => SetOption(socket, level, name, &value, sizeof(int));

    /// <summary>Reads an option that is an int. Returns 0, or -1 with the error number set.</summary>
    public static int GetOption(int socket, int level, int name, out int value)
    {
        int result = 0;
        uint bytes = sizeof(int);
        int status = GetOption(socket, level, name, &result, &bytes);
        value = result;
        return status;
    }

    /// <summary>SO_PEERCRED: the process at the other end of a connected Unix socket, as the kernel vouches for it.</summary>
    /// <exception cref="SystemCallException">Not a connected Unix socket.</exception>
    public static PeerCredentials GetPeerCredentials(int socket)
    {
        PeerCredentials credentials = default;
        uint bytes = (uint)sizeof(PeerCredentials);
        SystemCallException.Check(
            GetOption(socket, SocketConstants.SOL_SOCKET, SocketConstants.SO_PEERCRED, &credentials, &bytes), "getsockopt(SO_PEERCRED)");
        return credentials;
    }
}
