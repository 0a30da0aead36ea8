using RoceEngine.Links;
using RoceEngine.Protocol;
using RoceEngine.Wire;
using Path = RoceEngine.Protocol.Path;

namespace RoceEngine.Host;

/// <summary>
/// The paths of one device, and a window for each destination. A guest can name any address, so their number is bounded: beyond it a path
/// is made but not kept. Windows are not shared with other devices: a guest that fills one with what nobody acknowledges shuts out nobody
/// but itself.
/// </summary>
internal sealed class PathTable
{
    /// <summary>Paths that are kept and shared.</summary>
    public const int PathsMax = 4096;

    private const byte EcnMask = 3;

    /// <summary>ECT(0): the protocol answers marks and obeys the answers. RFC 3168, 5; IBTA annex A17.</summary>
    private const byte EcnCapable = 2;

    private readonly Dictionary<(Gid Destination, byte TrafficClass, byte HopLimit), Path> _paths = [];
    private readonly Gid _source;
    private readonly LocalSwitch _local;
    private readonly Dictionary<Gid, PathWindow> _windows = [];
    private readonly long _windowBytes;

    public PathTable(Gid source, LocalSwitch local, long windowBytes)
    {
        _source = source;
        _local = local;
        _windowBytes = windowBytes;
    }

    public Path Resolve(in Gid destination, byte trafficClass, byte hopLimit)
    {
        if (_paths.TryGetValue((destination, trafficClass, hopLimit), out Path? path))
            return path;
        var route = new Route(_source, destination, (byte)((trafficClass & ~EcnMask) | EcnCapable), hopLimit) { IsLocal = !destination.IsMulticast && _local.IsAttached(destination) };
        if (_paths.Count >= PathsMax)
            return new Path(route, new PathWindow(_windowBytes));
        if (!_windows.TryGetValue(destination, out PathWindow? window))
            _windows.Add(destination, window = new PathWindow(_windowBytes));
        path = new Path(route, window);
        _paths.Add((destination, trafficClass, hopLimit), path);
        return path;
    }

    /// <summary>A device with that address came to this worker or left it.</summary>
    public void SetLocal(in Gid destination, bool isLocal)
    {
        foreach (Path path in _paths.Values)
        {
            if (path.Route.Destination == destination)
            {
                path.Route.IsLocal = isLocal;
                path.Route.LinkState = null;
            }
        }
    }

    public void Clear()
    {
        _paths.Clear();
        _windows.Clear();
    }
}
