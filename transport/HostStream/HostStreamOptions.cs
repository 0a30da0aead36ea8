namespace RoceEngine.HostStream;

/// <summary>
/// How a host talks to others; the same for those that it calls and for those that call it. Each time limit may be
/// <see cref="Timeout.InfiniteTimeSpan"/>, and a day at most otherwise.
/// </summary>
public sealed class HostStreamOptions
{
    /// <summary>1 MiB of memory and 64 KiB for what describes it.</summary>
    public const int DefaultPayloadBytesMax = (1 << 20) + (64 << 10);

    /// <summary>Mutual TLS or, chosen in so many words, nothing.</summary>
    public required StreamSecurity Security { get; init; }

    /// <summary>Longest payload that is sent or accepted, in bytes.</summary>
    public int PayloadBytesMax { get; init; } = DefaultPayloadBytesMax;

    /// <summary>Lowest protocol version that this host speaks; at least 1.</summary>
    public ushort LowestVersion { get; init; } = 1;

    /// <summary>Highest protocol version that this host speaks.</summary>
    public ushort HighestVersion { get; init; } = 1;

    /// <summary>What the other host is told about this one's software; at most 256 characters.</summary>
    public string ProductVersion { get; init; } = typeof(HostStreamOptions).Assembly.GetName().Version?.ToString(3) ?? "unknown";

    /// <summary>Bounds the way to a connection, and once more the TLS and version handshakes together.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A send ends the connection when the other host takes nothing for so long.</summary>
    public TimeSpan SendIdleTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A receive ends the connection when nothing comes for so long.</summary>
    public TimeSpan ReceiveIdleTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Handshakes that a listener has under way at most. One more makes the oldest give way, so that those who connect and say
    /// nothing cannot keep others out. Connections that nobody has accepted yet are bounded by the same number.
    /// </summary>
    public int HandshakesMax { get; init; } = 64;

    private static readonly TimeSpan TimeoutMax = TimeSpan.FromDays(1);

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Security);
        ArgumentOutOfRangeException.ThrowIfLessThan(PayloadBytesMax, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(PayloadBytesMax, Array.MaxLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(LowestVersion, (ushort)1);
        ArgumentOutOfRangeException.ThrowIfLessThan(HighestVersion, LowestVersion);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ProductVersion.Length, HandshakeMessage.ProductVersionCharsMax);
        ArgumentOutOfRangeException.ThrowIfLessThan(HandshakesMax, 1);
        ThrowIfNoTimeout(HandshakeTimeout);
        ThrowIfNoTimeout(SendIdleTimeout);
        ThrowIfNoTimeout(ReceiveIdleTimeout);
    }

    internal static void ThrowIfNoTimeout(TimeSpan timeout)
    {
        if (timeout == Timeout.InfiniteTimeSpan)
            return;
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(timeout, TimeoutMax);
    }
}
