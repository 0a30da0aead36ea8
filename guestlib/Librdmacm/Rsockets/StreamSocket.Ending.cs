using RoceEngine.Interop;
using RoceEngine.Libibverbs;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Rsockets;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm.Rsockets;

/// <content>Shutting down and closing.</content>
internal sealed unsafe partial class StreamSocket
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>
    /// Who sends to a peer that takes nothing any more is not held for ever: the bytes are in the peer's memory by then, and the connection manager tells it
    /// the rest.
    /// </summary>
    private const int LingerSecondsMax = 10;

    private bool _hasShutDownSending;

    /// <summary>shutdown(2). With both directions it waits until everything that was sent has arrived.</summary>
    /// <exception cref="VerbsException">EINVAL: an unknown kind. ENOTCONN.</exception>
    public int Shutdown(int how)
    {
        if (how is < (int)ShutdownKind.Receiving or > (int)ShutdownKind.Both)
        {
            throw new VerbsException(Errno.EINVAL, $"rshutdown: {how}");
        }

        lock (_lock)
        {
            ThrowIfClosed();
            _ = Advance();
            if (State != SocketState.Connected)
            {
                throw new VerbsException(CmErrno.NotConnected, "rshutdown: the socket is not connected");
            }

            BeginShutdown((ShutdownKind)how);
        }

        if (how == (int)ShutdownKind.Both)
        {
            _ = Await(SocketWish.AllSent, NowNs + (LingerSecondsMax * NanosecondsPerSecond));
        }

        return 0;
    }

    /// <summary>close(2). Waits until everything that was sent has arrived, as SO_LINGER says.</summary>
    public int Close() => Close(_options.LingerSeconds ?? LingerSecondsMax);

    private int Close(int lingerSeconds)
    {
        if (!SocketTable.TryRemove(this))
        {
            return -Errno.EBADF;
        }

        if (State == SocketState.Listening)
        {
            StopListening();
        }

        bool isConnected;
        lock (_lock)
        {
            _ = Advance();
            isConnected = State == SocketState.Connected;
            if (isConnected)
            {
                BeginShutdown(ShutdownKind.Both);
            }
        }

        if (isConnected)
        {
            _ = Await(SocketWish.AllSent, NowNs + (lingerSeconds * NanosecondsPerSecond));
        }

        lock (_lock)
        {
            State = SocketState.Closed;
            _mappings.ForEach(static mapping => mapping.Region.Dispose());
            _mappings.Clear();
            _endpoint?.Dispose();
            _accepted?.Dispose();
            _id.Destroy();
            WakeWaiters();
        }

        return 0;
    }

    private void BeginShutdown(ShutdownKind kind)
    {
        _hasShutDownSending |= kind != ShutdownKind.Receiving;
        _endpoint!.Core.Shutdown(kind);
        _endpoint.Flush();
        WakeWaiters();
    }
}
