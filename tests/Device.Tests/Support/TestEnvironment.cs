using RoceEngine.Device;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Device.Tests;

/// <summary>A worker's part, recorded.</summary>
internal sealed class TestEnvironment : IDeviceEnvironment
{
    private readonly Dictionary<(Gid, Gid), Path> _paths = [];

    public int[] Interrupts { get; } = new int[3];

    public int Reports { get; private set; }

    public DeviceReport LastReport { get; private set; }

    /// <summary>Routes are local: messages go as runs, not as packets of the path MTU.</summary>
    public bool IsLocal { get; init; }

    public void RaiseInterrupt(int vector) => Interrupts[vector]++;

    public Path ResolvePath(in Gid source, in Gid destination, byte trafficClass, byte hopLimit)
    {
        if (!_paths.TryGetValue((source, destination), out Path? path))
        {
            path = new Path(new Route(source, destination, trafficClass, hopLimit) { IsLocal = IsLocal }, new PathWindow(1 << 20));
            _paths.Add((source, destination), path);
        }

        return path;
    }

    /// <summary>Groups joined and not left; a group joined twice would stand here twice.</summary>
    public List<Gid> Groups { get; } = [];

    /// <summary>What the link answers to joins: 0 or an error number.</summary>
    public int JoinError { get; set; }

    public int JoinMulticast(in Gid group)
    {
        if (JoinError == 0)
        {
            Groups.Add(group);
        }

        return JoinError;
    }

    public void LeaveMulticast(in Gid group) => Assert.True(Groups.Remove(group), "left a group that was not joined");

    public void Report(in DeviceReport report)
    {
        Reports++;
        LastReport = report;
    }
}
