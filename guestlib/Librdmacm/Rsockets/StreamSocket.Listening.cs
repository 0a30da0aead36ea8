using RoceEngine.Interop;
using RoceEngine.Libibverbs;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Librdmacm.Objects;
using RoceEngine.Rsockets;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm.Rsockets;

/// <content>
/// Listening. A thread answers peers, so that they are connected before the program accepts them, as with TCP; as many as the backlog allows.
/// </content>
internal sealed unsafe partial class StreamSocket
{
    private const int BacklogMax = 4096;

    private EventQueue<StreamSocket>? _accepted;
    private Waiter? _listenerWake;
    private Thread? _listener;
    private int _backlog;
    private int _waitingCount;
    private volatile bool _isStopping;

    /// <summary>listen(2).</summary>
    /// <exception cref="VerbsException">EINVAL: it is connected. EADDRINUSE: somebody listens there.</exception>
    public int Listen(int backlog)
    {
        lock (_lock)
        {
            ThrowIfClosed();
            _backlog = Math.Clamp(backlog, 1, BacklogMax);
            if (State == SocketState.Listening)
            {
                return 0;
            }

            if (State != SocketState.Open)
            {
                throw new VerbsException(Errno.EINVAL, $"rlisten: the socket is {State}");
            }

            _id.Listen();
            _accepted = new EventQueue<StreamSocket>();
            _ = Descriptors.SetBlocking(_accepted.Descriptor, false);
            _listenerWake = Waiter.Create();
            State = SocketState.Listening;
            _listener = new Thread(AnswerPeers) { IsBackground = true, Name = "vrdma-rsocket" };
            _listener.Start();
            return 0;
        }
    }

    /// <summary>accept(2): the descriptor of the next peer's socket, or a negative error number.</summary>
    public int Accept(byte* address, uint* bytes)
    {
        while (true)
        {
            lock (_lock)
            {
                ThrowIfClosed();
                if (State != SocketState.Listening)
                {
                    throw new VerbsException(Errno.EINVAL, "raccept: the socket does not listen");
                }

                int errno = _accepted!.Take(out StreamSocket accepted, static _ => { });
                if (errno == 0)
                {
                    _ = Interlocked.Decrement(ref _waitingCount);
                    _listenerWake!.Wake();
                    SocketNames.Write(accepted._id.PeerAddress!, accepted._id.PeerPort, Family, address, bytes);
                    return accepted.Descriptor;
                }

                if (_isNonBlocking || errno != Errno.EAGAIN)
                {
                    return -errno;
                }
            }

            AwaitPeer();
        }
    }

    private void AwaitPeer()
    {
        Waiter waiter = Waiter.Current;
        Span<PollDescriptor> descriptors = stackalloc PollDescriptor[DescriptorsMax + 1];
        int count = 1;
        descriptors[0] = new PollDescriptor { Descriptor = waiter.Descriptor, Events = PollDescriptor.POLLIN };
        _ = BeginWait(waiter, descriptors, ref count);
        if (count > 1)
        {
            _ = Events.Wait(descriptors[..count], -1);
        }

        EndWait(waiter);
        waiter.Drain();
    }

    private void AnswerPeers()
    {
        Span<PollDescriptor> descriptors =
        [
            new PollDescriptor { Descriptor = _listenerWake!.Descriptor, Events = PollDescriptor.POLLIN },
            new PollDescriptor { Descriptor = Descriptor, Events = PollDescriptor.POLLIN },
        ];
        while (!_isStopping)
        {
            // Peers for whom there is no room ask again.
            bool hasRoom = Volatile.Read(ref _waitingCount) < _backlog;
            _ = Events.Wait(hasRoom ? descriptors : descriptors[..1], -1);
            _listenerWake.Drain();
            while (!_isStopping && Volatile.Read(ref _waitingCount) < _backlog && _id.Channel.HasEvents)
            {
                AnswerNext();
            }
        }
    }

    private void AnswerNext()
    {
        try
        {
            if (_id.Channel.Take(out RdmaCmEvent* taken) != 0)
            {
                return;
            }

            if (taken->Event == (int)RdmaEventType.ConnectRequest && taken->Status == 0)
            {
                Answer(taken);
            }

            DeliveredEvent.Acknowledge(taken);
        }
        catch (Exception e)
        {
            // The device is gone. Nothing may leave this thread.
            _ = Failure.Of(e);
        }
    }

    private void Answer(RdmaCmEvent* request)
    {
        CmId id = CmId.Of(request->Id);
        StreamSocket? accepted = null;
        try
        {
            ConnectionData peer = ConnectionData.Read(new ReadOnlySpan<byte>(request->Param.PrivateData, request->Param.PrivateDataLen))
                ?? throw new VerbsException(CmErrno.Protocol, "a peer asks that does not speak rsockets");
            accepted = new StreamSocket(id, Family, _options);
            accepted.Answer(peer);
            SocketTable.Add(accepted);
            _ = Interlocked.Increment(ref _waitingCount);
            _accepted!.Add(accepted);
        }
        catch (Exception e)
        {
            _ = Failure.Of(e);
            accepted?._endpoint?.Dispose();

            // Refuses the peer as well.
            id.Destroy();
        }
    }

    private void Answer(ConnectionData peer)
    {
        _endpoint = new StreamEndpoint(_id, _options.Stream, _options.InlineBytes);
        _endpoint.Core.Connect(peer);
        State = SocketState.Connected;
        Tell(_endpoint.Core.LocalData, parameters => _id.Accept((RdmaConnParam*)parameters));
    }

    /// <summary>Ends the thread, and sockets that nobody accepted. Without the lock.</summary>
    private void StopListening()
    {
        _isStopping = true;
        _listenerWake!.Wake();
        _listener!.Join();
        while (_accepted!.Take(out StreamSocket waiting, static _ => { }) == 0)
        {
            _ = waiting.Close(lingerSeconds: 0);
        }
    }
}
