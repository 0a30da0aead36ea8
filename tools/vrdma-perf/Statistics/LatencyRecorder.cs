using HdrHistogram;

namespace RoceEngine.PerfTool.Statistics;

/// <summary>
/// Collects the clock readings of a latency run. Exact readings are kept as long as they are wanted and few; a run by
/// duration, or one with very many iterations, goes into a histogram of bounded size.
/// </summary>
internal sealed class LatencyRecorder
{
    /// <summary>Iterations up to which every reading is kept: 32 MiB of them.</summary>
    public const int ExactIterations = 1 << 22;

    /// <summary>Longest sample told from longer ones, in nanoseconds: 100 s.</summary>
    private const long HighestNs = 100_000_000_000;

    private readonly long[]? _postedNs;
    private readonly LongHistogram? _histogram;
    private readonly int _parts;
    private int _count;
    private long _previousNs;

    private LatencyRecorder(long exactIterations, int parts)
    {
        _parts = parts;
        if (exactIterations > 0)
            _postedNs = new long[exactIterations];
        else
            _histogram = new LongHistogram(1, HighestNs, 3);
    }

    /// <summary>A recorder for a number of iterations.</summary>
    /// <param name="iterations">Posts that will be recorded.</param>
    /// <param name="parts">2 for half round trips, 1 for full ones.</param>
    public static LatencyRecorder ForIterations(long iterations, int parts) =>
        new(iterations <= ExactIterations ? iterations : 0, parts);

    /// <summary>A recorder for a run by duration.</summary>
    public static LatencyRecorder ForDuration(int parts) => new(0, parts);

    /// <summary>Takes the clock reading before a post. Allocates nothing.</summary>
    public void Posted(long nowNs)
    {
        if (_postedNs is not null)
        {
            _postedNs[_count++] = nowNs;
            return;
        }

        if (_previousNs != 0)
            _histogram!.RecordValue(Math.Clamp(nowNs - _previousNs, 1, HighestNs));
        _previousNs = nowNs;
    }

    /// <summary>Forgets the previous reading: the next post starts a new sample.</summary>
    public void Restart() => _previousNs = 0;

    /// <summary>The statistics of a run with a number of iterations.</summary>
    public LatencyResult Finish(long sizeBytes, long iterations) =>
        _postedNs is not null
            ? LatencyStatistics.FromPosts(sizeBytes, _postedNs.AsSpan(0, _count), _parts)
            : FromHistogram(sizeBytes, iterations);

    /// <summary>The statistics of a run by duration: the average is the measured time over the exchanges in it.</summary>
    public LatencyResult FinishDuration(long sizeBytes, long iterations, double seconds)
    {
        LatencyResult result = FromHistogram(sizeBytes, iterations);
        return result with
        {
            AverageUs = iterations > 0 ? seconds * 1e6 / iterations / _parts : 0,
            TransactionsPerSecond = seconds > 0 ? iterations / seconds : 0,
        };
    }

    private LatencyResult FromHistogram(long sizeBytes, long iterations)
    {
        LongHistogram histogram = _histogram!;
        if (histogram.TotalCount == 0)
            return new LatencyResult { SizeBytes = sizeBytes, Iterations = iterations };

        double nsPerPart = _parts * 1e3;
        return new LatencyResult
        {
            SizeBytes = sizeBytes,
            Iterations = iterations,
            MinimumUs = histogram.LowestEquivalentValue(histogram.RecordedValues().First().ValueIteratedTo) / nsPerPart,
            MaximumUs = histogram.GetMaxValue() / nsPerPart,
            TypicalUs = histogram.GetValueAtPercentile(50) / nsPerPart,
            AverageUs = histogram.GetMean() / nsPerPart,
            DeviationUs = histogram.GetStdDeviation() / nsPerPart,
            Percentile99Us = histogram.GetValueAtPercentile(99) / nsPerPart,
            Percentile999Us = histogram.GetValueAtPercentile(99.9) / nsPerPart,
        };
    }
}
