using System.Net;
using RoceEngine.ConnectionManager.Messages;

namespace RoceEngine.ConnectionManager.Protocol;

/// <summary>Messages to and fro between two managers: the one that is waiting for an answer, and the one that answers what comes again.</summary>
public abstract class CmExchange
{
    /// <summary>The peer's address.</summary>
    public required IPAddress Peer { get; init; }

    /// <summary>The transaction that all messages of the exchange carry.</summary>
    public ulong Transaction { get; init; }

    /// <summary>The listener that it came to; null on the side that began it.</summary>
    public CmListener? Listener { get; init; }

    /// <summary>Whatever the core's user keeps for it.</summary>
    public object? Owner { get; set; }

    /// <summary>Nobody is interested in it any more: it is only remembered.</summary>
    internal bool IsAbandoned { get; set; }

    /// <summary>What goes out again when no answer comes; null when none is due.</summary>
    internal byte[]? Unanswered { get; set; }

    /// <summary>What goes out again when the peer's message comes again.</summary>
    internal byte[]? Answer { get; set; }

    internal int RetriesLeft { get; set; }

    internal long IntervalNs { get; set; }

    /// <summary>When something has to happen; <see cref="long.MaxValue"/> for never.</summary>
    internal long DeadlineNs { get; set; } = long.MaxValue;
}

/// <summary>One side of a connection.</summary>
public sealed class CmConnection : CmExchange
{
    /// <summary>This side's number of it.</summary>
    public uint LocalId { get; init; }

    /// <summary>The peer's number of it; 0 while it is not known.</summary>
    public uint RemoteId { get; internal set; }

    /// <summary>Where it stands.</summary>
    public ConnectionState State { get; internal set; }

    /// <summary>The request: this side's own, or the peer's.</summary>
    public required ConnectRequest Request { get; init; }

    /// <summary>The reply: the peer's, or this side's own.</summary>
    public ConnectReply? Reply { get; internal set; }

    /// <summary>It has been established.</summary>
    internal bool WasEstablished { get; set; }

    /// <summary>This side asked.</summary>
    public bool IsActive => Listener is null;

    /// <summary>The peer's QP; 0 while it is not known.</summary>
    public uint RemoteQueuePair => IsActive ? Reply?.QueuePairNumber ?? 0 : Request.QueuePairNumber;

    /// <summary>This side's QP; 0 while it is not known.</summary>
    public uint LocalQueuePair => IsActive ? Request.QueuePairNumber : Reply?.QueuePairNumber ?? 0;
}

/// <summary>One side of a request for the QP that serves datagrams.</summary>
public sealed class CmResolution : CmExchange
{
    /// <summary>The request: this side's own, or the peer's.</summary>
    public required ResolveRequest Request { get; init; }

    /// <summary>The answer.</summary>
    public ResolveReply? Reply { get; internal set; }

    /// <summary>This side asked.</summary>
    public bool IsActive => Listener is null;
}

/// <summary>Somebody who waits for requests.</summary>
public sealed class CmListener
{
    /// <summary>What it serves.</summary>
    public ulong ServiceId { get; init; }

    /// <summary>Whatever the core's user keeps for it.</summary>
    public object? Owner { get; set; }
}
