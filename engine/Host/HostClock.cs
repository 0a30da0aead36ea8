using System.Diagnostics;

namespace RoceEngine.Host;

/// <summary>The clock that drives workers outside of simulations: monotonic nanoseconds.</summary>
public static class HostClock
{
    private static readonly bool TicksAreNanoseconds = Stopwatch.Frequency == 1_000_000_000;

    /// <summary>Nanoseconds since some moment in the past.</summary>
    public static long NowNs() => TicksAreNanoseconds
        ? Stopwatch.GetTimestamp()
        : (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
}
