using System.Collections.Concurrent;

namespace RoceEngine.PerfTool.Exchange;

/// <summary>The two ends of a channel between threads of one process.</summary>
internal sealed class MemoryPeerChannel : IPeerChannel
{
    private readonly Pipe _incoming;
    private readonly Pipe _outgoing;

    private MemoryPeerChannel(Pipe incoming, Pipe outgoing)
    {
        _incoming = incoming;
        _outgoing = outgoing;
    }

    /// <summary>Makes both ends.</summary>
    public static (MemoryPeerChannel First, MemoryPeerChannel Second) CreatePair()
    {
        Pipe forth = new();
        Pipe back = new();
        return (new MemoryPeerChannel(back, forth), new MemoryPeerChannel(forth, back));
    }

    public void Send(PeerMessage message)
    {
        _outgoing.Messages.Enqueue(message);
        _outgoing.Available.Release();
    }

    public PeerMessage? TryReceive(int waitMs)
    {
        // Looking only must not enter the semaphore's lock: a polling thread does it often.
        if (waitMs == 0 && _incoming.Messages.IsEmpty && !_incoming.IsClosed)
            return null;
        if (!_incoming.Available.Wait(waitMs))
            return null;
        if (_incoming.Messages.TryDequeue(out PeerMessage? message))
            return message;

        _incoming.Available.Release();
        throw new PeerException("the other side closed the connection") { IsEcho = true };
    }

    /// <summary>Tells the other end that nothing more comes.</summary>
    public void Dispose()
    {
        _outgoing.IsClosed = true;
        _outgoing.Available.Release();
    }

    private sealed class Pipe
    {
        public ConcurrentQueue<PeerMessage> Messages { get; } = new();

        public SemaphoreSlim Available { get; } = new(0);

        public volatile bool IsClosed;
    }
}
