namespace RoceEngine.ConnectionManager.Protocol;

/// <summary>The states of one side of a connection. IBTA vol. 1, 12.9.7 (figures 138, 139).</summary>
public enum ConnectionState
{
    /// <summary>Nothing is under way, or it is over.</summary>
    Idle,

    /// <summary>Active: REQ went out.</summary>
    RequestSent,

    /// <summary>Active: the REP is here, the application has to say RTU.</summary>
    ReplyReceived,

    /// <summary>Passive: REQ is here, the application has to accept or reject.</summary>
    RequestReceived,

    /// <summary>Passive: REP went out.</summary>
    ReplySent,

    /// <summary>Connected.</summary>
    Established,

    /// <summary>DREQ went out.</summary>
    DisconnectSent,

    /// <summary>Over; stays a while to answer messages that come again, and so that its numbers are not used again too early.</summary>
    TimeWait,
}

/// <summary>What happened to a connection or a resolution.</summary>
public enum CmEventKind
{
    /// <summary>Passive: a request for a listener.</summary>
    Request,

    /// <summary>Active: the peer accepted; the application says RTU when its QP is ready.</summary>
    Reply,

    /// <summary>Passive: the peer is ready too.</summary>
    Established,

    /// <summary>The peer refused; the reason is the status.</summary>
    Rejected,

    /// <summary>The peer does not answer.</summary>
    Unreachable,

    /// <summary>The connection is over.</summary>
    Disconnected,

    /// <summary>The time to wait after the end is over.</summary>
    TimeWaitEnded,

    /// <summary>Datagrams, active: the service was found, or not: the status.</summary>
    Resolved,

    /// <summary>Datagrams, passive: a request for a listener.</summary>
    ResolveRequest,
}

/// <summary>Something that the core's user shall know.</summary>
/// <param name="Kind">What.</param>
/// <param name="Exchange">About which connection or resolution.</param>
/// <param name="Status">The reject reason, the resolution's status, or a negative error number; 0 for none.</param>
/// <param name="PrivateData">What the peer's application said with it.</param>
public sealed record CmEvent(CmEventKind Kind, CmExchange Exchange, int Status, byte[] PrivateData);

/// <summary>How the core waits and repeats.</summary>
public sealed record ConnectionOptions
{
    /// <summary>Times in messages: 4.096 µs · 2^20 is 4.3 s.</summary>
    public byte ResponseTimeoutCode { get; init; } = 20;

    /// <summary>How often a message is sent again before the peer is given up, 0…15.</summary>
    public byte MaxRetries { get; init; } = 15;

    /// <summary>The time that an application which does not answer a request is said to need: 4.096 µs · 2^24 is 69 s.</summary>
    public byte ServiceTimeoutCode { get; init; } = 24;

    /// <summary>How long an ended connection is remembered.</summary>
    public long TimeWaitNs { get; init; } = 1_100_000_000;

    /// <summary>Requests of peers that no application has answered yet, at most.</summary>
    public int PendingMax { get; init; } = 4096;

    /// <summary>The node GUID that messages carry.</summary>
    public ulong NodeGuid { get; init; }

    /// <summary>The largest path MTU that the port can do, 1 (256 bytes) to 5 (4096).</summary>
    public byte PathMtuCodeMax { get; init; } = 5;

    /// <summary>A number that nobody can guess.</summary>
    public required Func<uint> Random { get; init; }

    /// <summary>A time as messages encode it, in nanoseconds.</summary>
    public static long ToNanoseconds(byte code) => 4096L << Math.Min((int)code, 31);
}

/// <summary>What the core counted.</summary>
public sealed class ConnectionCounters
{
    /// <summary>Messages taken.</summary>
    public long Received { get; set; }

    /// <summary>Messages given out, repetitions included.</summary>
    public long Sent { get; set; }

    /// <summary>Messages sent again because no answer came.</summary>
    public long Retries { get; set; }

    /// <summary>Messages that came again and were answered again, or needed no answer.</summary>
    public long Duplicates { get; set; }

    /// <summary>Datagrams that are no messages of a connection manager, or of an unknown kind.</summary>
    public long Malformed { get; set; }

    /// <summary>Messages about connections that are not known, or of somebody else.</summary>
    public long Strays { get; set; }

    /// <summary>Messages that the connection's state has no use for.</summary>
    public long OutOfPlace { get; set; }

    /// <summary>Requests that were refused without asking an application.</summary>
    public long Refused { get; set; }
}
