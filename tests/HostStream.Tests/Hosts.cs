using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace RoceEngine.HostStream.Tests;

/// <summary>A listener with what it refused, at a port of its own, and the time that a test gets.</summary>
internal sealed class Hosts : IAsyncDisposable
{
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(30));
    private readonly BlockingCollection<HostStreamException> _refusals = [];

    public Hosts(HostStreamOptions options, IPAddress? address = null) =>
        Listener = HostListener.Open(new IPEndPoint(address ?? IPAddress.Loopback, 0), options, _refusals.Add);

    public HostListener Listener { get; }

    public int Port => Listener.EndPoint.Port;

    /// <summary>Ends whatever a test waits for when it takes far too long.</summary>
    public CancellationToken Limit => _limit.Token;

    public static HostStreamOptions Options(StreamSecurity security) => new() { Security = security };

    public async Task<(HostConnection Caller, HostConnection Called)> ConnectAsync(HostStreamOptions options, string host = "127.0.0.1")
    {
        Task<HostConnection> called = Listener.AcceptAsync(Limit).AsTask();
        HostConnection caller = await HostConnection.ConnectAsync(host, Port, options, Limit);
        return (caller, await called);
    }

    /// <summary>Why the caller did not get in, as it was told.</summary>
    public Task<HostStreamException> ConnectInVainAsync(HostStreamOptions options, string host = "127.0.0.1") =>
        Assert.ThrowsAsync<HostStreamException>(() => HostConnection.ConnectAsync(host, Port, options, Limit));

    /// <summary>Why the listener let somebody not in; waits for it.</summary>
    public string NextRefusal() => _refusals.Take(Limit).Message;

    public async Task<Socket> ConnectRawAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Listener.EndPoint, Limit);
        return socket;
    }

    public async ValueTask DisposeAsync()
    {
        await Listener.DisposeAsync();
        _limit.Dispose();
        _refusals.Dispose();
    }
}
