namespace RoceEngine.SideBySide;

/// <summary>
/// Measures both sides of a comparison by turns, so that a noisy moment of the machine meets both, and takes medians.
/// </summary>
internal static class InterleavedRun
{
    /// <summary>Rounds of each side.</summary>
    public const int Rounds = 5;

    /// <summary>Long enough for the JIT compiler to have optimised what runs: it does so in the background, in several steps.</summary>
    private const double WarmUpSeconds = 1.5;

    /// <summary>Runs one comparison; each side is measured for <paramref name="seconds"/> in all.</summary>
    public static Figure Run(Comparison comparison, double seconds)
    {
        using IMeasurement limit = comparison.Limit();
        using IMeasurement engine = comparison.Engine();
        limit.Measure(WarmUpSeconds);
        engine.Measure(WarmUpSeconds);

        var limits = new double[Rounds];
        var engines = new double[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            limits[round] = limit.Measure(seconds / Rounds);
            engines[round] = engine.Measure(seconds / Rounds);
        }
        double limitMedian = Median(limits);
        double engineMedian = Median(engines);
        return new Figure(comparison.Name, comparison.Unit, engineMedian, limitMedian, engineMedian / limitMedian);
    }

    /// <summary>The middle one, or the mean of the middle two.</summary>
    public static double Median(ReadOnlySpan<double> values)
    {
        double[] sorted = values.ToArray();
        Array.Sort(sorted);
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
