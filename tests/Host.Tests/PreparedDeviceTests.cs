using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace RoceEngine.Host.Tests;

/// <summary>A device that is made elsewhere out of a state, over the memory of a guest whose device it may or may not become.</summary>
public sealed unsafe class PreparedDeviceTests : IDisposable
{
    private static readonly Gid s_address = Gid.From(System.Net.IPAddress.Parse("10.9.8.7"));

    private readonly Worker _here = new(0, SilentReporter.Instance);
    private readonly Worker _there = new(1, SilentReporter.Instance);
    private readonly ChannelMemory _memory = ChannelMemory.Create(1 << 20, ControlRegion.Bytes);
    private readonly DeviceOptions _options = new() { Name = "prepared", Gid = s_address };
    private readonly DeviceSlot _slot;

    public PreparedDeviceTests()
    {
        _slot = new DeviceSlot(_options, _memory, NewLink(), windowBytes: 256 * 1024, SilentReporter.Instance);
        Run(_here, (worker, _) => worker.Add(_slot));
    }

    /// <summary>The daemon there may be late, and this guest's device may run where it was by then, or sleep and wait to be woken.</summary>
    [Fact]
    public void What_is_not_taken_has_changed_nothing_that_the_guest_sees()
    {
        byte[] state = [];
        Run(_here, (worker, nowNs) => state = worker.Save(_slot, nowNs));
        _here.SetNeedWakeup(true);
        byte[] control = Control().ToArray();
        byte[] ram = Ram().ToArray();

        DeviceSlot twin = DeviceSlot.ForMoved(_options, _memory, NewLink(), windowBytes: 256 * 1024, SilentReporter.Instance);
        Run(_there, (worker, nowNs) => worker.Prepare(twin, state, nowNs));
        Assert.True(Control().SequenceEqual(control), "the control region changed when the device was prepared");
        Run(_there, (worker, _) => worker.Abandon(twin));
        twin.Close();
        Assert.True(Control().SequenceEqual(control), "the control region changed when the device was abandoned");
        Assert.True(Ram().SequenceEqual(ram), "guest memory changed");
    }

    /// <summary>Else a guest that finds the word of the sleeper that it had would kick for nothing; and one that finds none would not, when it must.</summary>
    [Fact]
    public void What_is_taken_is_awake()
    {
        byte[] state = [];
        _here.SetNeedWakeup(true);
        Run(_here, (worker, nowNs) => state = worker.Freeze(_slot, nowNs));

        DeviceSlot moved = DeviceSlot.ForMoved(_options, _memory, NewLink(), windowBytes: 256 * 1024, SilentReporter.Instance);
        Run(_there, (worker, nowNs) => worker.Adopt(moved, state, nowNs));
        Assert.Equal(0u, ((DeviceControlPage*)(_memory.Control + ControlRegion.DevicePage))->NeedWakeup);
        Run(_there, (worker, _) => worker.Remove(moved));
        moved.Close();
    }

    public void Dispose()
    {
        _slot.Close();
        _memory.Release();
        _here.Dispose();
        _there.Dispose();
    }

    private static ILink NewLink() => new SimulatedNetwork(1, new SimulatedNetworkOptions()).CreateLink(s_address);

    private static void Run(Worker worker, Action<Worker, long> action)
    {
        var command = new WorkerCommand(action);
        worker.Post(command);
        worker.Turn(1_000_000);
        Assert.Null(command.Error);
    }

    private Span<byte> Control() => new(_memory.Control, (int)_memory.ControlBytes);

    private Span<byte> Ram() => new(_memory.GuestRam, (int)_memory.GuestRamBytes);
}
