using System.Runtime.InteropServices;
using RoceEngine.Interop;
using RoceEngine.Libibverbs;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Librdmacm.Rsockets;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm.Exports;

/// <summary>Sockets of rsocket(7) and their connections. What socket(2) and the pages that it names say, or -1 with errno.</summary>
internal static unsafe class SocketExports
{
    private const int StreamType = 1;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int TcpProtocol = 6;

    /// <summary>rsocket: a stream of AF_INET or AF_INET6. EPROTONOSUPPORT for datagrams.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rsocket")]
    public static int Create(int family, int type, int protocol) => Edge.MinusOne(() =>
    {
        if (family is not (SocketAddress.IPv4 or SocketAddress.IPv6))
        {
            throw new VerbsException(Errno.EAFNOSUPPORT, $"rsocket: address family {family}, neither IPv4 nor IPv6");
        }

        if ((type & ~(NonBlocking | CloseOnExec)) != StreamType || protocol is not (0 or TcpProtocol))
        {
            throw new VerbsException(CmErrno.NoSuchProtocol, $"rsocket: type {type}, protocol {protocol}: there are streams alone");
        }

        var socket = new StreamSocket((ushort)family, (type & NonBlocking) != 0);
        SocketTable.Add(socket);
        return socket.Descriptor;
    });

    /// <summary>rbind.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rbind")]
    public static int Bind(int socket, byte* address, uint bytes) =>
        Run(socket, found => found.Bind(SocketNames.Read(address, bytes, found.Family)));

    /// <summary>rlisten.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rlisten")]
    public static int Listen(int socket, int backlog) => Run(socket, found => found.Listen(backlog));

    /// <summary>raccept.</summary>
    [UnmanagedCallersOnly(EntryPoint = "raccept")]
    public static int Accept(int socket, byte* address, uint* bytes) => Run(socket, found => found.Accept(address, bytes));

    /// <summary>rconnect.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rconnect")]
    public static int Connect(int socket, byte* address, uint bytes) =>
        Run(socket, found => found.Connect(SocketNames.Read(address, bytes, found.Family)));

    /// <summary>rshutdown.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rshutdown")]
    public static int Shutdown(int socket, int how) => Run(socket, found => found.Shutdown(how));

    /// <summary>rclose.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rclose")]
    public static int Close(int socket) => Run(socket, static found => found.Close());

    /// <summary>rgetpeername.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rgetpeername")]
    public static int GetPeerName(int socket, byte* into, uint* bytes) => Run(socket, found => found.WritePeerAddress(into, bytes));

    /// <summary>rgetsockname.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rgetsockname")]
    public static int GetSockName(int socket, byte* into, uint* bytes) => Run(socket, found => found.WriteLocalAddress(into, bytes));

    /// <summary>rsetsockopt.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rsetsockopt")]
    public static int SetSockOpt(int socket, int level, int name, void* value, uint bytes) =>
        Run(socket, found => found.SetOption(level, name, value, bytes));

    /// <summary>rgetsockopt.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rgetsockopt")]
    public static int GetSockOpt(int socket, int level, int name, void* value, uint* bytes) =>
        Run(socket, found => found.GetOption(level, name, value, bytes));

    /// <summary>rfcntl, variadic in C: on Linux x86-64 and arm64 an integer argument travels as for a plain function.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rfcntl")]
    public static int Fcntl(int socket, int command, int argument) => Run(socket, found => found.Control(command, argument));

    /// <summary>rpoll.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rpoll")]
    public static int Poll(PollDescriptor* descriptors, ulong count, int timeoutMs)
    {
        const long nanosecondsPerMillisecond = 1_000_000;
        const ulong most = 1 << 20;
        try
        {
            return count > most ? Failure.MinusOne(Errno.EINVAL)
                : descriptors == null && count != 0 ? Failure.MinusOne(Errno.EFAULT)
                : SocketTransfers.ToResult(SocketPoll.Wait(descriptors, (int)count, timeoutMs < 0 ? -1 : timeoutMs * nanosecondsPerMillisecond));
        }
        catch (Exception e)
        {
            return Failure.MinusOne(e);
        }
    }

    /// <summary>rselect. The time that is left is not written back, as POSIX allows.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rselect")]
    public static int Select(int count, ulong* readable, ulong* writable, ulong* exceptional, long* timeout)
    {
        const long microsecondsPerSecond = 1_000_000;
        const long secondsMax = long.MaxValue / (1000 * microsecondsPerSecond) / 2;
        try
        {
            if (timeout != null && (timeout[0] < 0 || timeout[1] is < 0 or >= microsecondsPerSecond))
            {
                return Failure.MinusOne(Errno.EINVAL);
            }

            long timeoutNs = timeout == null ? -1 : ((Math.Min(timeout[0], secondsMax) * microsecondsPerSecond) + timeout[1]) * 1000;
            return SocketTransfers.ToResult(SocketPoll.Select(count, readable, writable, exceptional, timeoutNs));
        }
        catch (Exception e)
        {
            return Failure.MinusOne(e);
        }
    }

    /// <summary>riounmap.</summary>
    [UnmanagedCallersOnly(EntryPoint = "riounmap")]
    public static int Unmap(int socket, byte* address, nuint bytes) => Run(socket, found => found.Unmap(address, bytes));

    private static int Run(int socket, Func<StreamSocket, int> call) => Edge.MinusOne(() =>
        SocketTable.Find(socket) is { } found ? SocketTransfers.ToResult(call(found)) : Failure.MinusOne(Errno.EBADF));
}
