using System.Security.Cryptography;
using RoceEngine.ConnectionManager.Messages;
using RoceEngine.ConnectionManager.Protocol;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Objects;

/// <content>Making connections, and ending them.</content>
internal sealed unsafe partial class CmId
{
    private const uint Psn24 = 0xFF_FFFF;
    private const byte MostTheDeviceCan = 0xFF;
    private const byte RetriesMax = 7;

    private CmListener? _listener;
    private CmConnection? _connection;
    private CmResolution? _resolution;
    private byte _responderResources;
    private byte _initiatorDepth;
    private uint _queuePairNumber;
    private bool _usesShared;

    /// <summary>The program itself has ended the connection.</summary>
    private volatile bool _hasDisconnected;

    /// <summary>The first PSN that this side's QP expects: what messages tell the peer to begin with.</summary>
    private readonly uint _psn = (uint)RandomNumberGenerator.GetInt32(1 << 24) & Psn24;

    /// <summary><c>rdma_listen(3)</c>.</summary>
    /// <exception cref="VerbsException">EINVAL: wrong state. EADDRINUSE: somebody listens there.</exception>
    public void Listen()
    {
        if (State == CmIdState.Idle)
        {
            TakePort(0);
            State = CmIdState.Bound;
        }

        if (State != CmIdState.Bound)
        {
            throw Wrong("rdma_listen", State);
        }

        CmDevice device = _device ?? CmDevice.Open();
        _listener = device.Service.Call((core, now) =>
        {
            if (core.TryListen(ServiceOf(_localPort), now, out CmListener? listener))
            {
                listener.Owner = this;
            }
            else
            {
                throw new VerbsException(Interop.Errno.EADDRINUSE, $"rdma_listen: somebody listens on port {_localPort}");
            }

            return listener;
        });
        SetLocal(_localAddress);
        State = CmIdState.Listening;
    }

    /// <summary><c>rdma_connect(3)</c>; with datagrams it asks for the peer's QP.</summary>
    /// <exception cref="VerbsException">EINVAL: wrong state, or too much private data.</exception>
    public void Connect(RdmaConnParam* parameters)
    {
        if (State != CmIdState.RouteResolved)
        {
            throw Wrong("rdma_connect", State);
        }

        ReadOnlySpan<byte> data = DataOf(parameters, (IsDatagram ? ResolveRequest.PrivateDataBytes : ConnectRequest.PrivateDataBytes) - AddressHeader.Bytes);
        var header = new AddressHeader(_localAddress, _peer!, _localPort);
        TakeParameters(parameters);
        State = CmIdState.Connecting;
        if (IsDatagram)
        {
            var request = new ResolveRequest { ServiceId = ServiceOf(_peerPort), PrivateData = header.With(data, ResolveRequest.PrivateDataBytes) };
            _resolution = Device.Service.Call((core, now) =>
            {
                CmResolution resolution = core.Resolve(_peer!, request, now);
                resolution.Owner = this;
                return resolution;
            });
            return;
        }

        ConnectRequest wanted = RequestOf(parameters, header.With(data, ConnectRequest.PrivateDataBytes));
        _connection = Device.Service.Call((core, now) =>
        {
            CmConnection connection = core.Connect(_peer!, wanted, now);
            connection.Owner = this;
            return connection;
        });
    }

    private ConnectRequest RequestOf(RdmaConnParam* parameters, byte[] privateData) => new()
    {
        ServiceId = ServiceOf(_peerPort),
        QueuePairNumber = _queuePairNumber,
        ResponderResources = _responderResources,
        InitiatorDepth = _initiatorDepth,
        Transport = Pointer->QpType == (int)QueuePairType.Uc ? (byte)1 : (byte)0,
        FlowControl = parameters != null && parameters->FlowControl != 0,
        FirstPsn = _psn,
        RetryCount = parameters == null ? RetriesMax : Math.Min(parameters->RetryCount, RetriesMax),
        RnrRetryCount = parameters == null ? RetriesMax : Math.Min(parameters->RnrRetryCount, RetriesMax),
        PathMtuCode = (byte)Libibverbs.MtuCode.Of(Device.Port.ActiveMtuBytes),
        UsesSharedReceiveQueue = _usesShared,
        LocalAddress = _localAddress,
        RemoteAddress = _peer!,
        TrafficClass = _trafficClass,
        AckTimeout = AckTimeoutCode,
        PrivateData = privateData,
    };

    /// <summary><c>rdma_accept(3)</c>.</summary>
    /// <exception cref="VerbsException">EINVAL: nobody asks, or too much private data.</exception>
    public void Accept(RdmaConnParam* parameters)
    {
        if (State != CmIdState.Requested)
        {
            throw Wrong("rdma_accept", State);
        }

        ReadOnlySpan<byte> data = DataOf(parameters, IsDatagram ? ResolveReply.PrivateDataBytes : ConnectReply.PrivateDataBytes);
        if (_resolution is { } resolution)
        {
            TakeParameters(parameters);
            var found = new ResolveReply { QueuePairNumber = _queuePairNumber, QueueKey = UdQueueKey, PrivateData = data.ToArray() };
            _ = Device.Service.Call((core, now) => core.TryAnswer(resolution, found, now));
            State = CmIdState.Connecting;
            return;
        }

        CmConnection connection = _connection!;
        TakeAcceptedParameters(parameters);
        if (Pointer->Qp != null)
        {
            Move(QueuePairState.ReadyToReceive);
            Move(QueuePairState.ReadyToSend);
        }

        var reply = new ConnectReply
        {
            QueuePairNumber = _queuePairNumber,
            FirstPsn = _psn,
            ResponderResources = _responderResources,
            InitiatorDepth = _initiatorDepth,
            FlowControl = parameters != null && parameters->FlowControl != 0,
            RnrRetryCount = parameters == null ? RetriesMax : Math.Min(parameters->RnrRetryCount, RetriesMax),
            UsesSharedReceiveQueue = _usesShared,
            PrivateData = data.ToArray(),
        };
        State = CmIdState.Connecting;
        if (!Device.Service.Call((core, now) => core.TryAccept(connection, reply, now)))
        {
            throw new VerbsException(Errno.Invalid, "rdma_accept: the peer has withdrawn its request");
        }
    }

