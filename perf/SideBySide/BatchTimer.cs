using System.Diagnostics;

namespace RoceEngine.SideBySide;

/// <summary>Times batches of work and gives the median batch: a batch during which the thread lost its core does not count.</summary>
internal struct BatchTimer(double seconds)
{
    private readonly long _end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
    private readonly List<double> _batchSeconds = new(65_536);
    private long _last = Stopwatch.GetTimestamp();

    /// <summary>Ends a batch and begins the next. False when the time is over.</summary>
    public bool Next()
    {
        long now = Stopwatch.GetTimestamp();
        _batchSeconds.Add((now - _last) / (double)Stopwatch.Frequency);
        _last = now;
        return now < _end;
    }

    /// <summary>Seconds of the median batch.</summary>
    public readonly double MedianSeconds => InterleavedRun.Median(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_batchSeconds));
}
