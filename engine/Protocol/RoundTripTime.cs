namespace RoceEngine.Protocol;

/// <summary>
/// The smoothed time from a packet to its acknowledgement, with its variation, by the recurrences of RFC 6298. The acknowledgement's
/// own delay is part of it.
/// </summary>
public struct RoundTripTime
{
    /// <summary>A probe comes no earlier than this, in ns: a thread that was not scheduled for a moment is not a loss.</summary>
    public const long ProbeAfterLeastNs = 250_000;

    /// <summary>Before anything was measured, in ns.</summary>
    public const long ProbeAfterUnmeasuredNs = 5_000_000;

    private const long LongestNs = 1_000_000_000;
    private const int BackoffMax = 12;

    private int _variationNs;

    /// <summary>ns; 0 while nothing was measured.</summary>
    public int SmoothedNs { get; private set; }

    /// <summary>Takes a measured round trip in.</summary>
    public void Add(long sampleNs)
    {
        int sample = (int)Math.Clamp(sampleNs, 1, LongestNs);
        if (SmoothedNs == 0)
        {
            SmoothedNs = sample;
            _variationNs = sample / 2;
            return;
        }

        _variationNs += (Math.Abs(SmoothedNs - sample) - _variationNs) / 4;
        SmoothedNs = Math.Max(1, SmoothedNs + (sample - SmoothedNs) / 8);
    }

    /// <summary>ns without news after which something may be lost, doubled for each time that it was asked in vain.</summary>
    public readonly long ProbeAfterNs(int backoff)
    {
        long once = SmoothedNs == 0
            ? ProbeAfterUnmeasuredNs
            : Math.Max(ProbeAfterLeastNs, (2L * SmoothedNs) + (4L * _variationNs));
        return once << Math.Min(backoff, BackoffMax);
    }
}