    /// <summary><c>rdma_reject(3)</c>.</summary>
    public void Reject(ReadOnlySpan<byte> data)
    {
        byte[] kept = data.ToArray();
        int most = IsDatagram ? ResolveReply.PrivateDataBytes : ConnectionNotice.PrivateDataBytesOf(CmAttribute.Reject);
        bool done = kept.Length <= most && (_connection, _resolution) switch
        {
            ({ } connection, _) => Device.Service.Call((core, now) => core.TryReject(connection, RejectReason.Consumer, kept, now)),
            (_, { } resolution) => Device.Service.Call(
                (core, now) => core.TryAnswer(resolution, new ResolveReply { Status = ResolveStatus.Rejected, PrivateData = kept }, now)),
            _ => false,
        };
        if (!done)
        {
            throw new VerbsException(Errno.Invalid, $"rdma_reject: nobody asks, or {kept.Length} bytes of private data");
        }

        State = CmIdState.Connecting;
    }

    /// <summary><c>rdma_disconnect(3)</c>: the QP is in error then.</summary>
    public void Disconnect()
    {
        if (_connection is not { } connection)
        {
            throw Wrong("rdma_disconnect", State);
        }

        _hasDisconnected = true;
        if (Pointer->Qp != null)
        {
            FailQueuePair();
        }

        if (!Device.Service.Call((core, now) => core.TryDisconnect(connection, now)))
        {
            throw Wrong("rdma_disconnect", State);
        }
    }

    /// <summary><c>rdma_establish(3)</c>: the program's own QP is ready.</summary>
    public void Establish()
    {
        if (_connection is not { } connection || !Device.Service.Call((core, _) => core.TryEstablish(connection, [])))
        {
            throw Wrong("rdma_establish", State);
        }
    }

    /// <summary><c>rdma_notify(3)</c>: IBV_EVENT_COMM_EST alone has a meaning.</summary>
    /// <exception cref="VerbsException">EISCONN: connected already. EINVAL: another event.</exception>
    public void Notify(int eventType)
    {
        if (eventType != (int)AsyncEventType.CommunicationEstablished || _connection is not { } connection)
        {
            throw new VerbsException(Errno.Invalid, $"rdma_notify: event {eventType}");
        }

        if (connection.State == ConnectionState.Established)
        {
            throw new VerbsException(CmErrno.IsConnected, "rdma_notify: the connection is established");
        }

        _ = Device.Service.Call((core, _) => core.TryNotifyEstablished(connection));
    }

    private void EndConnecting()
    {
        if (_device is null && _listener is null)
        {
            return;
        }

        try
        {
            _ = CmDevice.Open().Service.Call((core, now) =>
            {
                if (_listener is not null)
                {
                    core.StopListening(_listener);
                }

                if (_connection is not null)
                {
                    core.Abandon(_connection, now);
                }

                if (_resolution is not null)
                {
                    core.Abandon(_resolution, now);
                }

                return 0;
            });
        }
        catch (VerbsException)
        {
            // The device is gone, and all connections with it.
        }
    }

    private void TakeParameters(RdmaConnParam* parameters)
    {
        byte most = CmDevice.Open().MaxRdAtomic;
        _responderResources = parameters == null ? most : Math.Min(parameters->ResponderResources, most);
        _initiatorDepth = parameters == null ? most : Math.Min(parameters->InitiatorDepth, most);
        _queuePairNumber = Pointer->Qp != null ? Pointer->Qp->QpNum : parameters == null ? 0 : parameters->QpNum & Psn24;
        _usesShared = Pointer->Qp != null ? Pointer->Qp->Srq != null : parameters != null && parameters->Srq != 0;
    }

    // Without a wish, and with RDMA_MAX_…, as much as the peer asked for.
    private void TakeAcceptedParameters(RdmaConnParam* parameters)
    {
        TakeParameters(parameters);
        if (parameters == null || parameters->ResponderResources == MostTheDeviceCan)
        {
            _responderResources = Math.Min(_connection!.Request.InitiatorDepth, Device.MaxRdAtomic);
        }

        if (parameters == null || parameters->InitiatorDepth == MostTheDeviceCan)
        {
            _initiatorDepth = Math.Min(_connection!.Request.ResponderResources, Device.MaxRdAtomic);
        }
    }

    private static ReadOnlySpan<byte> DataOf(RdmaConnParam* parameters, int most) =>
        parameters == null || parameters->PrivateData == null ? default
        : parameters->PrivateDataLen <= most ? new ReadOnlySpan<byte>(parameters->PrivateData, parameters->PrivateDataLen)
        : throw new VerbsException(Errno.Invalid, $"{parameters->PrivateDataLen} bytes of private data; the message has room for {most}");
}
