using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>A route with its window, shared by all QPs of a worker that send to the same destination.</summary>
public sealed class Path
{
    public Path(Route route, PathWindow window)
    {
        Route = route;
        Window = window;
    }

    public Route Route { get; }

    public PathWindow Window { get; }
}
