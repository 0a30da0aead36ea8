using RoceEngine.Interop;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Librdmacm.Objects;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>How far a socket has come.</summary>
internal enum SocketState
{
    /// <summary>It may be bound.</summary>
    Open,
    Listening,
    Connecting,

    /// <summary>There is a stream, whatever became of it.</summary>
    Connected,

    /// <summary>It could not connect.</summary>
    Failed,
    Closed,
}

/// <summary>
/// A stream socket of rsocket(7). Safe for concurrent use: every call takes the socket's lock, and none holds it while it waits. There is no thread for it
/// (but for a listener): whoever calls takes what has happened on the connection and the CQ.
/// </summary>
internal sealed unsafe partial class StreamSocket
{
    private readonly Lock _lock = new();
    private readonly CmId _id;
    private readonly List<Waiter> _waiters = [];
    private SocketOptions _options;
    private StreamEndpoint? _endpoint;
    private bool _isNonBlocking;
    private int _error;
    private bool _isErrorTaken;

    /// <exception cref="VerbsException">The device is not to be had, or no memory.</exception>
    public StreamSocket(ushort family, bool isNonBlocking)
        : this(new CmId(null, null, PortSpace.Tcp), family, new SocketOptions()) => _isNonBlocking = isNonBlocking;

    private StreamSocket(CmId id, ushort family, SocketOptions options)
    {
        _id = id;
        Family = family;
        _options = options;
        Descriptor = id.Channel.Pointer->Fd;
        _ = Descriptors.SetBlocking(Descriptor, false);
    }

    /// <summary>What the program knows the socket by: the descriptor of its identifier's events.</summary>
    public int Descriptor { get; }

    /// <summary>AF_INET or AF_INET6.</summary>
    public ushort Family { get; }

    private SocketState State { get; set; }

    /// <summary>fcntl(2): F_GETFL and F_SETFL, F_GETFD and F_SETFD. The other flags have no meaning for a socket.</summary>
    public int Control(int command, int argument)
    {
        const int getDescriptorFlags = 1;
        const int setDescriptorFlags = 2;
        const int getFlags = 3;
        const int setFlags = 4;
        const int readWrite = 2;
        const int closeOnExec = 1;
        lock (_lock)
        {
            switch (command)
            {
                case getFlags:
                    return _isNonBlocking ? readWrite | Descriptors.NonBlocking : readWrite;
                case setFlags:
                    _isNonBlocking = (argument & Descriptors.NonBlocking) != 0;
                    return 0;
                case getDescriptorFlags:
                    return closeOnExec;
                case setDescriptorFlags:
                    // A program that is executed has another library: it could do nothing with the descriptor.
                    return 0;
                default:
                    return -Errno.EINVAL;
            }
        }
    }

    /// <summary>getsockname(2).</summary>
    public int WriteLocalAddress(byte* into, uint* bytes)
    {
        lock (_lock)
        {
            SocketNames.Write(_id.LocalAddress, _id.LocalPort, Family, into, bytes);
            return 0;
        }
    }

    /// <summary>getpeername(2).</summary>
    /// <exception cref="VerbsException">ENOTCONN.</exception>
    public int WritePeerAddress(byte* into, uint* bytes)
    {
        lock (_lock)
        {
            if (State != SocketState.Connected || _id.PeerAddress is not { } peer)
            {
                throw new VerbsException(CmErrno.NotConnected, "rgetpeername: the socket is not connected");
            }

            SocketNames.Write(peer, _id.PeerPort, Family, into, bytes);
            return 0;
        }
    }

    /// <summary>Takes what has happened. Under the lock. True when there was anything.</summary>
    private bool Advance()
    {
        bool any = State is SocketState.Connecting or SocketState.Connected && _id.Channel.HasEvents && TakeConnectionEvents();
        if (State == SocketState.Connected)
        {
            any |= _endpoint!.Progress();
        }

        if (any)
        {
            WakeWaiters();
        }

        return any;
    }

    private void WakeWaiters()
    {
        foreach (Waiter waiter in _waiters)
        {
            waiter.Wake();
        }
    }

    /// <summary>Why the connection broke or did not come about, once; 0 afterwards. SO_ERROR.</summary>
    private int TakeError()
    {
        if (_isErrorTaken)
        {
            return 0;
        }

        int error = State == SocketState.Connected ? _endpoint!.Core.Error : _error;
        _isErrorTaken = error != 0;
        return error;
    }

    private void ThrowIfClosed()
    {
        if (State == SocketState.Closed)
        {
            throw new VerbsException(Errno.EBADF, "the socket is closed");
        }
    }
}
