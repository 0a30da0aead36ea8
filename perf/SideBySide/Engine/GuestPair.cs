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
    private readonly EmbeddedHost? _sharedHost;

    private GuestPair(EmbeddedHost? nearHost, EmbeddedHost? farHost, EmbeddedHost? sharedHost, int bufferBytes)
    {
        _sharedHost = sharedHost;
        Near = new Guest(LoopbackPlan.EngineNear, nearHost, bufferBytes);
        Far = new Guest(LoopbackPlan.EngineFar, farHost, bufferBytes);
        Near.Connect(Far);
        Far.Connect(Near);
    }

    public Guest Near { get; }

    public Guest Far { get; }

    /// <summary>Two hosts that reach each other by RoCEv2 over loopback.</summary>
    public static GuestPair OverUdp(int bufferBytes) => new(null, null, null, bufferBytes);

    /// <summary>One host, guest memory to guest memory.</summary>
    public static GuestPair Local(int bufferBytes)
    {
        EmbeddedHost host = EmbeddedHost.Create(new EmbeddedHostOptions { Drive = DriveMode.Inline });
        return new GuestPair(host, host, host, bufferBytes);
    }

    public void Dispose()
    {
        Near.Dispose();
        Far.Dispose();
        _sharedHost?.Dispose();
    }
}

/// <summary>One end of a <see cref="GuestPair"/>.</summary>
internal sealed unsafe class Guest : IDisposable
{
    private const int MemoryBytes = 64 << 20;

    /// <summary>Sends that may be under way.</summary>
    public const int SendDepth = 256;

    private readonly RdmaContext _context;
    private readonly ProtectionDomain _domain;
    private readonly GuestMemory _memory;
    private readonly MemoryRegion _region;
    private readonly QueuePair _queuePair;
    private readonly QueuePairAddress _address;
    private readonly WorkCompletion[] _completions = new WorkCompletion[64];

    public Guest(IPAddress address, EmbeddedHost? host, int bufferBytes)
    {
        _context = EmbeddedRdma.Open(
            new EmbeddedOptions { Address = address, MemoryBytes = MemoryBytes, Drive = DriveMode.Inline, Host = host });
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
                throw new InvalidOperationException($"a WRITE failed: {_completions[i].Status}");
        }
        return count;
    }

    public void Dispose()
    {
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
