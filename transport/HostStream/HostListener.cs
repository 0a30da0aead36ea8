using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace RoceEngine.HostStream;

/// <summary>
/// Where other hosts connect. Handshakes run beside each other, each bounded in time, all bounded in number; only connections
/// whose handshake is done are given out.
/// </summary>
public sealed class HostListener : IAsyncDisposable
{
    private const int Backlog = 128;
    private static readonly TimeSpan PauseAfterFailedAccept = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly HostStreamOptions _options;
    private readonly Action<HostStreamException>? _onRefused;
    private readonly Channel<HostConnection> _ready;
    private readonly CancellationTokenSource _closing = new();
    private readonly LinkedList<Pending> _pending = [];
    private readonly Task _accepting;

    private HostListener(Socket socket, HostStreamOptions options, Action<HostStreamException>? onRefused)
    {
        _socket = socket;
        _options = options;
        _onRefused = onRefused;
        _ready = Channel.CreateBounded<HostConnection>(options.HandshakesMax);
        EndPoint = (IPEndPoint)socket.LocalEndPoint!;
        _accepting = Task.Run(AcceptAllAsync);
    }

    /// <summary>Where it listens, with the port that the kernel chose when it was asked for port 0.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Listens at an address.</summary>
    /// <param name="endPoint">Address and port; port 0 has the kernel choose one.</param>
    /// <param name="options">How to talk to those who connect.</param>
    /// <param name="onRefused">Told, on any thread, why somebody who connected was not let in: for a log. Must not throw.</param>
    /// <exception cref="HostStreamException">The address is in use, not this machine's, or not permitted.</exception>
    public static HostListener Open(IPEndPoint endPoint, HostStreamOptions options, Action<HostStreamException>? onRefused = null)
    {
        options.Validate();
        Socket? socket = null;
        try
        {
            socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(endPoint);
            socket.Listen(Backlog);
            return new HostListener(socket, options, onRefused);
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            throw new HostStreamException(HostStreamFault.Configuration, $"cannot listen at {endPoint}: {e.Message.TrimEnd('.')}", e);
        }
    }

    /// <summary>The next connection whose handshake is done. It may have ended since, which the first receive tells.</summary>
    /// <exception cref="HostStreamException">The listener was closed.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the listener goes on.</exception>
    public async ValueTask<HostConnection> AcceptAsync(CancellationToken cancellation = default)
    {
        try
        {
            return await _ready.Reader.ReadAsync(cancellation).ConfigureAwait(false);
        }
        catch (ChannelClosedException e)
        {
            throw new HostStreamException(HostStreamFault.Closed, $"the listener at {EndPoint} is closed", e);
        }
    }

    /// <summary>Stops listening and ends the handshakes under way and the connections that nobody accepted.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _accepting.ConfigureAwait(false);
        await Task.WhenAll(UnderWay()).ConfigureAwait(false);
        _ready.Writer.TryComplete();
        while (_ready.Reader.TryRead(out HostConnection? connection))
            connection.Abort();
    }

    private async Task AcceptAllAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                Admit(await _socket.AcceptAsync(_closing.Token).ConfigureAwait(false));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                if (!await PauseAsync(e).ConfigureAwait(false))
                    return;
            }
        }
    }

    // Mostly a lack of descriptors, which passes; trying again at once would only heat the room.
    private async Task<bool> PauseAsync(SocketException e)
    {
        try
        {
            _onRefused?.Invoke(new HostStreamException(HostStreamFault.Closed, $"cannot accept connections at {EndPoint}: {e.Message}", e));
            await Task.Delay(PauseAfterFailedAccept, _closing.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private void Admit(Socket socket)
    {
        var pending = new Pending(_closing.Token);
        lock (_pending)
        {
            if (_pending.Count >= _options.HandshakesMax && _pending.First is { } oldest)
            {
                oldest.Value.GiveWay();
                _pending.Remove(oldest);
            }
            _pending.AddLast(pending.Node);
            pending.Task = Task.Run(() => HandshakeAsync(socket, pending));
        }
    }

    private async Task HandshakeAsync(Socket socket, Pending pending)
    {
        IPEndPoint remote = new(IPAddress.None, 0);
        try
        {
            remote = Sentences.Plain(socket.RemoteEndPoint);
            pending.Limit.CancelAfter(_options.HandshakeTimeout);
            CancellationToken limit = pending.Limit.Token;
            HostConnection connection = await IncomingHandshake.RunAsync(socket, remote, _options, limit).ConfigureAwait(false);

            // No longer under way, so it cannot give way to another: the caller knows already that it got in.
            Leave(pending);
            await HandOverAsync(connection).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // Nobody is left to be told.
        }
        catch (OperationCanceledException e)
        {
            _onRefused?.Invoke(new HostStreamException(HostStreamFault.Idle, pending.GaveWay
                ? $"{remote} was sent away before its handshake was done: {_options.HandshakesMax} others were under way"
                : $"{remote} did not finish its handshake within {Sentences.Seconds(_options.HandshakeTimeout)}", e));
        }
        catch (HostStreamException e)
        {
            _onRefused?.Invoke(e);
        }
        catch (Exception e) when (Sentences.IsInputOutput(e))
        {
            socket.Dispose();
            _onRefused?.Invoke(Sentences.HandshakeBroken(e, remote.ToString()));
        }
        finally
        {
            Leave(pending);
            pending.Limit.Dispose();
        }
    }

    private void Leave(Pending pending)
    {
        lock (_pending)
            pending.Node.List?.Remove(pending.Node);
    }

    private async ValueTask HandOverAsync(HostConnection connection)
    {
        if (_ready.Writer.TryWrite(connection))
            return;
        await connection.DisposeAsync().ConfigureAwait(false);
        if (!_closing.IsCancellationRequested)
        {
            _onRefused?.Invoke(new HostStreamException(HostStreamFault.Idle,
                $"{connection.RemoteEndPoint} was sent away: {_options.HandshakesMax} connections wait to be accepted"));
        }
    }

    private List<Task> UnderWay()
    {
        lock (_pending)
            return [.. _pending.Select(pending => pending.Task)];
    }

    /// <summary>A handshake under way. Its state is guarded by the list that it is in.</summary>
    private sealed class Pending
    {
        public Pending(CancellationToken closing)
        {
            Limit = CancellationTokenSource.CreateLinkedTokenSource(closing);
            Node = new LinkedListNode<Pending>(this);
        }

        public LinkedListNode<Pending> Node { get; }

        public CancellationTokenSource Limit { get; }

        public Task Task { get; set; } = Task.CompletedTask;

        public bool GaveWay { get; private set; }

        public void GiveWay()
        {
            GaveWay = true;
            Limit.CancelAsync();
        }
    }
}
