namespace RoceEngine.Verbs.Tests;

/// <summary>What an endpoint is made with.</summary>
internal sealed record EndpointOptions
{
    public int MemoryBytes { get; init; } = 4 << 20;

    public int Depth { get; init; } = 128;

    public int Sges { get; init; } = 4;

    public int InlineBytes { get; init; } = 64;

    public bool SignalAll { get; init; }

    public AccessFlags RegionAccess { get; init; } =
        AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic;

    public AccessFlags QueuePairAccess { get; init; } = AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic;

    public int PathMtuBytes { get; init; } = 1024;

    public byte RnrRetry { get; init; } = 7;

    /// <summary>0.54 s, eight times: longer than a thread is off its core on an overloaded machine.</summary>
    public byte Timeout { get; init; } = 17;

    public byte RetryCount { get; init; } = 7;

    public QueuePairType Type { get; init; } = QueuePairType.Rc;
}

/// <summary>One end: a PD, a CQ for sends and one for receives, registered memory, a QP.</summary>
internal sealed class Endpoint : IDisposable
{
    private readonly EndpointOptions _options;

    public Endpoint(RdmaContext context, EndpointOptions options)
    {
        _options = options;
        Context = context;
        Domain = context.AllocateProtectionDomain();
        Channel = context.CreateCompletionChannel();
        SendQueue = context.CreateCompletionQueue(options.Depth * 2, Channel);
        ReceiveQueue = context.CreateCompletionQueue(options.Depth * 2, Channel);
        Memory = context.AllocateMemory(options.MemoryBytes);
        Region = Domain.RegisterMemory(Memory, options.RegionAccess);
        QueuePair = Domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = SendQueue, ReceiveCompletionQueue = ReceiveQueue, SendDepth = options.Depth, ReceiveDepth = options.Depth,
            SendSges = options.Sges, ReceiveSges = options.Sges, InlineBytes = options.InlineBytes, SignalAll = options.SignalAll, Type = options.Type,
        });
        Psn = QueuePairAddress.RandomPsn();
    }

    public RdmaContext Context { get; }

    public ProtectionDomain Domain { get; }

    public CompletionChannel Channel { get; }

    public CompletionQueue SendQueue { get; }

    public CompletionQueue ReceiveQueue { get; }

    public GuestMemory Memory { get; }

    public MemoryRegion Region { get; }

    public QueuePair QueuePair { get; }

    public uint Psn { get; }

    public QueuePairAddress Address => QueuePair.AddressWith(Psn);

    public Span<byte> Bytes(int offset, int count) => Memory.AsSpan(offset, count);

    /// <summary>Fills a part of the memory with bytes that depend on a seed, and returns a copy.</summary>
    public byte[] Fill(int offset, int count, int seed)
    {
        new Random(seed).NextBytes(Bytes(offset, count));
        return Bytes(offset, count).ToArray();
    }

    public void ConnectTo(QueuePairAddress remote) => Connect(QueuePair, remote);

    /// <summary>Connects another QP of this end, with the same attributes.</summary>
    public void Connect(QueuePair queuePair, QueuePairAddress remote)
    {
        queuePair.ToInit(_options.QueuePairAccess);
        queuePair.ToReadyToReceive(remote, _options.PathMtuBytes);
        queuePair.ToReadyToSend(Psn, _options.Timeout, _options.RetryCount, _options.RnrRetry);
    }

    /// <summary>Posts a signalled request on a part of the own memory.</summary>
    public void Post(SendOpcode opcode, int offset, int bytes, ulong id = 0, Endpoint? target = null, int targetOffset = 0, SendFlags flags = SendFlags.Signaled, uint immediate = 0) =>
        QueuePair.PostSend(
            new SendRequest
            {
                WorkRequestId = id, Opcode = opcode, Flags = flags, Immediate = immediate,
                RemoteAddress = target is null ? 0 : target.Region.Address + (ulong)targetOffset, RemoteKey = target?.Region.RemoteKey ?? 0,
            },
            Region.Entry(offset, bytes));

    public void Receive(ulong id, int offset, int bytes) => QueuePair.PostReceive(id, Region.Entry(offset, bytes));

    public void Dispose()
    {
        QueuePair.Dispose();
        Region.Dispose();
        Memory.Dispose();
        SendQueue.Dispose();
        ReceiveQueue.Dispose();
        Channel.Dispose();
        Domain.Dispose();
    }
}
