namespace RoceEngine.Protocol;

/// <summary>
/// Bounds the bytes under way on one path: requests not yet acknowledged, and READ responses asked for and not yet come.
/// Without it the receiver's socket buffer drops what an unpaced GSO stream offers.
/// </summary>
public sealed class PathWindow
{
    /// <summary>A window of <paramref name="limitBytes"/>.</summary>
    public PathWindow(long limitBytes) => LimitBytes = limitBytes;

    /// <summary>Bytes that may be under way.</summary>
    public long LimitBytes { get; private set; }

    /// <summary>Bytes under way now.</summary>
    public long InFlightBytes { get; private set; }

    // The protocol part fills this in: acquire, release, loss, waiting QPs.
}
