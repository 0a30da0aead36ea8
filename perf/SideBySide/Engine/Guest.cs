using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Engine;

/// <summary>What a guest tells its peer: where it is, and where its memory is.</summary>
/// <param name="QueuePair">Address, QP number and first PSN.</param>
/// <param name="Memory">Address of the lower half of its buffer, where the peer writes; the upper half, which the peer reads, follows.</param>
/// <param name="Key">The buffer's remote key.</param>
internal readonly record struct GuestAddress(QueuePairAddress QueuePair, ulong Memory, uint Key);

/// <summary>
/// One end of a pair: a context with a connected RC QP, all of whose completions come to one queue, and a registered buffer. The buffer's lower
/// half is where messages arrive, its upper half is where they are sent from. Receives are posted at once, and again as they are used.
/// </summary>
internal sealed unsafe class Guest : IDisposable
{
    /// <summary>Guest RAM that is enough for rings and two buffers of 8 MiB.</summary>
    public const long MemoryBytes = 64 << 20;

    /// <summary>Rings of one entry, their state and their page directory.</summary>
    public const long MemoryBytesPerQueuePair = 8 * 4096;

    /// <summary>Sends that may be under way.</summary>
    public const int SendDepth = 256;

    /// <summary>Bytes of an inline send at most.</summary>
    public const int InlineBytes = 64;

    /// <summary>Twice the sends of a stream, so that a receiver that posts late costs nobody a receiver-not-ready.</summary>
    private const int ReceiveDepth = 512;

    private const int PageBytes = 4096;

    private readonly RdmaContext _context;
    private readonly ProtectionDomain _domain;
    private readonly GuestMemory _memory;
    private readonly MemoryRegion _region;
    private readonly QueuePair _queuePair;
    private readonly int _halfBytes;
    private readonly List<QueuePair> _idle = [];
    private readonly WorkCompletion[] _completions = new WorkCompletion[64];
    private int _receivesPosted;

