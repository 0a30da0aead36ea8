using System.Diagnostics;
using RoceEngine.Channel;

namespace RoceEngine.Host.Migration;

/// <summary>How long each phase of a migration took.</summary>
internal sealed class PhaseClock
{
    private readonly List<PhaseTime> _phases = [];
    private readonly long _begin = Stopwatch.GetTimestamp();
    private long _phaseBegin = Stopwatch.GetTimestamp();

    public IReadOnlyList<PhaseTime> Phases => _phases;

    public double TotalMs => Stopwatch.GetElapsedTime(_begin).TotalMilliseconds;

    /// <summary>The phase that ran until now.</summary>
    public void End(string phase)
    {
        long now = Stopwatch.GetTimestamp();
        _phases.Add(new PhaseTime(phase, Stopwatch.GetElapsedTime(_phaseBegin, now).TotalMilliseconds));
        _phaseBegin = now;
    }
}
