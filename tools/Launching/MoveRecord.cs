using RoceEngine.Channel;

namespace RoceEngine.Launching;

/// <summary>What completed at one end of a stream since the sample before.</summary>
/// <param name="Seconds">The clock of the machine, the same for all its processes: see <see cref="StreamClock"/>.</param>
/// <param name="Amount">Bytes of payload, or messages, as the stream counts.</param>
/// <param name="GapMs">The longest time between two completions that ended in this interval, in ms.</param>
public readonly record struct StreamSample(double Seconds, long Amount, double GapMs);

/// <summary>The clock that samples and moves are stamped with.</summary>
public static class StreamClock
{
    /// <summary>Seconds since some moment before this machine's processes began.</summary>
    public static double Now => ToSeconds(System.Diagnostics.Stopwatch.GetTimestamp());

    /// <summary>A time stamp of <see cref="System.Diagnostics.Stopwatch"/> in seconds.</summary>
    public static double ToSeconds(long timestamp) => timestamp / (double)System.Diagnostics.Stopwatch.Frequency;
}

/// <summary>One move of a device under traffic.</summary>
/// <param name="From">The daemon that had the device.</param>
/// <param name="To">The other one.</param>
/// <param name="BeginSeconds">When it was asked for.</param>
/// <param name="EndSeconds">When it was done.</param>
/// <param name="Report">What the daemon says of it.</param>
public sealed record MoveRecord(string From, string To, double BeginSeconds, double EndSeconds, MigrationReport Report)
{
    /// <summary>Completions that wait for the move show this much later at most.</summary>
    private const double SettlingSeconds = 0.2;

    /// <summary>The longest time without a completion at an end of the stream while the device moved, in ms.</summary>
    /// <param name="samples">Of that end, in order.</param>
    public double GapMs(IEnumerable<StreamSample> samples) => LongestGapMs(samples, BeginSeconds, EndSeconds);

    /// <summary>The longest time without a completion in a time as long as the move that was before it, in ms: what the stream does by itself.</summary>
    /// <param name="samples">Of that end, in order.</param>
    public double SteadyGapMs(IEnumerable<StreamSample> samples) => LongestGapMs(samples, BeginSeconds - (EndSeconds - BeginSeconds), BeginSeconds, settling: 0);

    private static double LongestGapMs(IEnumerable<StreamSample> samples, double begin, double end, double settling = SettlingSeconds) => samples
        .Where(sample => sample.Seconds >= begin && sample.Seconds - (sample.GapMs / 1000) <= end && sample.Seconds <= end + settling)
        .Select(sample => sample.GapMs)
        .DefaultIfEmpty(0)
        .Max();
}
