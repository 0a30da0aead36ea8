using System.Diagnostics;
using RoceEngine.Launching;

namespace RoceEngine.Vrdma.Demo.Moving;

/// <summary>Prints a sample now and then, from the thread that polls.</summary>
internal sealed class StreamMeter
{
    private static readonly long Interval = Stopwatch.Frequency / 100;

    private long _sampledAt = Stopwatch.GetTimestamp();
    private long _completedAt = Stopwatch.GetTimestamp();
    private long _gap;
    private long _bytes;

    /// <summary>Messages have completed.</summary>
    public void Completed(long bytes)
    {
        long now = Stopwatch.GetTimestamp();
        _gap = Math.Max(_gap, now - _completedAt);
        _completedAt = now;
        _bytes += bytes;
    }

    /// <summary>Prints what came since the last sample, when it is time.</summary>
    public void Look()
    {
        long now = Stopwatch.GetTimestamp();
        if (now - _sampledAt < Interval)
            return;
        Console.Out.WriteLine(StreamLine.Write("sample", StreamClock.ToSeconds(now), _bytes, _gap * 1000.0 / Stopwatch.Frequency));
        _sampledAt = now;
        _bytes = 0;
        _gap = 0;
    }
}
