using RoceEngine.Rsockets;

namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>What rsetsockopt has set; a socket that is accepted begins with its listener's.</summary>
internal sealed record SocketOptions
{
    /// <summary>The sizes of a stream.</summary>
    public StreamOptions Stream { get; init; } = new();

    /// <summary>WRITEs of so many bytes at most go inline. RDMA_INLINE.</summary>
    public int InlineBytes { get; init; } = 64;

    public bool ReuseAddress { get; init; }

    public bool KeepAlive { get; init; }

    /// <summary>Seconds of silence before the peer is asked. TCP_KEEPIDLE.</summary>
    public int KeepAliveSeconds { get; init; } = 7200;

    public bool OutOfBandInline { get; init; }

    public bool NoDelay { get; init; }

    public bool OnlyIPv6 { get; init; }

    public int TypeOfService { get; init; }

    /// <summary>How long closing waits for what was sent, in seconds; null for the library's own limit. SO_LINGER.</summary>
    public int? LingerSeconds { get; init; }
}
