namespace RoceEngine.Host;

/// <summary>What to do after a turn.</summary>
internal enum IdleStep
{
    /// <summary>There was work: turn again at once.</summary>
    Turn,

    /// <summary>Turn again at once, sparing the core's other half.</summary>
    Spin,

    /// <summary>Let others run, then turn.</summary>
    Yield,

    /// <summary>Sleep until there is news.</summary>
    Sleep,
}

/// <summary>
/// How long an idle worker spins and yields before it sleeps. Where it finds itself taken off its core while it spins, or a yield taken, others
/// need the cores (the guests that wait for it, say): for a while it then yields at once, and also after a small turn that brought them something: their
/// answer comes sooner, and leaves together with the acknowledgement.
/// </summary>
internal struct IdleStrategy
{
    /// <summary>A spinning thread that misses this much was taken off its core.</summary>
    public const long PreemptedNs = 200_000;

    /// <summary>How long after that the cores count as contended.</summary>
    public const long ContendedForNs = 50_000_000;

    /// <summary>A yield that nobody took is over sooner.</summary>
    public const long YieldTakenNs = 3_000;

    /// <summary>A turn with more work than this is part of a stream, whose guests have enough to wait for.</summary>
    public const int SmallTurnWork = 8;

    /// <summary>How long after that there still is a stream.</summary>
    public const long StreamNs = 5_000_000;

    private const long SpinNs = 30_000;
    private const long YieldNs = 200_000;

    private readonly long _spinNs;
    private long _idleSinceNs;
    private long _lastTurnNs;
    private long _contendedUntilNs;
    private long _streamUntilNs;

    public IdleStrategy(int processorCount)
    {
        // With a single core, whoever is waited for cannot run while we spin.
        _spinNs = processorCount > 1 ? SpinNs : 0;
        _idleSinceNs = -1;
    }

    /// <summary>True while the cores count as contended.</summary>
    public readonly bool IsContended(long nowNs) => nowNs < _contendedUntilNs;

    /// <param name="work">What the turn did; 0 for nothing.</param>
    /// <param name="hasNews">Some of it was news from peers on other hosts.</param>
    /// <param name="nowNs">When the turn began.</param>
    public IdleStep Next(int work, bool hasNews, long nowNs)
    {
        bool wasIdle = _idleSinceNs >= 0;
        if (wasIdle && nowNs - _lastTurnNs > PreemptedNs)
            _contendedUntilNs = nowNs + ContendedForNs;
        _lastTurnNs = nowNs;
        if (work > 0)
        {
            _idleSinceNs = -1;
            if (work > SmallTurnWork)
                _streamUntilNs = nowNs + StreamNs;
            return hasNews && nowNs >= _streamUntilNs && IsContended(nowNs) ? IdleStep.Yield : IdleStep.Turn;
        }
        if (!wasIdle)
            _idleSinceNs = nowNs;
        long idleNs = nowNs - _idleSinceNs;
        if (!IsContended(nowNs) && idleNs < _spinNs)
            return IdleStep.Spin;
        return idleNs < YieldNs ? IdleStep.Yield : IdleStep.Sleep;
    }

    /// <summary>A yield is over.</summary>
    public void Yielded(long beganNs, long endedNs)
    {
        if (endedNs - beganNs > YieldTakenNs)
            _contendedUntilNs = endedNs + ContendedForNs;
    }

    /// <summary>After a sleep the idle time starts anew, and the gap means nothing.</summary>
    public void Woke(long nowNs)
    {
        _idleSinceNs = -1;
        _lastTurnNs = nowNs;
    }
}
