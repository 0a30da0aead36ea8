namespace RoceEngine.PerfTool.Statistics;

/// <summary>perftest's statistics of a run with a number of iterations, from the clock readings before each post.</summary>
internal static class LatencyStatistics
{
    /// <summary>Samples that are left out at the upper end.</summary>
    private const int TailSamples = 2;

    /// <summary>
    /// Samples are the differences of neighbouring readings divided by <paramref name="parts"/>. Sorted, the top two are
    /// dropped: <c>m</c> remain, over which average, median and (population) standard deviation run; the maximum is the
    /// sample at index m, the percentiles are those at ceil(0.99 m) and ceil(0.999 m).
    /// </summary>
    /// <param name="sizeBytes">Bytes of a message.</param>
    /// <param name="postedNs">Clock readings, at least 4.</param>
    /// <param name="parts">2 for half round trips, 1 for full ones.</param>
    public static LatencyResult FromPosts(long sizeBytes, ReadOnlySpan<long> postedNs, int parts)
    {
        double nsPerPart = parts * 1e3;
        double[] unsorted = new double[postedNs.Length - 1];
        for (int index = 0; index < unsorted.Length; index++)
            unsorted[index] = (postedNs[index + 1] - postedNs[index]) / nsPerPart;

        double[] sorted = [.. unsorted];
        Array.Sort(sorted);
        int counted = sorted.Length - TailSamples;
        (double average, double deviation) = Moments(sorted.AsSpan(0, counted));
        return new LatencyResult
        {
            SizeBytes = sizeBytes,
            Iterations = postedNs.Length,
            MinimumUs = sorted[0],
            MaximumUs = sorted[counted],
            TypicalUs = Median(sorted.AsSpan(0, counted)),
            AverageUs = average,
            DeviationUs = deviation,
            Percentile99Us = sorted[(int)Math.Ceiling(counted * 0.99)],
            Percentile999Us = sorted[(int)Math.Ceiling(counted * 0.999)],
            UnsortedUs = unsorted,
            SortedUs = sorted[..counted],
        };
    }

    /// <summary>Average and population standard deviation, in two passes so that nothing cancels.</summary>
    public static (double Average, double Deviation) Moments(ReadOnlySpan<double> samples)
    {
        double sum = 0;
        foreach (double sample in samples)
            sum += sample;
        double average = sum / samples.Length;

        double squares = 0;
        foreach (double sample in samples)
            squares += (sample - average) * (sample - average);
        return (average, Math.Sqrt(squares / samples.Length));
    }

    private static double Median(ReadOnlySpan<double> sorted) =>
        sorted.Length % 2 == 0
            ? (sorted[sorted.Length / 2] + sorted[(sorted.Length / 2) - 1]) / 2
            : sorted[sorted.Length / 2];
}
