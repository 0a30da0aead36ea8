using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

public unsafe class DeviceChannelTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static (FakeDaemon Daemon, DeviceChannel Channel, ChannelMemory Memory) Attach()
    {
        ChannelMemory? memory = null;
        var daemon = new FakeDaemon((self, socket) =>
        {
            FakeDaemon.ReadRequest(socket);
            memory = FakeDaemon.SendMemory(socket);
            self.WaitForEnd();
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        DeviceChannel channel = connection.Attach(new AttachRequest());
        return (daemon, channel, memory!);
    }

    [Fact]
    public void Both_ends_see_the_same_memory_and_the_same_events()
    {
        (FakeDaemon daemon, DeviceChannel channel, ChannelMemory memory) = Attach();
        channel.GuestRam[channel.GuestRamBytes - 1] = 42;
        Assert.Equal(42, memory.GuestRam[memory.GuestRamBytes - 1]);
        memory.Control[ControlRegion.DevicePage] = 43;
        Assert.Equal(43, channel.Control[ControlRegion.DevicePage]);
        Assert.False(memory.GuestRam == channel.GuestRam);

        Assert.Equal(0ul, Events.Drain(memory.KickDescriptor));
        channel.Kick();
        Assert.Equal(1ul, Events.Drain(memory.KickDescriptor));
        for (int vector = 0; vector < 3; vector++)
        {
            Events.Signal(memory.InterruptDescriptor(vector));
            Assert.Equal((InterruptVectors)(1 << vector), channel.WaitInterrupts(-1));
        }
        Events.Signal(memory.InterruptDescriptor(0));
        Events.Signal(memory.InterruptDescriptor(2));
        Assert.Equal(InterruptVectors.Response | InterruptVectors.Completion, channel.WaitInterrupts(-1));
        Assert.Equal(InterruptVectors.None, channel.WaitInterrupts(0));
        channel.Interrupt();
        Assert.Equal(InterruptVectors.Interrupted, channel.WaitInterrupts(-1));
        Assert.Equal("fake0", channel.Name);
        Assert.Equal("192.0.2.1", channel.Address);
        Assert.False(channel.IsLost);

        channel.Dispose();
        memory.Release();
        daemon.Dispose();
    }

    [Fact]
    public void The_daemons_death_ends_every_wait()
    {
        (FakeDaemon daemon, DeviceChannel channel, ChannelMemory memory) = Attach();
        InterruptVectors seen = InterruptVectors.None;
        var waiter = new Thread(() => seen = channel.WaitInterrupts(-1));
        waiter.Start();
        daemon.LetScriptEnd();
        Assert.True(waiter.Join(Patience));
        Assert.Equal(InterruptVectors.Lost, seen);
        Assert.True(channel.IsLost);
        Assert.True(channel.Lost.WaitHandle.WaitOne(Patience));
        Assert.Equal(InterruptVectors.Lost, channel.WaitInterrupts(-1));
        channel.Dispose();
        memory.Release();
        daemon.Dispose();
    }

    [Fact]
    public void What_the_daemon_says_after_the_attach_is_not_taken_for_its_death()
    {
        using var chatted = new ManualResetEventSlim();
        ChannelMemory? memory = null;
        using var daemon = new FakeDaemon((self, socket) =>
        {
            FakeDaemon.ReadRequest(socket);
            memory = FakeDaemon.SendMemory(socket);
            FakeDaemon.Send(socket, new DaemonReply { Refusal = "by the way" });
            chatted.Set();
            self.WaitForEnd();
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        using DeviceChannel channel = connection.Attach(new AttachRequest());
        chatted.Wait(TestContext.Current.CancellationToken);
        Assert.Equal(InterruptVectors.None, channel.WaitInterrupts(50_000_000));
        Assert.False(channel.IsLost);
        memory!.Release();
    }

    [Fact]
    public void Closing_the_guests_end_hangs_up()
    {
        using var hungUp = new ManualResetEventSlim();
        ChannelMemory? memory = null;
        using var daemon = new FakeDaemon((_, socket) =>
        {
            FakeDaemon.ReadRequest(socket);
            memory = FakeDaemon.SendMemory(socket);
            Assert.Throws<EndOfStreamException>(() => FakeDaemon.ReadRequest(socket));
            hungUp.Set();
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        DeviceChannel channel = connection.Attach(new AttachRequest());
        channel.Dispose();
        channel.Dispose();
        Assert.True(hungUp.Wait(Patience, TestContext.Current.CancellationToken));
        memory!.Release();
    }

    [Fact]
    public void An_embedded_channel_keeps_the_memory_until_it_is_closed()
    {
        ChannelMemory memory = ChannelMemory.Create(1 << 20, ControlRegion.Bytes);
        int drives = 0;
        int disposals = 0;
        DeviceChannel channel = DeviceChannel.Embed(memory, "e0", "192.0.2.2", () => drives++, () => disposals++);
        memory.Release();
        channel.GuestRam[0] = 1;
        channel.Drive!();
        Assert.False(channel.IsLost);
        channel.MarkLost();
        Assert.True(channel.IsLost);
        Assert.True(channel.Lost.IsCancellationRequested);
        Assert.Equal(InterruptVectors.Lost, channel.WaitInterrupts(-1));
        channel.Dispose();
        Assert.Equal((1, 1), (drives, disposals));
        Assert.Equal(-1, memory.GuestRamDescriptor);
    }
}
