namespace RoceEngine.Rsockets;

/// <summary>
/// One end of a stream of bytes over an RC QP, without I/O: calls, completions and the time go in; WRITEs to be posted come out. Not safe for concurrent
/// use. The protocol is that of rdma-core's rsockets (<c>librdmacm/docs/rsocket</c>).
/// </summary>
/// <remarks>
/// Each end has a ring that the peer writes the stream to, in two halves. A half that the application has read is announced by a WRITE into the peer's list of
/// targets; the peer fills it before it takes the next. Every message needs a receive request at the other end, which credits count: a sender may not
/// reach the sequence number that it was last told. Control messages need no credit; few of them are outstanding, and RNR NAKs hold those for which
/// there is no request.
/// </remarks>
public sealed partial class StreamCore
{
    /// <summary>Entries of the list of targets.</summary>
    public const int TargetCount = 2;

    /// <summary>Control messages outstanding at most.</summary>
    public const int ControlSlots = 4;

    private const int MappingsOffset = TargetCount * RemoteBuffer.Bytes;

    // Lists are read by this end in its own byte order.
    private static readonly bool s_isBigEndian = !BitConverter.IsLittleEndian;

    private readonly StreamOptions _options;
    private readonly StreamBuffers _buffers;
    private readonly Queue<StreamPost> _posts = new();
    private ConnectionData? _peer;
    private ControlMessage? _controlWaiting;

    /// <summary>An end that is not connected.</summary>
    /// <param name="options">Sizes.</param>
    /// <param name="buffers">Memory of these sizes.</param>
    public StreamCore(StreamOptions options, StreamBuffers buffers)
    {
        _options = options;
        _buffers = buffers;
        _ringFree = options.SendBytes;
        _dataSlotsFree = options.SendDepth - ControlSlots;
        _publishOffset = options.ReceiveBytes / 2;
        _readBytes = options.ReceiveBytes / 2;
        _creditsDue = (ushort)(options.ReceiveDepth / 2);
        _local = new MappedBuffer?[0];
    }

    /// <summary>What the peer has to be told.</summary>
    public ConnectionData LocalData => new()
    {
        IsBigEndian = s_isBigEndian,
        Credits = (ushort)_options.ReceiveDepth,
        MappingCount = _options.MappingCount,
        Targets = _buffers.TargetsName with { Length = TargetCount },
        FirstTarget = _buffers.ReceiveName with { Length = (uint)_options.ReceiveBytes / 2 },
    };

    /// <summary>There was a connection, whatever became of it.</summary>
    public bool WasConnected => _peer is not null;

    /// <summary>Both ends are there and at least one direction is open.</summary>
    public bool IsConnected => WasConnected && !IsDisconnected && Error == 0;

    /// <summary>One of the ends has said that it is done with the connection.</summary>
    public bool IsDisconnected { get; private set; }

    /// <summary>Why the connection broke: an error number; 0 when it did not.</summary>
    public int Error { get; private set; }

    /// <summary>The application may send: it did not shut that down, and the peer is there.</summary>
    public bool IsWritable { get; private set; }

    /// <summary>The peer may send more.</summary>
    public bool IsReadable { get; private set; }

    /// <summary>The peer has accepted, or was accepted. Its list of targets begins with what it told.</summary>
    public void Connect(ConnectionData peer)
    {
        _peer = peer;
        _sendLimit = peer.Credits;
        _remoteTarget = 1;
        peer.FirstTarget.Write(_buffers.Targets.Span, s_isBigEndian);
        _local = new MappedBuffer?[peer.MappingCount];
        IsWritable = IsReadable = true;
    }

    /// <summary>The connection is no more, and why. What was received can still be read.</summary>
    public void Fail(int errno)
    {
        if (IsDisconnected || Error != 0)
        {
            return;
        }

        Error = errno;
        IsWritable = IsReadable = false;
    }

    /// <summary>The peer has gone in good order, though it did not say so in the stream.</summary>
    public void HandlePeerGone()
    {
        IsDisconnected = true;
        IsWritable = IsReadable = false;
    }

    /// <summary>Stops one direction or both, and tells the peer as soon as a control message may be sent.</summary>
    public void Shutdown(ShutdownKind kind)
    {
        if (!IsConnected || (!IsWritable && !IsReadable))
        {
            return;
        }

        bool wasWritable = IsWritable;
        IsWritable &= kind == ShutdownKind.Receiving;
        IsReadable &= kind == ShutdownKind.Sending;
        if (!IsWritable && !IsReadable)
        {
            _controlWaiting = ControlMessage.Disconnect;
        }
        else if (wasWritable && !IsWritable)
        {
            _controlWaiting = ControlMessage.Shutdown;
        }

        SendControl();
    }

    /// <summary>The next WRITE to be posted, in order.</summary>
    public bool TryTakePost(out StreamPost post) => _posts.TryDequeue(out post);

    private void SendControl()
    {
        if (_controlWaiting is { } message && _controlSlotsFree > 0 && IsConnected)
        {
            _controlWaiting = null;
            PostControl(new Message(MessageKind.Control, (uint)message));
        }
    }
}
