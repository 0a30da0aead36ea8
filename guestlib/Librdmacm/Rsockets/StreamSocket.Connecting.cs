using System.Net;
using RoceEngine.Interop;
using RoceEngine.Libibverbs;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Librdmacm.Objects;
using RoceEngine.Rsockets;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm.Rsockets;

/// <content>Names, and connections that this side asks for.</content>
internal sealed unsafe partial class StreamSocket
{
    private const byte Retries = 7;

    private bool _owesSuccess;

    /// <summary>bind(2).</summary>
    /// <exception cref="VerbsException">EINVAL: it has a name. EADDRNOTAVAIL: the address is not the device's. EADDRINUSE.</exception>
    public int Bind(IPEndPoint address)
    {
        lock (_lock)
        {
            ThrowIfClosed();
            try
            {
                _id.Bind(address);
            }
            catch (VerbsException e) when (e.Errno == Verbs.Errno.NoDevice)
            {
                throw new VerbsException(Errno.EADDRNOTAVAIL, e.Message, e);
            }

            return 0;
        }
    }

    /// <summary>connect(2): 0, or a negative error number.</summary>
    public int Connect(IPEndPoint destination)
    {
        lock (_lock)
        {
            ThrowIfClosed();
            _ = Advance();
            switch (State)
            {
                case SocketState.Open:
                    break;
                case SocketState.Connecting:
                    return -CmErrno.Already;
                case SocketState.Connected:
                    bool owed = _owesSuccess;
                    _owesSuccess = false;
                    return owed ? 0 : -CmErrno.IsConnected;
                case SocketState.Failed:
                    return -_error;
                default:
                    return -Errno.EOPNOTSUPP;
            }

            Begin(destination);
            if (_isNonBlocking && State == SocketState.Connecting)
            {
                _owesSuccess = true;
                return -CmErrno.InProgress;
            }
        }

        _ = Await(SocketWish.Connect);
        lock (_lock)
        {
            int error = State == SocketState.Closed ? Errno.EBADF : TakeError();
            return State == SocketState.Connected ? 0 : -(error != 0 ? error : _error);
        }
    }

    private void Begin(IPEndPoint destination)
    {
        try
        {
            _id.ResolveAddress(null, destination);
            int error = TakeStep();
            if (error == 0)
            {
                _id.ResolveRoute();
                error = TakeStep();
            }

            if (error != 0)
            {
                FailToConnect(error);
                return;
            }

            _endpoint = new StreamEndpoint(_id, _options.Stream, _options.InlineBytes);
            Tell(_endpoint.Core.LocalData, parameters => _id.Connect((RdmaConnParam*)parameters));
            State = SocketState.Connecting;
        }
        catch (Exception e)
        {
            FailToConnect(Failure.Of(e));
        }
    }

    /// <summary>A step that is done when it is begun has its event already.</summary>
    private int TakeStep()
    {
        int error = _id.Channel.Take(out RdmaCmEvent* taken);
        if (error == 0)
        {
            error = Math.Abs(taken->Status);
            DeliveredEvent.Acknowledge(taken);
        }

        return error;
    }

    private void FailToConnect(int errno)
    {
        State = SocketState.Failed;
        _error = errno;
        WakeWaiters();
    }

    /// <summary>Takes what the connection manager has to say. True when there was anything.</summary>
    private bool TakeConnectionEvents()
    {
        bool any = false;
        while (_id.Channel.Take(out RdmaCmEvent* taken) == 0)
        {
            any = true;
            try
            {
                Handle((RdmaEventType)taken->Event, Math.Abs(taken->Status), new ReadOnlySpan<byte>(taken->Param.PrivateData, taken->Param.PrivateDataLen));
            }
            finally
            {
                DeliveredEvent.Acknowledge(taken);
            }
        }

        return any;
    }

    private void Handle(RdmaEventType type, int status, ReadOnlySpan<byte> privateData)
    {
        switch (type)
        {
            case RdmaEventType.Established:
                HandleEstablished(privateData);
                break;
            case RdmaEventType.Rejected:
                // Of who is connected already: the peer withdrew before it had heard that.
                Fail(State == SocketState.Connected ? Errno.ECONNRESET : Errno.ECONNREFUSED);
                break;
            case RdmaEventType.Unreachable or RdmaEventType.ConnectError:
                Fail(status != 0 ? status : CmErrno.TimedOut);
                break;
            case RdmaEventType.DeviceRemoval:
                Fail(Errno.ENETDOWN);
                break;
            case RdmaEventType.Disconnected when State == SocketState.Connected:
                // What the peer sent before comes first.
                _ = _endpoint!.Progress();
                _endpoint.Core.HandlePeerGone();
                break;
            default:
                break;
        }
    }

    private void HandleEstablished(ReadOnlySpan<byte> privateData)
    {
        if (State == SocketState.Connecting)
        {
            if (ConnectionData.Read(privateData) is not { } peer)
            {
                Fail(CmErrno.Protocol);
                return;
            }

            _endpoint!.Core.Connect(peer);
            State = SocketState.Connected;
        }

        _endpoint!.MayPost = true;
        _endpoint.Flush();
    }

    private void Fail(int errno)
    {
        if (State == SocketState.Connected)
        {
            _endpoint!.Core.Fail(errno);
        }
        else
        {
            FailToConnect(errno);
        }
    }

    /// <summary>Calls the connection manager with the stream's data.</summary>
    private static void Tell(ConnectionData data, Action<nint> call)
    {
        fixed (byte* bytes = data.Write())
        {
            var parameters = new RdmaConnParam
            {
                PrivateData = bytes,
                PrivateDataLen = ConnectionData.Bytes,
                FlowControl = 1,
                RetryCount = Retries,
                RnrRetryCount = Retries,
            };
            call((nint)(&parameters));
        }
    }
}
