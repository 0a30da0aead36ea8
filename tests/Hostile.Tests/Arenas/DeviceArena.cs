using RoceEngine.Wire;

namespace Hostile.Tests.Arenas;

/// <summary>Device models back to back, without a host.</summary>
internal sealed class DeviceArena : Arena, IPacketSink
{
    private readonly TestGuest[] _guests;
    private bool _moved;

    public DeviceArena(DeviceLimits malloryLimits)
        : base(ArenaKind.Devices) => _guests =
    [
        Guest("10.0.0.66", malloryLimits),
        Guest("10.0.0.67"),
        Guest("10.0.0.1"),
        Guest("10.0.0.2"),
    ];

    public override TestGuest Mallory => _guests[0];

    public override TestGuest Partner => _guests[1];

    public override TestGuest Alice => _guests[2];

    public override TestGuest Bob => _guests[3];

    public bool HasRoom => true;

    public override bool Turn()
    {
        NowNs += TurnNs;
        _moved = false;
        foreach (TestGuest guest in _guests)
        {
            guest.NowNs = NowNs;
            _moved |= guest.Device.HarvestDoorbells(256, NowNs) != 0;
            guest.Device.HandleTimeouts(NowNs);
        }

        foreach (TestGuest guest in _guests)
        {
            guest.Device.Transmit(this, 128, NowNs);
        }

        foreach (TestGuest guest in _guests)
        {
            guest.Device.PublishCompletions();
        }

        return _moved;
    }

    public void Emit(in Packet packet, Route route)
    {
        _moved = true;
        foreach (TestGuest guest in _guests)
        {
            if (guest.Device.Gid == route.Destination || guest.Environment.Groups.Contains(route.Destination))
            {
                guest.Device.HandlePacket(packet, route.Source, route.Destination, NowNs);
            }
        }
    }

    public override void AssertAllServed()
    {
        // Nobody stands between a device and the test: what it throws ends the test.
    }

    public override void Dispose()
    {
        foreach (TestGuest guest in _guests)
        {
            guest.Dispose();
        }
    }

    private static TestGuest Guest(string address, DeviceLimits? limits = null)
    {
        GuestOptions options = OptionsOf(address, limits);
        return new TestGuest(options with { Extension = TestGuestExtension.Offered(options.Extension) });
    }
}
