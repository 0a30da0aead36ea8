using RoceEngine.Verbs;

namespace RoceEngine.Vrdma.Demo;

/// <summary>What a guest process holds: its device, its memory, and the QP to its peer.</summary>
internal sealed class GuestSession : IDisposable
{
    /// <summary>Guest RAM: the area, the rings, and room to spare.</summary>
    private const long MemoryBytes = 32 << 20;

    private const int QueueDepth = 256;
    private const int CompletionEntries = 1024;

    /// <summary>4.096 us * 2^17, half a second: on a crowded machine a daemon may wait that long for a core.</summary>
    private const byte AckTimeout = 17;

    private readonly RdmaContext _context;
    private readonly ProtectionDomain _domain;
    private readonly CompletionQueue _completions;
    private QueuePairAddress _localEnd;

    public GuestSession(AttachOptions options)
    {
        _context = RdmaContext.Attach(options with { MemoryBytes = MemoryBytes });
        _domain = _context.AllocateProtectionDomain();
        _completions = _context.CreateCompletionQueue(CompletionEntries);
        Area = new MemoryArea(_context, _domain);
    }

    public MemoryArea Area { get; }

    public CompletionQueue Completions => _completions;

    public string DeviceName => _context.Name;

    /// <summary>The QP of the connection. Valid after <see cref="Open"/>.</summary>
    public QueuePair QueuePair { get; private set; } = null!;

    /// <summary>The peer's end. Valid after <see cref="Connect"/>.</summary>
    public GuestEnd Peer { get; private set; } = null!;

    /// <summary>The peer's QP number. Valid after <see cref="Connect"/>.</summary>
    public uint PeerNumber { get; private set; }

    /// <summary>Completes when the device is lost.</summary>
    public async Task WaitLostAsync(CancellationToken cancellation)
    {
        try
        {
            while ((await _context.WaitAsyncEventAsync(cancellation)).Type != AsyncEventType.DeviceFatal)
            {
                // Any other event shows in the completions that it belongs to.
            }
        }
        catch (DeviceLostException)
        {
        }
    }

    /// <summary>Makes a new QP in place of the one before.</summary>
    public GuestEnd Open()
    {
        QueuePair?.Dispose();
        QueuePair = _domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = _completions,
            ReceiveCompletionQueue = _completions,
            SendDepth = QueueDepth,
            ReceiveDepth = QueueDepth,
        });
        QueuePair.ToInit(AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic);
        _localEnd = new QueuePairAddress(_context.Address, QueuePair.Number, QueuePairAddress.RandomPsn());
        return new GuestEnd { QueuePair = _localEnd.ToString(), RemoteKey = Area.RemoteKey, MemoryAddress = Area.Address };
    }

    /// <summary>Moves the QP to ready-to-send against the peer's end.</summary>
    public void Connect(GuestEnd peer)
    {
        QueuePairAddress remote = QueuePairAddress.Parse(peer.QueuePair);
        QueuePair.ToReadyToReceive(remote);
        QueuePair.ToReadyToSend(_localEnd.Psn, AckTimeout);
        Peer = peer;
        PeerNumber = remote.Number;
    }

    public void Dispose()
    {
        QueuePair?.Dispose();
        Area.Dispose();
        _completions.Dispose();
        _domain.Dispose();
        _context.Dispose();
    }
}
