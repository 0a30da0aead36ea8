using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>A route with its window, shared by all QPs of a worker that send to the same destination.</summary>
public sealed class Path
{
    /// <summary>Congestion notifications go to one destination no more often than this, in ns.</summary>
    public const long NotificationIntervalNs = 50_000;

    private const byte EcnMask = 3;

    private Route? _plainRoute;
    private long _nextNotificationNs = long.MinValue;

    public Path(Route route, PathWindow window)
    {
        Route = route;
        Window = window;
    }

    public Route Route { get; }

    public PathWindow Window { get; }

    /// <summary>
    /// The same way for packets that no mark shall touch, since nobody would obey it: Not-ECT. Congestion notifications (IBTA annex A17)
    /// and unreliable datagrams. RFC 3168, 5.
    /// </summary>
    public Route PlainRoute
    {
        get
        {
            _plainRoute ??= new Route(Route.Source, Route.Destination, (byte)(Route.TrafficClass & ~EcnMask), Route.HopLimit);
            _plainRoute.IsLocal = Route.IsLocal;
            return _plainRoute;
        }
    }

    /// <summary>True when a congestion notification may go out now; then none may for <see cref="NotificationIntervalNs"/>.</summary>
    internal bool TryClaimNotification(long nowNs)
    {
        if (nowNs < _nextNotificationNs)
        {
            return false;
        }

        _nextNotificationNs = nowNs + NotificationIntervalNs;
        return true;
    }
}
