using System.Net;
using RoceEngine.Channel;
using RoceEngine.Host;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace Hostile.Tests.Arenas;

/// <summary>Whole hosts: workers with device slots, guest memory in memfds, and a lossless simulated network.</summary>
internal sealed unsafe class HostArena : Arena
{
    private const long GuestRamBytes = 16 << 20;

    private readonly SimulatedNetwork _network = new(1);
    private readonly Worker[] _workers;
    private readonly List<(DeviceSlot Slot, TestGuest Guest)> _guests = [];

    public HostArena(ArenaKind kind, DeviceLimits malloryLimits)
        : base(kind)
    {
        _workers = [.. Enumerable.Range(0, kind == ArenaKind.OneHost ? 1 : 2).Select(i => new Worker(i, SilentReporter.Instance))];
        Mallory = Attach(_workers[0], "192.0.2.66", malloryLimits);
        Partner = Attach(_workers[^1], "192.0.2.67");
        Alice = Attach(_workers[0], "192.0.2.1");
        Bob = Attach(_workers[^1], "192.0.2.2");
    }

    public override TestGuest Mallory { get; }

    public override TestGuest Partner { get; }

    public override TestGuest Alice { get; }

    public override TestGuest Bob { get; }

    /// <summary>What Mallory shares with the device beside guest memory.</summary>
    public byte* MalloryControl => _guests[0].Slot.Memory.Control;

    public override bool Turn()
    {
        NowNs += TurnNs;
        int moved = _network.Advance(NowNs);
        foreach (Worker worker in _workers)
        {
            moved += worker.Turn(NowNs);
        }

        foreach ((_, TestGuest guest) in _guests)
        {
            guest.NowNs = NowNs;
        }

        return moved != 0 || _network.UnderWay != 0;
    }

    public override void AssertAllServed() =>
        Assert.All(_guests, each => Assert.False(each.Slot.IsExpelled, $"{each.Slot.Name} threw in its worker's hands"));

    public override void Dispose()
    {
        foreach ((DeviceSlot slot, TestGuest guest) in _guests)
        {
            guest.Dispose();
            slot.Close();
        }

        foreach (Worker worker in _workers)
        {
            worker.Dispose();
        }
    }

    private TestGuest Attach(Worker worker, string address, DeviceLimits? limits = null)
    {
        Gid gid = Gid.From(IPAddress.Parse(address));
        ChannelMemory memory = ChannelMemory.Create(GuestRamBytes, ControlRegion.Bytes);
        GuestOptions options = OptionsOf(address, limits);
        var deviceOptions = new DeviceOptions { Name = address, Gid = gid, Limits = options.Limits };
        var slot = new DeviceSlot(deviceOptions, memory, _network.CreateLink(gid), windowBytes: 256 * 1024, SilentReporter.Instance);
        worker.Post(new WorkerCommand((owner, _) => owner.Add(slot)));
        worker.Turn(NowNs);
        var offered = (ExtensionBits)slot.Device.ReadRegister(PvrdmaRegister.ExtensionCaps);
        var ram = new GuestMemory(memory.GuestRam, memory.GuestRamBytes, scattered: false);
        var guest = new TestGuest(options with { Extension = options.Extension & offered }, ram, slot.Device, memory.Control);
        memory.Release();
        _guests.Add((slot, guest));
        return guest;
    }
}
