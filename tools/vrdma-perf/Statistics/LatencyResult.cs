namespace RoceEngine.PerfTool.Statistics;

/// <summary>What a latency run of one size gave, in microseconds: half round trips, or full ones for READ and atomics.</summary>
internal sealed record LatencyResult
{
    public required long SizeBytes { get; init; }

    /// <summary>Exchanges; in a run by duration those within the margins.</summary>
    public required long Iterations { get; init; }

    public double MinimumUs { get; init; }

    /// <summary>The largest but two of the samples: perftest leaves the two worst out as outliers.</summary>
    public double MaximumUs { get; init; }

    /// <summary>The median.</summary>
    public double TypicalUs { get; init; }

    public double AverageUs { get; init; }

    public double DeviationUs { get; init; }

    public double Percentile99Us { get; init; }

    public double Percentile999Us { get; init; }

    /// <summary>Exchanges per second of a run by duration; null otherwise.</summary>
    public double? TransactionsPerSecond { get; init; }

    /// <summary>Every sample in the order of its measurement; empty when they were not kept.</summary>
    public IReadOnlyList<double> UnsortedUs { get; init; } = [];

    /// <summary>The samples that counted, ascending; empty when they were not kept.</summary>
    public IReadOnlyList<double> SortedUs { get; init; } = [];
}
