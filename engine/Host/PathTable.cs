using RoceEngine.Links;
using RoceEngine.Protocol;
using RoceEngine.Wire;
using Path = RoceEngine.Protocol.Path;

namespace RoceEngine.Host;

/// <summary>Windows per destination, shared by all devices of a worker, each kept as long as some device has a path there.</summary>
internal sealed class WindowTable
{
    private sealed class Entry(PathWindow window)
    {
        public readonly PathWindow Window = window;
        public int Users;
    }

    private readonly Dictionary<Gid, Entry> _entries = [];

    public PathWindow Acquire(in Gid destination, long limitBytes)
    {
        if (!_entries.TryGetValue(destination, out Entry? entry))
            _entries.Add(destination, entry = new Entry(new PathWindow(limitBytes)));
        entry.Users++;
        return entry.Window;
    }

    public void Release(in Gid destination)
    {
        if (_entries.TryGetValue(destination, out Entry? entry) && --entry.Users == 0)
            _entries.Remove(destination);
    }
}

/// <summary>The paths of one device. A guest can name any address, so their number is bounded: beyond it a path is made but not kept.</summary>
internal sealed class PathTable
{
    /// <summary>Paths that are kept and shared.</summary>
    public const int PathsMax = 4096;

    private readonly Dictionary<(Gid Destination, byte TrafficClass, byte HopLimit), Path> _paths = [];
    private readonly Gid _source;
    private readonly LocalSwitch _local;
    private readonly WindowTable _windows;
    private readonly long _windowBytes;

    public PathTable(Gid source, LocalSwitch local, WindowTable windows, long windowBytes)
    {
        _source = source;
        _local = local;
        _windows = windows;
        _windowBytes = windowBytes;
    }

    public Path Resolve(in Gid destination, byte trafficClass, byte hopLimit)
    {
        if (_paths.TryGetValue((destination, trafficClass, hopLimit), out Path? path))
            return path;
        var route = new Route(_source, destination, trafficClass, hopLimit) { IsLocal = !destination.IsMulticast && _local.IsAttached(destination) };
        if (_paths.Count >= PathsMax)
            return new Path(route, new PathWindow(_windowBytes));
        path = new Path(route, _windows.Acquire(destination, _windowBytes));
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
        foreach (Path path in _paths.Values)
            _windows.Release(path.Route.Destination);
        _paths.Clear();
    }
}
