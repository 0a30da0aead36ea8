namespace RoceEngine.Host;

/// <summary>
/// When to look at a UDP socket. Looking costs about 0.3 µs, so a link that is silent is looked at less often the longer it is
/// silent; while packets come or go it is looked at every turn. What it adds to a first packet's way is bounded.
/// </summary>
internal struct WirePollSchedule
{
    // A 256th of the silence: 10 µs between the packets of a ping-pong give 40 ns, so every turn looks.
    private const int SilenceShift = 8;

    /// <summary>Longest time between two looks while the worker is awake, in ns.</summary>
    public const long IntervalNsMax = 20_000;

    private long _lastActivityNs;
    private long _lastPollNs;
    private bool _forced;

    public readonly bool IsDue(long nowNs)
    {
        long intervalNs = Math.Min((nowNs - _lastActivityNs) >> SilenceShift, IntervalNsMax);
        return _forced || nowNs - _lastPollNs >= intervalNs;
    }

    public void Polled(long nowNs, bool foundPackets)
    {
        _forced = false;
        _lastPollNs = nowNs;
        if (foundPackets)
            _lastActivityNs = nowNs;
    }

    public void Sent(long nowNs) => _lastActivityNs = nowNs;

    public void Force() => _forced = true;
}
