using System.Globalization;
using RoceEngine.SideBySide;

namespace Benchmarks.Tests;

/// <summary>
/// The engine against the physical limit, both measured by turns on this machine in this run, so that no absolute time is in it. The bounds are a third of
/// what a quiet machine shows, and a busy moment gets several more chances: what fails here has become much slower.
/// </summary>
public class RegressionGuardTests
{
    private const int AttemptsMax = 6;
    private const double SecondsOfASide = 0.25;
    private const double WarmUpSeconds = 0.4;

    public static TheoryData<string, double> Bounds => new()
    {
        { "udp_write_goodput_64KiB", 0.15 },
        { "udp_write_latency_8B", 5 },
        { "udp_write_rate_64B", 0.07 },
        { "local_write_bandwidth_64KiB", 0.25 },
        { "icrc_4KiB_in_cache", 0.27 },
    };

    [Theory, MemberData(nameof(Bounds))]
    public void The_engine_keeps_its_distance_to_the_limit(string name, double bound)
    {
        Assert.SkipWhen(IsDebugBuild, "an unoptimised build is measured: build with -c Release");
        string seen = "";
        bool reached = Attempt(name, figure =>
        {
            seen = $"{seen} {figure.Ratio?.ToString("F3", CultureInfo.InvariantCulture) ?? figure.Failure}";
            return Comparison.IsRate(figure.Unit) ? figure.Ratio >= bound : figure.Ratio <= bound;
        });
        Assert.True(reached, $"{name}: the ratios{seen} are all beyond {bound.ToString(CultureInfo.InvariantCulture)}");
    }

    [Fact]
    public void The_whole_datapath_allocates_nothing()
    {
        string seen = "";
        bool reached = Attempt("udp_write_allocation", figure =>
        {
            seen = $"{seen} {figure.Engine?.ToString(CultureInfo.InvariantCulture) ?? figure.Failure}";
            return figure.Engine == 0;
        });
        Assert.True(reached, $"bytes of managed memory per message:{seen}");
    }

    /// <summary>Measures until it is good, a little longer each time. On a thread of its own, since measuring binds the thread to a core.</summary>
    private static bool Attempt(string name, Predicate<Figure> isGood)
    {
        bool good = false;
        var thread = new Thread(() =>
        {
            using var stage = new Stage();
            Comparison comparison = Comparisons.For(stage).Single(comparison => comparison.Name == name);
            Partner.PinThread(last: false);
            for (int attempt = 1; attempt <= AttemptsMax && !good; attempt++)
                good = isGood(InterleavedRun.Run(comparison, SecondsOfASide * attempt, WarmUpSeconds * attempt));
        });
        thread.Start();
        thread.Join();
        return good;
    }

    private static bool IsDebugBuild
    {
        get
        {
#if DEBUG
            return true;
#else
            return false;
#endif
        }
    }
}
