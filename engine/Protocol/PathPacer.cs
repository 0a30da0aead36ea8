namespace RoceEngine.Protocol;

/// <summary>
/// Paces services that get no acknowledgements towards one destination: about one window in <see cref="WindowDrainNs"/>, in bursts of
/// half of that. Nobody has to give anything back, so nobody can wait for ever: who may not send is told when to ask again.
/// </summary>
internal sealed class PathPacer
{
    /// <summary>Time in which a receiver is taken to deal with a window's worth of packets.</summary>
    public const long WindowDrainNs = 250_000;

    private const long BurstNs = WindowDrainNs / 2;

    private long _drainedAtNs;

    /// <summary>Lets <paramref name="bytes"/> pass, or names the time when half a burst will be free.</summary>
    public bool TryPass(long bytes, long windowBytes, long nowNs, out long retryAtNs)
    {
        long drainedAtNs = Math.Max(_drainedAtNs, nowNs);
        if (drainedAtNs - nowNs >= BurstNs)
        {
            retryAtNs = drainedAtNs - (BurstNs / 2);
            return false;
        }

        _drainedAtNs = drainedAtNs + (bytes * WindowDrainNs / Math.Max(1, windowBytes));
        retryAtNs = 0;
        return true;
    }
}
