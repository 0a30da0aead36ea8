namespace RoceEngine.Host;

/// <summary>
/// Timers that ran out while the worker was kept from running measured its own absence, not its peers': what would have stopped them waits unread in the
/// sockets, or was never asked for. Whoever comes back looks there first, and gives peers, which may have stood still along with it, a moment to answer.
/// </summary>
internal struct StallGuard
{
    /// <summary>Lateness that counts as a stall, and the moment that timers wait after one; ns.</summary>
    public const long StallNs = 1_000_000;

    private long _turnNs;
    private long _previousTurnNs;
    private long _heldUntilNs;

    /// <summary>Until when no timer runs out, ns; 0 while they may.</summary>
    public readonly long HeldUntilNs => _heldUntilNs;

    public void BeginTurn(long nowNs)
    {
        _previousTurnNs = _turnNs;
        _turnNs = nowNs;
        if (_heldUntilNs != 0 && _previousTurnNs >= _heldUntilNs)
            _heldUntilNs = 0;
    }

    /// <summary>
    /// A timer is due: true where nobody could look at it for so long that its device should read what came first. Another stall while timers are held
    /// holds them no longer, or a worker that never runs for long would send nothing again.
    /// </summary>
    public bool IsAfterStall(long deadlineNs, long nowNs)
    {
        bool isLate = nowNs - Math.Max(_previousTurnNs, deadlineNs) > StallNs;
        if (isLate && _heldUntilNs == 0)
            _heldUntilNs = nowNs + StallNs;
        return isLate;
    }

    /// <summary>Timers may run out in this turn.</summary>
    public readonly bool TimersRun(long nowNs) => nowNs >= _heldUntilNs;
}
