using System.Net;

namespace RoceEngine.PerfTool.Options;

/// <summary>What goes to standard output.</summary>
internal enum OutputLevel
{
    /// <summary>Preamble, columns, separators.</summary>
    Full,

    /// <summary>One number per size: the average bandwidth in the chosen unit.</summary>
    Bandwidth,

    /// <summary>One number per size: millions of messages per second.</summary>
    MessageRate,

    /// <summary>One number per size: the average latency in microseconds.</summary>
    Latency,
}

/// <summary>The transport service of a test, spelled as on the command line.</summary>
internal enum PerfConnection
{
    RC,
    UC,
    UD,
}

/// <summary>How both ends of a test come to run in one process, if they do.</summary>
internal enum PairMode
{
    /// <summary>This process is one end: a server, or with a host a client.</summary>
    None,

    /// <summary>Two embedded hosts that talk RoCEv2 over loopback UDP.</summary>
    Udp,

    /// <summary>Two guests of one embedded host: the memory path.</summary>
    Local,
}

/// <summary>
/// The options of a run after defaults and mutual dependencies are resolved. Made by <see cref="CommandLine"/>; immutable.
/// </summary>
internal sealed record PerfOptions
{
    public required PerfTest Test { get; init; }

    /// <summary>The server's host name or address; null makes this side the server.</summary>
    public string? ServerHost { get; init; }

    /// <summary>TCP port of the exchange of QP information.</summary>
    public int Port { get; init; } = 18515;

    /// <summary>Message bytes; with <see cref="AllSizes"/> the largest of the sweep.</summary>
    public int SizeBytes { get; init; }

    /// <summary>Sweep over 2, 4, 8 … 2^23 bytes.</summary>
    public bool AllSizes { get; init; }

    /// <summary>Messages per queue pair and size; 0 with <see cref="DurationSeconds"/>.</summary>
    public long Iterations { get; init; }

    /// <summary>Seconds to run instead of a number of iterations; 0 when iterations count.</summary>
    public double DurationSeconds { get; init; }

    /// <summary>Seconds at each end of the duration that are run but not measured.</summary>
    public double MarginSeconds { get; init; }

    public PerfConnection Connection { get; init; }

    /// <summary>All queue pairs take their receives from one shared queue of <see cref="ReceiveDepth"/>.</summary>
    public bool UseSharedReceiveQueue { get; init; }

    public int SendDepth { get; init; }

    public int ReceiveDepth { get; init; }

    public int QueuePairs { get; init; } = 1;

    /// <summary>One completion is asked for after this many sends.</summary>
    public int CompletionModeration { get; init; } = 100;

    /// <summary>Sends posted with one doorbell.</summary>
    public int PostList { get; init; } = 1;

    public bool Bidirectional { get; init; }

    /// <summary>Path MTU in bytes, 0 for the port's.</summary>
    public int MtuBytes { get; init; }

    /// <summary>Messages up to this many bytes travel inside the work request; null for the test's default.</summary>
    public int? InlineBytes { get; init; }

    /// <summary>No peak bandwidth: only the first and the last clock reading.</summary>
    public bool NoPeak { get; init; }

    /// <summary>Sleep on completion events instead of polling.</summary>
    public bool UseEvents { get; init; }

    /// <summary>The device's name or address wanted; null for any.</summary>
    public string? Device { get; init; }

    public int GidIndex { get; init; }

    /// <summary>Encoded local ACK timeout: 4.096 µs · 2^n.</summary>
    public int Timeout { get; init; } = 14;

    public int RetryCount { get; init; } = 7;

    /// <summary>READs or atomics outstanding; 0 for the device's maximum.</summary>
    public int OutstandingReads { get; init; }

    public AtomicKind Atomic { get; init; }

    public int ServiceLevel { get; init; }

    /// <summary>Traffic class (TOS byte) of the packets.</summary>
    public int TrafficClass { get; init; }

    public bool ReportSorted { get; init; }

    public bool ReportUnsorted { get; init; }

    public bool ReportCycles { get; init; }

    /// <summary>Pause before each post of a latency test, in microseconds.</summary>
    public int LatencyGapUs { get; init; }

    /// <summary>Gb/s (10^9 bits) instead of MiB/s (2^20 bytes).</summary>
    public bool Gigabits { get; init; }

    /// <summary>Bidirectional: print each side's own result too.</summary>
    public bool ReportBoth { get; init; }

    /// <summary>Fail when the average bandwidth is below this, in the reported unit.</summary>
    public double? MinimumBandwidth { get; init; }

    /// <summary>Fail when the message rate is below this, in millions per second.</summary>
    public double? MinimumMessageRate { get; init; }

    public bool CpuUtilization { get; init; }

    public OutputLevel Output { get; init; }

    /// <summary>File of the JSON report, or null for none.</summary>
    public string? JsonFile { get; init; }

    /// <summary>The report goes to standard output as JSON instead of text.</summary>
    public bool JsonOutput { get; init; }

    /// <summary>How the client's device moves while the test runs; null when it stays.</summary>
    public MigrationPlan? Migration { get; init; }

    /// <summary>A memory region for each queue pair instead of one for all.</summary>
    public bool RegionPerQueuePair { get; init; }

    /// <summary>Run one send depth of messages before the clock starts.</summary>
    public bool WarmUp { get; init; }

    /// <summary>Fill the buffers with a pattern and compare what arrived when the run is over.</summary>
    public bool Verify { get; init; }

    public PairMode Pair { get; init; }

    /// <summary>Daemon socket for the attached mode; null for the default one.</summary>
    public string? SocketPath { get; init; }

    /// <summary>Device address wanted of the daemon; null for the first free one.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>Device address of an embedded host; null for the attached mode.</summary>
    public IPAddress? Embedded { get; init; }

    /// <summary>Lines for a person about what was changed or is not measured, printed before the preamble.</summary>
    public IReadOnlyList<string> Notices { get; init; } = [];

    public bool IsDuration => DurationSeconds > 0;

    /// <summary>Messages may be lost, and nobody hears of it.</summary>
    public bool IsLossy => Connection != PerfConnection.RC;

    public bool IsDatagram => Connection == PerfConnection.UD;

    public bool IsClient => ServerHost is not null;

    /// <summary>The sizes to run, in order.</summary>
    public IEnumerable<int> Sizes()
    {
        if (!AllSizes)
        {
            yield return SizeBytes;
            yield break;
        }

        for (int size = 2; size <= PerfTest.SweepMaximumBytes; size <<= 1)
            yield return size;
    }
}
