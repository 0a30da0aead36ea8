using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace RoceEngine.HostStream.Tests;

public sealed class HostListenerTests(Lab lab) : IClassFixture<Lab>
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Silent_callers_block_nobody(bool withTls)
    {
        StreamSecurity security = withTls ? lab.Security() : StreamSecurity.Insecure;
        await using var hosts = new Hosts(new HostStreamOptions { Security = security, HandshakeTimeout = TimeSpan.FromSeconds(20) });
        Socket[] silent = [.. await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => hosts.ConnectRawAsync()))];
        await silent[0].SendAsync(new byte[] { withTls ? (byte)0x16 : (byte)'V' });
        var time = Stopwatch.StartNew();
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Hosts.Options(security));
        Assert.True(time.Elapsed < TimeSpan.FromSeconds(10), $"took {time.Elapsed}");
        await caller.DisposeAsync();
        await called.DisposeAsync();
        Array.ForEach(silent, socket => socket.Dispose());
    }

    [Fact]
    public async Task A_silent_caller_is_sent_away_in_time()
    {
        await using var hosts = new Hosts(
            new HostStreamOptions { Security = StreamSecurity.Insecure, HandshakeTimeout = TimeSpan.FromMilliseconds(200) });
        using Socket silent = await hosts.ConnectRawAsync();
        Assert.EndsWith("did not finish its handshake within 0.2 s", hosts.NextRefusal());
        Assert.Equal(0, await silent.ReceiveAsync(new byte[1], hosts.Limit));
    }

    [Fact]
    public async Task The_oldest_of_too_many_handshakes_gives_way()
    {
        await using var hosts = new Hosts(new HostStreamOptions
        {
            Security = StreamSecurity.Insecure,
            HandshakeTimeout = TimeSpan.FromSeconds(25),
            HandshakesMax = 2,
        });
        using Socket first = await hosts.ConnectRawAsync();
        using Socket second = await hosts.ConnectRawAsync();
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Hosts.Options(StreamSecurity.Insecure));
        string refusal = hosts.NextRefusal();
        Assert.StartsWith($"{first.LocalEndPoint} was sent away", refusal);
        Assert.Equal(0, await first.ReceiveAsync(new byte[1], hosts.Limit));
        await caller.DisposeAsync();
        await called.DisposeAsync();
    }

    [Fact]
    public async Task Connections_that_nobody_accepts_are_bounded()
    {
        await using var hosts = new Hosts(new HostStreamOptions { Security = StreamSecurity.Insecure, HandshakesMax = 1 });
        await using HostConnection first = await CallAsync(hosts);
        await using HostConnection second = await CallAsync(hosts);
        Assert.EndsWith("1 connections wait to be accepted", hosts.NextRefusal());
        await using HostConnection accepted = await hosts.Listener.AcceptAsync(hosts.Limit);
        await accepted.SendAsync(1, new byte[] { 1 }, hosts.Limit);

        // Which of the two was first is the scheduler's to say.
        Exception?[] failures = await Task.WhenAll(
            Record.ExceptionAsync(() => first.ReceiveAsync(hosts.Limit).AsTask()).AsTask(),
            Record.ExceptionAsync(() => second.ReceiveAsync(hosts.Limit).AsTask()).AsTask());
        Exception? only = Assert.Single(failures, failure => failure is not null);
        Assert.Equal(HostStreamFault.Closed, Assert.IsType<HostStreamException>(only).Fault);
    }

    [Fact]
    public async Task A_port_in_use_is_refused_with_its_name_and_free_again_after_use()
    {
        IPEndPoint endPoint;
        await using (var hosts = new Hosts(Hosts.Options(StreamSecurity.Insecure)))
        {
            endPoint = hosts.Listener.EndPoint;
            Assert.NotEqual(0, endPoint.Port);
            HostStreamException failure = Assert.Throws<HostStreamException>(
                () => HostListener.Open(endPoint, Hosts.Options(StreamSecurity.Insecure)));
            Assert.StartsWith($"cannot listen at {endPoint}: ", failure.Message);

            // The called side closes first and so keeps the port in TIME_WAIT.
            (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Hosts.Options(StreamSecurity.Insecure));
            await called.DisposeAsync();
            await Assert.ThrowsAsync<HostStreamException>(() => caller.ReceiveAsync(hosts.Limit).AsTask());
            await caller.DisposeAsync();
        }
        await using HostListener again = HostListener.Open(endPoint, Hosts.Options(StreamSecurity.Insecure));
        Assert.Equal(endPoint, again.EndPoint);
    }

    [Fact]
    public async Task Closing_ends_the_wait_and_what_nobody_accepted()
    {
        var hosts = new Hosts(Hosts.Options(StreamSecurity.Insecure));
        await using HostConnection caller = await CallAsync(hosts);
        using Socket silent = await hosts.ConnectRawAsync();
        await hosts.Listener.DisposeAsync();
        HostStreamException closed = await Assert.ThrowsAsync<HostStreamException>(() => hosts.Listener.AcceptAsync(hosts.Limit).AsTask());
        Assert.Equal(HostStreamFault.Closed, closed.Fault);
        await Assert.ThrowsAsync<HostStreamException>(() => caller.ReceiveAsync(hosts.Limit).AsTask());
        await hosts.DisposeAsync();
    }

    [Fact]
    public async Task A_cancelled_accept_leaves_the_listener_at_work()
    {
        await using var hosts = new Hosts(Hosts.Options(StreamSecurity.Insecure));
        using var cancel = new CancellationTokenSource(50);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => hosts.Listener.AcceptAsync(cancel.Token).AsTask());
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Hosts.Options(StreamSecurity.Insecure));
        await caller.DisposeAsync();
        await called.DisposeAsync();
    }

    [Fact]
    public async Task Where_nobody_listens_is_said()
    {
        int port;
        await using (var hosts = new Hosts(Hosts.Options(StreamSecurity.Insecure)))
            port = hosts.Port;
        HostStreamException failure = await Assert.ThrowsAsync<HostStreamException>(() => HostConnection.ConnectAsync(
            "127.0.0.1", port, Hosts.Options(StreamSecurity.Insecure), TestContext.Current.CancellationToken));
        Assert.Equal(HostStreamFault.Unreachable, failure.Fault);
        Assert.Equal($"nobody listens at 127.0.0.1:{port}", failure.Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_listener_that_says_nothing_is_given_up(bool withTls)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var options = new HostStreamOptions
        {
            Security = withTls ? lab.Security() : StreamSecurity.Insecure,
            HandshakeTimeout = TimeSpan.FromMilliseconds(300),
        };
        HostStreamException failure = await Assert.ThrowsAsync<HostStreamException>(
            () => HostConnection.ConnectAsync("127.0.0.1", port, options, TestContext.Current.CancellationToken));
        Assert.Equal($"127.0.0.1:{port} took the connection and did not finish the handshake within 0.3 s", failure.Message);
    }

    private static Task<HostConnection> CallAsync(Hosts hosts) =>
        HostConnection.ConnectAsync("127.0.0.1", hosts.Port, Hosts.Options(StreamSecurity.Insecure), hosts.Limit);
}
