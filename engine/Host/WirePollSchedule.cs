namespace RoceEngine.Host;

/// <summary>
/// When to look at a UDP socket. Looking costs about 0.3 µs, so a link that is silent is looked at less often the longer it is
/// silent; while small packets come or go it is looked at every turn, and while large messages do, about as often as there may be a batch of them.
/// What it adds to a first packet's way is bounded.
/// </summary>
internal struct WirePollSchedule
{
    // A 256th of the silence: 10 µs between the packets of a ping-pong give 40 ns, so every turn looks.
    private const int SilenceShift = 8;

    /// <summary>Longest time between two looks while the worker is awake and has nothing else to do, in ns.</summary>
    public const long IntervalNsMax = 20_000;

    /// <summary>Longest time between two looks while it has, in ns: about what a wake-up costs, and reached after 25 ms of silence.</summary>
    public const long BusyIntervalNsMax = 100_000;

    // A 64th of a nanosecond a byte: a fraction of what it takes to bring the batch.
    private const int BatchShift = 6;

    private const long BatchNsMax = 2_000;

    // The first look for the next batch is due after one batch's time; when that was in vain, the others are further apart.
    private const long LaterLookBatches = 4;

    private long _lastActivityNs;
    private long _sentNs;
    private long _receivedNs;
    private long _lastPollNs;
    private bool _forced;

    /// <summary>True when the socket is to be looked at.</summary>
    /// <param name="nowNs">The time.</param>
    /// <param name="isBusy">The worker does something else in this turn, which a look in vain holds up.</param>
    public readonly bool IsDue(long nowNs, bool isBusy)
    {
        long batchNs = Math.Max(_sentNs, _receivedNs) * (_lastPollNs > _lastActivityNs ? LaterLookBatches : 1);
        long intervalNs = Math.Clamp((nowNs - _lastActivityNs) >> SilenceShift, batchNs, isBusy ? BusyIntervalNsMax : IntervalNsMax);
        return _forced || nowNs - _lastPollNs >= intervalNs;
    }

    /// <summary>The socket was looked at, and gave packets with so many bytes of payload.</summary>
    public void Polled(long nowNs, bool foundPackets, long bytes)
    {
        _forced = false;
        _lastPollNs = nowNs;
        if (!foundPackets)
            return;
        _lastActivityNs = nowNs;
        _receivedNs = BatchNs(bytes);
    }

    /// <summary>Packets with so many bytes of payload went out.</summary>
    public void Sent(long nowNs, long bytes)
    {
        _lastActivityNs = nowNs;
        _sentNs = BatchNs(bytes);
    }

    private static long BatchNs(long bytes) => Math.Min(bytes >> BatchShift, BatchNsMax);

    public void Force() => _forced = true;
}
