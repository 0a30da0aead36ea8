using System.Text;
using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

public unsafe class DaemonConnectionTests
{
    [Fact]
    public void Without_a_daemon_the_socket_is_named()
    {
        string path = Path.Combine(Path.GetTempPath(), $"vrdma-none-{Guid.NewGuid():N}.sock");
        ChannelException refused = Assert.Throws<ChannelException>(() => DaemonConnection.Open(path));
        Assert.Contains(path, refused.Message);
    }

    [Fact]
    public void Requests_carry_the_versions_and_what_was_asked_for()
    {
        DaemonRequest? seen = null;
        using var daemon = new FakeDaemon((_, socket) =>
        {
            seen = FakeDaemon.ReadRequest(socket);
            FakeDaemon.Send(socket, new DaemonReply { Refusal = "no" });
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        Assert.Throws<ChannelRefusedException>(() => connection.Attach(new AttachRequest { Address = "192.0.2.7", MemoryBytes = 12345, Name = "a" }));
        Assert.Equal(ChannelProtocol.AttachType, seen!.Type);
        Assert.Equal(ChannelProtocol.Version, seen.Version);
        Assert.Equal(new AttachRequest { Address = "192.0.2.7", MemoryBytes = 12345, Name = "a", AbiVersion = (int)AbiVersion.Current }, seen.Attach);
    }

    [Fact]
    public void A_refusal_is_told_in_the_daemons_words()
    {
        using var daemon = new FakeDaemon((_, socket) =>
        {
            FakeDaemon.ReadRequest(socket);
            FakeDaemon.Send(socket, new DaemonReply { Refusal = "the moon is not full" });
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        Assert.Equal("the moon is not full", Assert.Throws<ChannelRefusedException>(() => connection.ListDevices()).Message);
    }

    [Fact]
    public void A_refusal_sent_before_the_request_is_heard()
    {
        using var sent = new ManualResetEventSlim();
        using var daemon = new FakeDaemon((_, socket) =>
        {
            FakeDaemon.Send(socket, new DaemonReply { Refusal = "you may not" });
            socket.Shutdown();
            sent.Set();
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        sent.Wait(TestContext.Current.CancellationToken);
        Assert.Equal("you may not", Assert.Throws<ChannelRefusedException>(() => connection.GetInfo()).Message);
    }

    [Fact]
    public void A_daemon_that_hangs_up_is_an_error_and_not_a_hang()
    {
        using var daemon = new FakeDaemon((_, socket) => FakeDaemon.ReadRequest(socket));
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        Assert.Contains("closed the connection", Assert.Throws<ChannelException>(() => connection.ListDevices()).Message);
    }

    [Theory]
    [InlineData("certainly not JSON")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"devices\":7}")]
    [InlineData("{}")]
    public void A_reply_without_sense_is_an_error(string reply)
    {
        using var daemon = new FakeDaemon((_, socket) =>
        {
            FakeDaemon.ReadRequest(socket);
            FakeDaemon.SendRaw(socket, FrameAssembler.Frame(Encoding.UTF8.GetBytes(reply)));
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        Assert.IsType<ChannelException>(Assert.ThrowsAny<ChannelException>(() => connection.ListDevices()));
    }

    [Fact]
    public void An_oversized_reply_is_refused_before_it_is_read()
    {
        using var daemon = new FakeDaemon((self, socket) =>
        {
            FakeDaemon.ReadRequest(socket);
            FakeDaemon.SendRaw(socket, [0xFF, 0xFF, 0xFF, 0x7F, 1, 2, 3]);
            self.WaitForEnd();
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        Assert.Contains("2147483647 bytes", Assert.Throws<ChannelException>(() => connection.ListDevices()).Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public void An_attach_without_all_descriptors_is_an_error(int descriptorCount)
    {
        using var daemon = new FakeDaemon((_, socket) =>
        {
            FakeDaemon.ReadRequest(socket);
            FakeDaemon.SendMemory(socket, descriptorCount).Release();
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        Assert.Contains("descriptors", Assert.Throws<ChannelException>(() => connection.Attach(new AttachRequest())).Message);
    }

    [Fact]
    public void Memory_that_could_be_taken_away_is_not_mapped()
    {
        using var daemon = new FakeDaemon((self, socket) =>
        {
            FakeDaemon.ReadRequest(socket);
            int open = SharedMemory.CreateMemfd("open\0"u8, 1 << 20);
            FakeDaemon.SendAttached(socket, [open, open, open, open, open, open], 1 << 20, 1 << 20);
            _ = Events.Close(open);
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        Assert.Contains("not sealed", Assert.Throws<ChannelException>(() => connection.Attach(new AttachRequest())).Message);
    }

    [Theory]
    [InlineData(2L << 20)]
    [InlineData(0)]
    [InlineData(-4096)]
    [InlineData(4097)]
    public void Memory_of_another_size_than_announced_is_not_mapped(long announced)
    {
        using var daemon = new FakeDaemon((_, socket) =>
        {
            FakeDaemon.ReadRequest(socket);
            ChannelMemory memory = ChannelMemory.Create(1 << 20, ControlRegion.Bytes);
            FakeDaemon.SendAttached(socket, memory.Descriptors, announced, memory.ControlBytes);
            memory.Release();
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        Assert.Contains("guest RAM", Assert.Throws<ChannelException>(() => connection.Attach(new AttachRequest())).Message);
    }

    [Fact]
    public void A_capture_is_written_until_it_is_cancelled_and_then_summed_up()
    {
        using var cancellation = new CancellationTokenSource();
        using var daemon = new FakeDaemon((_, socket) =>
        {
            FakeDaemon.ReadRequest(socket);
            FakeDaemon.Send(socket, new DaemonReply { CaptureStarted = true });
            FakeDaemon.SendRaw(socket, FrameAssembler.Frame([1, 2, 3]));
            FakeDaemon.SendRaw(socket, FrameAssembler.Frame([4, 5]));
            cancellation.Cancel();
            Assert.Throws<EndOfStreamException>(() => FakeDaemon.ReadRequest(socket));
            FakeDaemon.SendRaw(socket, FrameAssembler.Frame([6]));
            FakeDaemon.SendRaw(socket, FrameAssembler.Frame([]));
            FakeDaemon.Send(socket, new DaemonReply { Captured = new CaptureSummary { Packets = 3, Dropped = 9 } });
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        var file = new MemoryStream();
        CaptureSummary summary = connection.Capture(new CaptureRequest(), file, cancellation.Token);
        Assert.Equal(new CaptureSummary { Packets = 3, Dropped = 9 }, summary);
        Assert.Equal([1, 2, 3, 4, 5, 6], file.ToArray());
    }
}