    /// <param name="context">The device; disposed with the guest.</param>
    /// <param name="messageBytesMax">Bytes of the longest message.</param>
    public Guest(RdmaContext context, int messageBytesMax)
    {
        _context = context;
        _domain = context.AllocateProtectionDomain();
        Completions = context.CreateCompletionQueue(SendDepth + ReceiveDepth);
        _halfBytes = (messageBytesMax + PageBytes - 1) / PageBytes * PageBytes;
        _memory = context.AllocateMemory(2L * _halfBytes);
        _region = _domain.RegisterMemory(_memory, AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead);
        _queuePair = _domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = Completions,
            ReceiveCompletionQueue = Completions,
            SendDepth = SendDepth,
            ReceiveDepth = ReceiveDepth,
            SendSges = 1,
            InlineBytes = InlineBytes,
        });
        _queuePair.ToInit(AccessFlags.RemoteWrite | AccessFlags.RemoteRead);
        Address = new GuestAddress(
            new QueuePairAddress(context.Address, _queuePair.Number, QueuePairAddress.RandomPsn()), (ulong)_memory.Pointer, _region.RemoteKey);

        // Every page of both halves is there before anything is measured; arrivals are 0 until the first comes.
        new Span<byte>(_memory.Pointer, _halfBytes).Clear();
        new Span<byte>(SendArea, _halfBytes).Fill(0xA5);
        PostReceives();
    }

    public CompletionQueue Completions { get; }

    /// <summary>What the peer must know.</summary>
    public GuestAddress Address { get; }

    /// <summary>Where messages arrive.</summary>
    public byte* Arrivals => _memory.Pointer;

    /// <summary>Where messages are sent from.</summary>
    public byte* SendArea => _memory.Pointer + _halfBytes;

    /// <summary>Connects.</summary>
    /// <param name="peer">The other end.</param>
    /// <param name="timeout">Encoded ACK timeout: by default half a second, so that a machine that is busy elsewhere does not look like a lost packet.</param>
    public void Connect(in GuestAddress peer, byte timeout = 17)
    {
        _queuePair.ToReadyToReceive(peer.QueuePair);
        _queuePair.ToReadyToSend(Address.QueuePair.Psn, timeout);
    }

    /// <summary>Makes a QP here and one at the peer, connects them and leaves them alone.</summary>
    public void AddIdle(Guest peer)
    {
        QueuePair mine = CreateIdle();
        QueuePair theirs = peer.CreateIdle();
        QueuePairAddress myAddress = new(_context.Address, mine.Number, QueuePairAddress.RandomPsn());
        QueuePairAddress theirAddress = new(peer._context.Address, theirs.Number, QueuePairAddress.RandomPsn());
        mine.ToReadyToReceive(theirAddress);
        theirs.ToReadyToReceive(myAddress);
        mine.ToReadyToSend(myAddress.Psn);
        theirs.ToReadyToSend(theirAddress.Psn);
    }

    private QueuePair CreateIdle()
    {
        QueuePair made = _domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = Completions,
            ReceiveCompletionQueue = Completions,
            SendDepth = 1,
            ReceiveDepth = 1,
            SendSges = 1,
        });
        made.ToInit(AccessFlags.RemoteWrite);
        _idle.Add(made);
        return made;
    }

    /// <summary>Posts a WRITE from the send area to the peer's arrivals, a SEND from it, or a READ of the peer's send area. False when the queue is full.</summary>
    public bool TryPost(SendOpcode opcode, in GuestAddress peer, int bytes, bool signalled)
    {
        bool reads = opcode == SendOpcode.Read;
        var request = new SendRequest
        {
            Opcode = opcode,
            Flags = signalled ? SendFlags.Signaled : SendFlags.None,
            RemoteAddress = peer.Memory + (reads ? (ulong)_halfBytes : 0),
            RemoteKey = peer.Key,
        };
        var entry = new ScatterGatherEntry((ulong)(reads ? Arrivals : SendArea), (uint)bytes, _region.LocalKey);
        return _queuePair.TryPostSend(request, new ReadOnlySpan<ScatterGatherEntry>(in entry));
    }

    /// <summary>As <see cref="TryPost"/> for a WRITE or SEND whose bytes go into the ring with the request, where they fit; a full queue is a mistake.</summary>
    public void PostAtOnce(SendOpcode opcode, in GuestAddress peer, int bytes, bool signalled)
    {
        if (bytes > InlineBytes)
        {
            if (!TryPost(opcode, peer, bytes, signalled))
                throw new InvalidOperationException("the send queue is full");
            return;
        }
        var request = new SendRequest
        {
            Opcode = opcode,
            Flags = signalled ? SendFlags.Signaled : SendFlags.None,
            RemoteAddress = peer.Memory,
            RemoteKey = peer.Key,
        };
        _queuePair.PostSendInline(request, new ReadOnlySpan<byte>(SendArea, bytes));
    }

    public void BeginPost() => _queuePair.BeginPost();

    public void EndPost() => _queuePair.EndPost();

    /// <summary>Takes completions, and with that lets an inline host work. Returns how many sends completed; throws when one failed.</summary>
    public int Poll() => Poll(out _);

    /// <summary>As <see cref="Poll()"/>; also tells how many messages came.</summary>
    public int Poll(out int received)
    {
        int count = Completions.Poll(_completions);
        received = 0;
        for (int i = 0; i < count; i++)
        {
            if (_completions[i].Status != CompletionStatus.Success)
                throw new RequestFailedException($"a request failed: {_completions[i].Status}");
            if (_completions[i].Opcode >= WorkCompletionOpcode.Receive)
                received++;
        }
        if (received > 0)
        {
            _receivesPosted -= received;
            if (_receivesPosted <= ReceiveDepth / 2)
                PostReceives();
        }
        return count - received;
    }

    private void PostReceives()
    {
        var entry = new ScatterGatherEntry((ulong)Arrivals, (uint)_halfBytes, _region.LocalKey);
        _queuePair.BeginPost();
        for (; _receivesPosted < ReceiveDepth; _receivesPosted++)
            _queuePair.PostReceive(0, entry);
        _queuePair.EndPost();
    }

    public void Dispose()
    {
        foreach (QueuePair idle in _idle)
            idle.Dispose();
        _queuePair.Dispose();
        _region.Dispose();
        _memory.Dispose();
        Completions.Dispose();
        _domain.Dispose();
        _context.Dispose();
    }
}
