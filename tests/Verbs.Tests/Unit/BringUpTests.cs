using System.Diagnostics;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

public sealed class BringUpTests
{
    [Fact]
    public void The_capabilities_arrive()
    {
        using var bench = new FakeBench();
        DeviceAttributes attributes = bench.Context.QueryDevice();
        Assert.Equal(64, attributes.MaxQueuePairs);
        Assert.Equal(4096, attributes.MaxWorkRequests);
        Assert.Equal(256, attributes.MaxInlineBytes);
        Assert.Equal(0x0102030405060708u, attributes.NodeGuid);
        Assert.True(attributes.HasAtomics);
        PortAttributes port = bench.Context.QueryPort();
        Assert.Equal((PortState.Active, 4096, 1u << 31), (port.State, port.ActiveMtuBytes, port.MaxMessageBytes));
        Assert.Equal("127.13.0.1", bench.Context.QueryGid().ToString());
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.Context.QueryGid(1)).Errno);
    }

    [Fact]
    public void Another_version_of_the_device_is_refused()
    {
        using var device = new FakeDevice();
        device.SetRegister(PvrdmaRegister.Version, 17);
        var refused = Assert.Throws<VerbsException>(() => RdmaContext.Open(device.Channel));
        Assert.Equal(Errno.NotSupported, refused.Errno);
        Assert.Contains("17", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_without_the_extension_is_refused_by_name()
    {
        using var device = new FakeDevice();
        device.SetRegister(PvrdmaRegister.ExtensionCaps, (uint)ExtensionBits.DoorbellBitmap);
        var refused = Assert.Throws<VerbsException>(() => RdmaContext.Open(device.Channel));
        Assert.Equal(Errno.NotSupported, refused.Errno);
        Assert.Contains(nameof(ExtensionBits.ArmWord), refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_little_guest_memory_is_a_clear_error()
    {
        using var device = new FakeDevice(memoryBytes: 16 * 1024);
        Assert.Equal(Errno.NoMemory, Assert.Throws<VerbsException>(() => RdmaContext.Open(device.Channel)).Errno);
    }

    [Theory]
    [InlineData(PvrdmaCommand.CreatePd)]
    [InlineData(PvrdmaCommand.CreateMr)]
    [InlineData(PvrdmaCommand.CreateCq)]
    [InlineData(PvrdmaCommand.CreateQp)]
    public void A_refused_creation_gives_the_errno_and_leaks_nothing(PvrdmaCommand command)
    {
        using var bench = new FakeBench();
        using GuestMemory memory = bench.Context.AllocateMemory(8192);
        long free = bench.Context.Driver.Allocator.FreeBytes;
        bench.Device.Errors[command] = Errno.NoMemory;
        var refused = Assert.Throws<VerbsException>(() =>
        {
            _ = command switch
            {
                PvrdmaCommand.CreatePd => (object)bench.Context.AllocateProtectionDomain(),
                PvrdmaCommand.CreateMr => bench.Domain.RegisterMemory(memory, AccessFlags.LocalWrite),
                PvrdmaCommand.CreateCq => bench.Context.CreateCompletionQueue(4, bench.Channel),
                _ => bench.CreateQueuePair(),
            };
        });
        Assert.Equal(Errno.NoMemory, refused.Errno);
        Assert.Equal(free, bench.Context.Driver.Allocator.FreeBytes);

        // The dependents were uncounted too: everything can still be closed, children first.
        memory.Dispose();
        bench.QueuePair.Dispose();
        bench.Queue.Dispose();
        bench.Channel.Dispose();
        bench.Domain.Dispose();
    }

    [Fact]
    public void Closing_everything_returns_all_guest_memory()
    {
        using var device = new FakeDevice();
        using RdmaContext context = RdmaContext.Open(device.Channel);
        long free = context.Driver.Allocator.FreeBytes;
        for (int round = 0; round < 3; round++)
        {
            using ProtectionDomain domain = context.AllocateProtectionDomain();
            using CompletionQueue queue = context.CreateCompletionQueue(100);
            using GuestMemory memory = context.AllocateMemory(100_000);
            using MemoryRegion region = domain.RegisterMemory(memory, 5_000, 60_000, AccessFlags.LocalWrite);
            using QueuePair queuePair = domain.CreateQueuePair(new QueuePairOptions { SendCompletionQueue = queue, ReceiveCompletionQueue = queue });
            Assert.True(context.Driver.Allocator.FreeBytes < free);
        }

        Assert.Equal(free, context.Driver.Allocator.FreeBytes);
    }

    [Fact]
    public void A_device_that_closes_during_a_command_ends_it_at_once()
    {
        using var bench = new FakeBench();
        bench.Device.Answers = false;
        bench.Device.Datapath = () => bench.Device.SetState(DeviceControlPage.StateClosed);
        long start = Stopwatch.GetTimestamp();
        var lost = Assert.Throws<DeviceLostException>(() => bench.Context.AllocateProtectionDomain());
        Assert.Equal(Errno.NoDevice, lost.Errno);
        Assert.Contains("closed", lost.Message, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void An_attach_without_a_daemon_names_the_socket()
    {
        string path = Path.Combine(Path.GetTempPath(), $"no-daemon-{Guid.NewGuid():N}.sock");
        var failed = Assert.Throws<VerbsException>(() => RdmaContext.Attach(new AttachOptions { SocketPath = path }));
        Assert.Equal(Errno.NoDevice, failed.Errno);
        Assert.Contains(path, failed.Message, StringComparison.Ordinal);
    }
}
