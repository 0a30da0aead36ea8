using RoceEngine.Channel;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide;

/// <summary>
/// Measures both sides of a comparison by turns, so that a noisy moment of the machine meets both, and takes medians.
/// </summary>
internal static class InterleavedRun
{
    /// <summary>Rounds of each side.</summary>
    public const int Rounds = 5;

    /// <summary>Runs one comparison. What fails gives a figure that says so.</summary>
    /// <param name="comparison">What to run.</param>
    /// <param name="seconds">For how long each side is measured in all.</param>
    /// <param name="warmUpSeconds">For how long each side runs before that; null for what it wants.</param>
    public static Figure Run(Comparison comparison, double seconds, double? warmUpSeconds = null)
    {
        if (comparison.Missing() is { } missing)
            return Figure.Empty(comparison) with { Skipped = missing };
        try
        {
            return Measure(comparison, seconds, warmUpSeconds);
        }
        catch (Exception failure) when (IsOfMeasurement(failure))
        {
            return Figure.Empty(comparison) with { Failure = failure.Message.ReplaceLineEndings(" ") };
        }
    }

    /// <summary>What a measurement throws where the machine, a peer or the engine fails it.</summary>
    public static bool IsOfMeasurement(Exception failure) => failure is InvalidOperationException or IOException or VerbsException or ChannelException;

    private static Figure Measure(Comparison comparison, double seconds, double? warmUpSeconds)
    {
        using IMeasurement? limit = comparison.Limit?.Invoke();
        using IMeasurement engine = comparison.Engine();
        limit?.Measure(warmUpSeconds ?? limit.WarmUpSeconds);
        engine.Measure(warmUpSeconds ?? engine.WarmUpSeconds);

        var limits = new double[Rounds];
        var engines = new double[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            limits[round] = limit?.Measure(seconds / Rounds) ?? 0;
            engines[round] = engine.Measure(seconds / Rounds);
        }
        return Figure.Of(comparison, Median(engines), limit is null ? null : Median(limits));
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
