namespace RoceEngine.Host;

/// <summary>Lets a bounded number of reports through, since a hostile guest can cause any number of them.</summary>
internal struct ReportLimit
{
    /// <summary>Reports that pass at once.</summary>
    public const int Burst = 16;

    /// <summary>Time after which one more may pass, in ns.</summary>
    public const long IntervalNs = 500_000_000;

    private long _emptyAtNs;
    private long _suppressed;

    /// <summary>True when this one passes; then <paramref name="suppressed"/> says how many did not since the last that did.</summary>
    public bool TryPass(long nowNs, out long suppressed)
    {
        long emptyAtNs = Math.Max(_emptyAtNs, nowNs) + IntervalNs;
        if (emptyAtNs - nowNs > Burst * IntervalNs)
        {
            _suppressed++;
            suppressed = 0;
            return false;
        }
        _emptyAtNs = emptyAtNs;
        suppressed = _suppressed;
        _suppressed = 0;
        return true;
    }
}
