using System.Net;
using RoceEngine.Embedded;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Engine;

/// <summary>
/// Two guests with a connected RC QP each and a registered buffer each. Over UDP each has a host of its own, locally they share one.
/// Hosts are driven by the threads that poll.
/// </summary>
internal sealed class GuestPair : IDisposable
{
    private readonly EmbeddedHost[] _hosts;

    private GuestPair(EmbeddedHost? nearHost, EmbeddedHost? farHost, EmbeddedHost[] hosts, int bufferBytes, int number = 0, int queuePairs = 1)
    {
        _hosts = hosts;
        Near = new Guest(LoopbackPlan.EngineNear(number), nearHost, bufferBytes, queuePairs);
        Far = new Guest(LoopbackPlan.EngineFar(number), farHost, bufferBytes, queuePairs);
        Near.Connect(Far);
        Far.Connect(Near);
    }

    public Guest Near { get; }

    public Guest Far { get; }

    /// <summary>Two hosts that reach each other by RoCEv2 over loopback.</summary>
    public static GuestPair OverUdp(int bufferBytes) => new(null, null, [], bufferBytes);

    /// <summary>As <see cref="OverUdp"/>, each host losing a share of what it receives; pairs of different numbers can be there together.</summary>
    public static GuestPair OverLossyUdp(int bufferBytes, double lossRate, int number)
    {
        var options = new EmbeddedHostOptions { Drive = DriveMode.Inline, LossRate = lossRate };
        EmbeddedHost near = EmbeddedHost.Create(options);
        EmbeddedHost far = EmbeddedHost.Create(options);
        return new GuestPair(near, far, [near, far], bufferBytes, number);
    }

    /// <summary>As <see cref="OverUdp"/>, with guest memory for so many QPs.</summary>
    public static GuestPair ManyOverUdp(int bufferBytes, int queuePairs, int number) => new(null, null, [], bufferBytes, number, queuePairs);

    /// <summary>Makes and connects so many QPs more that nobody uses.</summary>
    public void AddIdle(int count)
    {
        for (int i = 0; i < count; i++)
            Near.AddIdle(Far);
    }

    /// <summary>One host, guest memory to guest memory.</summary>
    public static GuestPair Local(int bufferBytes)
    {
        EmbeddedHost host = EmbeddedHost.Create(new EmbeddedHostOptions { Drive = DriveMode.Inline });
        return new GuestPair(host, host, [host], bufferBytes);
    }

    public void Dispose()
    {
        Near.Dispose();
        Far.Dispose();
        foreach (EmbeddedHost host in _hosts)
            host.Dispose();
    }
}

/// <summary>One end of a <see cref="GuestPair"/>.</summary>
internal sealed unsafe class Guest : IDisposable
{
    private const long MemoryBytes = 64 << 20;

    /// <summary>Rings of one entry, their state and their page directory.</summary>
    private const long MemoryBytesPerQueuePair = 8 * 4096;

    /// <summary>Sends that may be under way.</summary>
    public const int SendDepth = 256;

    private readonly RdmaContext _context;
    private readonly ProtectionDomain _domain;
    private readonly GuestMemory _memory;
    private readonly MemoryRegion _region;
    private readonly QueuePair _queuePair;
    private readonly QueuePairAddress _address;
    private readonly List<QueuePair> _idle = [];
    private readonly WorkCompletion[] _completions = new WorkCompletion[64];

    public Guest(IPAddress address, EmbeddedHost? host, int bufferBytes, int queuePairs)
    {
        _context = EmbeddedRdma.Open(
            new EmbeddedOptions { Address = address, MemoryBytes = MemoryBytes + (queuePairs * MemoryBytesPerQueuePair), Drive = DriveMode.Inline, Host = host });
        _domain = _context.AllocateProtectionDomain();
        Completions = _context.CreateCompletionQueue(2 * SendDepth);
        _memory = _context.AllocateMemory(bufferBytes);
        _region = _domain.RegisterMemory(_memory, AccessFlags.LocalWrite | AccessFlags.RemoteWrite);
        _queuePair = _domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = Completions,
            ReceiveCompletionQueue = Completions,
            SendDepth = SendDepth,
            ReceiveDepth = 1,
            SendSges = 1,
            InlineBytes = 64,
        });
        _queuePair.ToInit(AccessFlags.RemoteWrite);
        _address = new QueuePairAddress(address, _queuePair.Number, QueuePairAddress.RandomPsn());
    }

    public CompletionQueue Completions { get; }

    /// <summary>The registered buffer.</summary>
    public byte* Buffer => _memory.Pointer;

    public void Connect(Guest peer)
    {
        _queuePair.ToReadyToReceive(peer._address);
        _queuePair.ToReadyToSend(_address.Psn);
    }

    /// <summary>Makes a QP here and one at the peer, connects them and leaves them alone.</summary>
    public void AddIdle(Guest peer)
    {
        QueuePair mine = CreateIdle();
        QueuePair theirs = peer.CreateIdle();
        QueuePairAddress myAddress = new(_address.Address, mine.Number, QueuePairAddress.RandomPsn());
        QueuePairAddress theirAddress = new(peer._address.Address, theirs.Number, QueuePairAddress.RandomPsn());
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

    /// <summary>Posts a signalled WRITE from the start of the buffer to the start of the peer's. False when the queue is full.</summary>
    public bool TryPostWrite(Guest peer, int bytes, bool signalled = true)
    {
        var request = WriteTo(peer, 0, signalled);
        var entry = new ScatterGatherEntry((ulong)_memory.Pointer, (uint)bytes, _region.LocalKey);
        return _queuePair.TryPostSend(request, new ReadOnlySpan<ScatterGatherEntry>(in entry));
    }

    /// <summary>Posts an inline WRITE of 8 bytes to an offset of the peer's buffer.</summary>
    public void PostWriteInline(Guest peer, int peerOffset, long value, bool signalled) =>
        _queuePair.PostSendInline(WriteTo(peer, peerOffset, signalled), new ReadOnlySpan<byte>(&value, sizeof(long)));

    public void BeginPost() => _queuePair.BeginPost();

    public void EndPost() => _queuePair.EndPost();

    /// <summary>Takes completions, and with that lets the host work. Returns how many; throws when one failed.</summary>
    public int Poll()
    {
        int count = Completions.Poll(_completions);
        for (int i = 0; i < count; i++)
        {
            if (_completions[i].Status != CompletionStatus.Success)
                throw new RequestFailedException($"a WRITE failed: {_completions[i].Status}");
        }
        return count;
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

    private SendRequest WriteTo(Guest peer, int peerOffset, bool signalled) => new()
    {
        Opcode = SendOpcode.Write,
        Flags = signalled ? SendFlags.Signaled : SendFlags.None,
        RemoteAddress = (ulong)(peer._memory.Pointer + peerOffset),
        RemoteKey = peer._region.RemoteKey,
    };
}
