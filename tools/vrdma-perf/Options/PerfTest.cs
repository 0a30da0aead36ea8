namespace RoceEngine.PerfTool.Options;

/// <summary>The RDMA operation that a test measures.</summary>
internal enum PerfVerb
{
    Send,
    Write,
    Read,
    Atomic,
}

/// <summary>What a test measures of its operation.</summary>
internal enum PerfMetric
{
    Bandwidth,
    Latency,
}

/// <summary>The atomic operation of <c>atomic_bw</c> and <c>atomic_lat</c>.</summary>
internal enum AtomicKind
{
    FetchAndAdd,
    CompareAndSwap,
}

/// <summary>One of the eight tests, with perftest's defaults for it.</summary>
internal readonly record struct PerfTest(PerfVerb Verb, PerfMetric Metric)
{
    /// <summary>Bytes of an atomic operation; the size of an atomic test cannot be anything else.</summary>
    public const int AtomicBytes = 8;

    /// <summary>The largest size of a sweep over all sizes: 2^23 bytes.</summary>
    public const int SweepMaximumBytes = 1 << 23;

    /// <summary>The eight tests, in the order in which help shows them.</summary>
    public static IReadOnlyList<PerfTest> All { get; } =
    [
        new(PerfVerb.Send, PerfMetric.Bandwidth), new(PerfVerb.Send, PerfMetric.Latency),
        new(PerfVerb.Write, PerfMetric.Bandwidth), new(PerfVerb.Write, PerfMetric.Latency),
        new(PerfVerb.Read, PerfMetric.Bandwidth), new(PerfVerb.Read, PerfMetric.Latency),
        new(PerfVerb.Atomic, PerfMetric.Bandwidth), new(PerfVerb.Atomic, PerfMetric.Latency),
    ];

    /// <summary>The name on the command line, such as <c>write_bw</c>.</summary>
    public string Name => $"{Verb.ToString().ToLowerInvariant()}_{(IsLatency ? "lat" : "bw")}";

    public bool IsLatency => Metric == PerfMetric.Latency;

    public bool IsBandwidth => Metric == PerfMetric.Bandwidth;

    /// <summary>True when the peer consumes a receive work request for each message.</summary>
    public bool UsesReceives => Verb == PerfVerb.Send;

    /// <summary>True when the peer's memory answers alone (READ, atomics): the server only waits, and a sample is a full round trip.</summary>
    public bool IsResponse => Verb is PerfVerb.Read or PerfVerb.Atomic;

    /// <summary>Both sides take part in a ping-pong, so both measure.</summary>
    public bool IsPingPong => IsLatency && !IsResponse;

    /// <summary>Message bytes unless <c>-s</c> says otherwise.</summary>
    public int DefaultSizeBytes => Verb == PerfVerb.Atomic ? AtomicBytes : IsLatency ? 2 : 65536;

    /// <summary>Messages per queue pair unless <c>-n</c> says otherwise.</summary>
    public int DefaultIterations => this is { Verb: PerfVerb.Write, Metric: PerfMetric.Bandwidth } ? 5000 : 1000;

    /// <summary>Send queue depth unless <c>-t</c> says otherwise.</summary>
    public int DefaultSendDepth => IsLatency ? 1 : 128;

    /// <summary>Receive queue depth unless <c>-r</c> says otherwise.</summary>
    public int DefaultReceiveDepth => UsesReceives ? 512 : 1;
}
