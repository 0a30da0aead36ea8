namespace RoceEngine.Links;

/// <summary>Time stamps for packet taps.</summary>
internal static class WallClock
{
    /// <summary>Nanoseconds since the Unix epoch, in steps of 100.</summary>
    public static long NowNs() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
}
