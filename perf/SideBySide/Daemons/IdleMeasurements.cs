using System.Diagnostics;
using System.Globalization;
using HdrHistogram;
using RoceEngine.SideBySide.Engine;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Daemons;

/// <summary>Percent of a core that a daemon uses while a guest is attached and connected and does nothing: the busiest daemon's.</summary>
internal sealed class IdleDaemon(DaemonWorld world) : IMeasurement
{
    private const double SettleSeconds = 0.2;

    private readonly IEnginePair _pair = world.Open(4096);

    public double WarmUpSeconds => 0.1;

    public double Measure(double seconds)
    {
        Thread.Sleep(TimeSpan.FromSeconds(SettleSeconds));
        long[] before = [.. world.DaemonIds.Select(RunNs)];
        long begin = Stopwatch.GetTimestamp();
        Thread.Sleep(TimeSpan.FromSeconds(seconds));
        double elapsedNs = Stopwatch.GetElapsedTime(begin).TotalNanoseconds;
        return world.DaemonIds.Select((id, i) => (RunNs(id) - before[i]) / elapsedNs * 100).Max();
    }

    public void Dispose() => _pair.Dispose();

    /// <summary>Time on a core of all threads of a process so far, in ns: the first number of schedstat.</summary>
    private static long RunNs(int processId)
    {
        long sum = 0;
        foreach (string task in Directory.GetDirectories($"/proc/{processId.ToString(CultureInfo.InvariantCulture)}/task"))
        {
            try
            {
                sum += long.Parse(File.ReadAllText(Path.Combine(task, "schedstat")).Split(' ')[0], CultureInfo.InvariantCulture);
            }
            catch (Exception ended) when (ended is IOException or UnauthorizedAccessException)
            {
                // The thread ended meanwhile.
            }
        }
        return sum;
    }
}

/// <summary>
/// From the post of an 8-byte WRITE to its completion, when the daemon that has to do it has slept for a while. In µs: the median, or a percentile.
/// </summary>
internal sealed class WakeUp(DaemonWorld world, double percentile) : IMeasurement
{
    private const long WaitNsMax = 100_000_000_000;

    /// <summary>Well above the time after which an idle worker sleeps.</summary>
    private static readonly TimeSpan s_idle = TimeSpan.FromMilliseconds(3);

    private readonly IEnginePair _pair = world.Open(4096);

    public double WarmUpSeconds => 0.1;

    public double Measure(double seconds)
    {
        var waitsNs = new LongHistogram(1, WaitNsMax, 3);
        using IFarEnd far = _pair.Begin(FarTask.Serve, sizeof(long));
        long end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        do
        {
            Thread.Sleep(s_idle);
            long begin = Stopwatch.GetTimestamp();
            _pair.Near.PostAtOnce(SendOpcode.Write, _pair.Far, sizeof(long), signalled: true);
            var patience = new Patience(_pair.SpinsBeforeYield);
            while (_pair.Near.Poll() == 0 && !far.HasEnded)
                patience.Wait();
            waitsNs.RecordValue(Math.Clamp((long)Stopwatch.GetElapsedTime(begin).TotalNanoseconds, 1, WaitNsMax));
        }
        while (Stopwatch.GetTimestamp() < end && !far.HasEnded);
        return waitsNs.GetValueAtPercentile(percentile) / 1e3;
    }

    public void Dispose() => _pair.Dispose();
}
