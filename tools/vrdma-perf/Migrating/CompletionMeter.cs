using System.Diagnostics;
using RoceEngine.Launching;

namespace RoceEngine.PerfTool.Migrating;

/// <summary>What completes over time and the longest pauses in between, for the thread that polls.</summary>
internal sealed class CompletionMeter
{
    private static readonly long s_interval = Stopwatch.Frequency / 100;

    private readonly List<StreamSample> _samples = [];
    private long _sampledAt;
    private long _completedAt;
    private long _gap;
    private long _messages;

    /// <summary>A sample for each 10 ms or so in which the thread polled.</summary>
    public IReadOnlyList<StreamSample> Samples => _samples;

    /// <summary>From now on it counts.</summary>
    public void Begin()
    {
        _samples.Clear();
        _sampledAt = _completedAt = Stopwatch.GetTimestamp();
        _gap = _messages = 0;
    }

    /// <summary>After each poll.</summary>
    /// <param name="completions">That it took.</param>
    public void Look(int completions)
    {
        long now = Stopwatch.GetTimestamp();
        if (completions > 0)
        {
            _gap = Math.Max(_gap, now - _completedAt);
            _completedAt = now;
        }

        if (now - _sampledAt < s_interval)
            return;
        _samples.Add(new StreamSample(StreamClock.ToSeconds(now), _messages, _gap * 1000.0 / Stopwatch.Frequency));
        _sampledAt = now;
        _messages = _gap = 0;
    }

    /// <summary>For how many messages of this side the completions of the last poll stand.</summary>
    public void Add(long messages) => _messages += messages;
}
