using RoceEngine.Verbs;

namespace RoceEngine.Vrdma.Demo.Moving;

/// <summary>
/// One end of the stream: a device, a QP, and memory with a slot for each message under way. The sender writes numbered messages with immediate into the
/// peer's slots and adds to a counter there; the receiver checks each and gives a credit for every few.
/// </summary>
internal abstract class StreamEnd : IDisposable
{
    public const int MessageBytes = 64 << 10;

    /// <summary>Messages under way, unchecked ones included.</summary>
    protected const int Slots = 32;

    /// <summary>Messages for which the receiver gives one credit.</summary>
    protected const int MessagesPerCredit = 8;

    /// <summary>Messages to one FETCH_ADD.</summary>
    protected const int MessagesPerAtomic = 16;

    protected const int ReceiveDepth = 128;

    private const int CounterOffset = Slots * MessageBytes;
    private const int ResultOffset = CounterOffset + 4096;
    private const int AreaBytes = ResultOffset + 4096;
    private const long MemoryBytes = 32 << 20;
    private const int CompletionEntries = 1024;

    /// <summary>4.096 us * 2^14, 67 ms.</summary>
    private const byte AckTimeout = 14;

    private readonly RdmaContext _context;
    private readonly ProtectionDomain _domain;
    private readonly CompletionQueue _completions;
    private readonly GuestMemory _memory;
    private readonly MemoryRegion _region;
    private readonly QueuePairAddress _address;
    private readonly WorkCompletion[] _polled = new WorkCompletion[64];

    protected StreamEnd(AttachOptions options)
    {
        _context = RdmaContext.Attach(options with { MemoryBytes = MemoryBytes });
        _domain = _context.AllocateProtectionDomain();
        _completions = _context.CreateCompletionQueue(CompletionEntries);
        _memory = _context.AllocateMemory(AreaBytes);
        _region = _domain.RegisterMemory(
            _memory, AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic);
        QueuePair = _domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = _completions,
            ReceiveCompletionQueue = _completions,
            SendDepth = 2 * Slots,
            ReceiveDepth = ReceiveDepth,
        });
        QueuePair.ToInit(AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic);
        _address = new QueuePairAddress(_context.Address, QueuePair.Number, QueuePairAddress.RandomPsn());
    }

    public GuestEnd End => new() { QueuePair = _address.ToString(), RemoteKey = _region.RemoteKey, MemoryAddress = _region.Address };

    protected QueuePair QueuePair { get; }

    protected GuestEnd Peer { get; private set; } = null!;

    protected StreamMeter Meter { get; } = new();

    /// <summary>The counter that the peer adds to.</summary>
    protected ulong Counter => BitConverter.ToUInt64(_memory.Span[CounterOffset..]);

    /// <summary>What the last FETCH_ADD brought.</summary>
    protected ulong Result => BitConverter.ToUInt64(_memory.Span[ResultOffset..]);

    protected ulong PeerCounterAddress => Peer.MemoryAddress + CounterOffset;

    protected ScatterGatherEntry ResultEntry => new(_region.Address + ResultOffset, sizeof(ulong), _region.LocalKey);

    public void Connect(GuestEnd peer)
    {
        Peer = peer;
        QueuePair.ToReadyToReceive(QueuePairAddress.Parse(peer.QueuePair));
        QueuePair.ToReadyToSend(_address.Psn, AckTimeout);
    }

    /// <summary>Before the peer may send.</summary>
    public abstract void Prepare();

    /// <summary>Streams until asked to stop, and then to the last message; the total.</summary>
    /// <param name="isStopping">Asked between polls.</param>
    /// <exception cref="DemoException">Something was lost, doubled, reordered or changed; the message names it.</exception>
    public abstract StreamTotal Run(Func<bool> isStopping);

    public void Dispose()
    {
        QueuePair.Dispose();
        _region.Dispose();
        _memory.Dispose();
        _completions.Dispose();
        _domain.Dispose();
        _context.Dispose();
    }

    protected static int SlotOffset(long message) => (int)(message % Slots) * MessageBytes;

    protected Span<byte> Slot(long message) => _memory.Span.Slice(SlotOffset(message), MessageBytes);

    protected ScatterGatherEntry SlotEntry(long message) => new(_region.Address + (ulong)SlotOffset(message), MessageBytes, _region.LocalKey);

    protected static ulong Seed(long message) => 0x5EED_0000_0000_0000 | (ulong)message;

    /// <summary>What has completed; each with success, or it throws.</summary>
    protected ReadOnlySpan<WorkCompletion> Poll()
    {
        int count = _completions.Poll(_polled);
        for (int i = 0; i < count; i++)
        {
            if (_polled[i].Status != CompletionStatus.Success)
                throw new DemoException($"work request {_polled[i].WorkRequestId} failed: {_polled[i].Status.Explain()}");
        }

        Meter.Look();
        if (count == 0)
            Thread.Yield();
        return _polled.AsSpan(0, count);
    }

    protected static void Require(bool condition, string sentence)
    {
        if (!condition)
            throw new DemoException(sentence);
    }
}
