using System.Diagnostics;

namespace RoceEngine.PerfTool.Running;

/// <summary>Where a run by duration is.</summary>
internal enum RunPhase
{
    /// <summary>The margin before the measurement.</summary>
    WarmUp,

    /// <summary>What happens now counts.</summary>
    Measure,

    /// <summary>The margin after it.</summary>
    CoolDown,

    /// <summary>Nothing more is begun.</summary>
    End,
}

/// <summary>The phases of a run by duration, computed from clock readings that the caller has anyway.</summary>
internal sealed class RunClock
{
    private readonly long _measureFromNs;
    private readonly long _measureUntilNs;
    private readonly long _endNs;

    /// <summary>A run that begins now.</summary>
    /// <param name="nowNs">A reading of <see cref="NowNs"/>.</param>
    /// <param name="durationSeconds">From the first margin's beginning to the second one's end.</param>
    /// <param name="marginSeconds">Each margin; less than half of the duration.</param>
    public RunClock(long nowNs, double durationSeconds, double marginSeconds)
    {
        _measureFromNs = nowNs + (long)(marginSeconds * 1e9);
        _endNs = nowNs + (long)(durationSeconds * 1e9);
        _measureUntilNs = _endNs - (long)(marginSeconds * 1e9);
    }

    /// <summary>Monotonic nanoseconds.</summary>
    public static long NowNs => Stopwatch.IsHighResolution && Stopwatch.Frequency == 1_000_000_000
        ? Stopwatch.GetTimestamp()
        : (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    /// <summary>First reading that fell into the measurement; 0 before it.</summary>
    public long MeasuredFromNs { get; private set; }

    /// <summary>Last reading that fell into the measurement; 0 before it.</summary>
    public long MeasuredUntilNs { get; private set; }

    /// <summary>Seconds between the first and the last measured reading.</summary>
    public double MeasuredSeconds => (MeasuredUntilNs - MeasuredFromNs) / 1e9;

    /// <summary>The phase at a reading. The span that counts runs from the first to the last reading inside the margins.</summary>
    public RunPhase At(long nowNs)
    {
        if (nowNs < _measureFromNs)
            return RunPhase.WarmUp;
        if (nowNs >= _endNs)
            return RunPhase.End;
        if (nowNs >= _measureUntilNs)
            return RunPhase.CoolDown;
        if (MeasuredFromNs == 0)
            MeasuredFromNs = nowNs;
        MeasuredUntilNs = nowNs;
        return RunPhase.Measure;
    }
}
