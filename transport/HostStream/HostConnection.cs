using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace RoceEngine.HostStream;

/// <summary>
/// A connection between two hosts that know each other and agreed on a version. Frames go both ways at the same time: sends
/// line up, one receive at a time. An operation that fails, runs out of time or is cancelled ends the connection; after a
/// failed send, what the other host sent before can still be received, since that may be its reason.
/// </summary>
public sealed class HostConnection : IAsyncDisposable
{
    private static readonly TimeSpan FarewellTimeout = TimeSpan.FromSeconds(1);

    private readonly Socket _socket;
    private readonly Stream _stream;
    private readonly string _remote;
    private readonly int _payloadBytesMax;
    private readonly FrameReader _reader;
    private readonly FrameWriter _writer;
    private readonly IdleLimit _sendLimit;
    private readonly IdleLimit _receiveLimit;
    private readonly SemaphoreSlim _sendTurn = new(1, 1);
    private HostStreamException? _failure;
    private HostStreamException? _sendFailure;
    private int _isReceiving;
    private int _isClosed;
    private long _bytesSent;
    private long _bytesReceived;

    internal HostConnection(
        Socket socket, IPEndPoint remote, Stream stream, HostStreamOptions options, Agreement agreement, string peerName)
    {
        _socket = socket;
        _stream = stream;
        RemoteEndPoint = remote;
        _remote = remote.ToString();
        _payloadBytesMax = options.PayloadBytesMax;
        _sendLimit = new IdleLimit(options.SendIdleTimeout);
        _receiveLimit = new IdleLimit(options.ReceiveIdleTimeout);
        _reader = new FrameReader(stream, _receiveLimit, _payloadBytesMax, _remote);
        _writer = new FrameWriter(stream, _sendLimit);
        Version = agreement.Version;
        PeerProductVersion = agreement.PeerProductVersion;
        PeerName = peerName;
    }

    /// <summary>Address and port of the other host.</summary>
    public IPEndPoint RemoteEndPoint { get; }

    /// <summary>The common name of the other host's certificate, or <c>insecure</c>.</summary>
    public string PeerName { get; }

    /// <summary>The protocol version that both hosts speak here.</summary>
    public ushort Version { get; }

    /// <summary>The version of the other host's software, as it says.</summary>
    public string PeerProductVersion { get; }

    /// <summary>Bytes of the frames sent, headers included.</summary>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <summary>Bytes of the frames received, headers included.</summary>
    public long BytesReceived => Interlocked.Read(ref _bytesReceived);

    /// <summary>
    /// Changes how long the other host may take nothing or send nothing. From any thread; operations under way have that much time from now on.
    /// </summary>
    public void SetIdleTimeout(TimeSpan timeout)
    {
        HostStreamOptions.ThrowIfNoTimeout(timeout);
        _sendLimit.Timeout = timeout;
        _receiveLimit.Timeout = timeout;
    }

    /// <summary>Connects to a host by name or address, proves who both are, and agrees on a version.</summary>
    /// <exception cref="HostStreamException">One sentence: not reached, not trusted, no common version, or no host at all.</exception>
    public static Task<HostConnection> ConnectAsync(
        string host, int port, HostStreamOptions options, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(host);
        options.Validate();
        return OutgoingHandshake.RunAsync(host, port, options, cancellation);
    }

    /// <summary>Sends one frame. The payload must not change until the task ends; then the kernel has it, not yet the other host.</summary>
    /// <exception cref="HostStreamException">The payload is too large (the connection stays), or the connection failed.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the connection ends unless this send was still in line.</exception>
    public ValueTask SendAsync(ushort type, ReadOnlyMemory<byte> payload, CancellationToken cancellation = default) =>
        SendAsync(type, payload, default, cancellation);

    /// <summary>Sends one frame with a payload that lies in two places; what is large is not copied to bring it together.</summary>
    /// <inheritdoc cref="SendAsync(ushort, ReadOnlyMemory{byte}, CancellationToken)"/>
    public async ValueTask SendAsync(
        ushort type, ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second, CancellationToken cancellation = default)
    {
        long bytes = (long)first.Length + second.Length;
        if (bytes > _payloadBytesMax)
        {
            throw new HostStreamException(HostStreamFault.Protocol,
                $"a payload of {bytes} bytes cannot be sent; at most {_payloadBytesMax} are allowed");
        }
        await _sendTurn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            ThrowIfFailed(_failure ?? _sendFailure);
            _sendLimit.Begin(cancellation);
            try
            {
                await _writer.WriteAsync(new FrameHeader((uint)bytes, type, Reserved: 0), first, second).ConfigureAwait(false);
                Interlocked.Add(ref _bytesSent, FrameHeader.Length + bytes);
            }
            finally
            {
                _sendLimit.End();
            }
        }
        catch (OperationCanceledException e)
        {
            throw GivenUp(e, cancellation, $"the host at {_remote} took nothing for {Sentences.Seconds(_sendLimit.Timeout)}");
        }
        catch (Exception e) when (Sentences.IsInputOutput(e))
        {
            _sendFailure ??= Sentences.Broken(e, _remote);
            throw Current(_failure ?? _sendFailure);
        }
        finally
        {
            _sendTurn.Release();
        }
    }

    /// <summary>Receives the next frame, whose payload stays valid until the next call.</summary>
    /// <exception cref="HostStreamException">The other host is gone, silent, or makes no sense; the fault tells which.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the connection is of no use then.</exception>
    public async ValueTask<HostFrame> ReceiveAsync(CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        if (Interlocked.Exchange(ref _isReceiving, 1) != 0)
            throw new InvalidOperationException("another receive is under way on this connection");
        try
        {
            ThrowIfFailed(_failure);
            _receiveLimit.Begin(cancellation);
            try
            {
                HostFrame frame = await _reader.ReadAsync().ConfigureAwait(false);
                Interlocked.Add(ref _bytesReceived, FrameHeader.Length + frame.Payload.Length);
                return frame;
            }
            finally
            {
                _receiveLimit.End();
            }
        }
        catch (OperationCanceledException e)
        {
            throw GivenUp(e, cancellation, $"nothing came from the host at {_remote} for {Sentences.Seconds(_receiveLimit.Timeout)}"
                + (_reader.IsInsideFrame ? ", in the middle of a frame" : ""));
        }
        catch (HostStreamException e)
        {
            if (Fail(e) is { } first && first != e)
                throw Current(first);
            throw;
        }
        catch (Exception e) when (Sentences.IsInputOutput(e))
        {
            throw Current(Fail(Sentences.Broken(e, _remote)));
        }
        finally
        {
            Volatile.Write(ref _isReceiving, 0);
        }
    }

    /// <summary>Ends the connection at once, with all that waits on it; what is still under way in either direction is lost.</summary>
    public void Abort()
    {
        Interlocked.CompareExchange(ref _failure, ClosedHere(), null);
        try
        {
            _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception e) when (Sentences.IsInputOutput(e))
        {
            // Closed already.
        }
        Close();
    }

    /// <summary>
    /// Ends the connection in order: what was sent still arrives, provided that all that the other host sent was received.
    /// Operations that wait end with <see cref="HostStreamFault.Closed"/>.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        Interlocked.CompareExchange(ref _failure, ClosedHere(), null);
        if (_isClosed == 0 && _sendTurn.Wait(0))
        {
            await SayFarewellAsync().ConfigureAwait(false);
            _sendTurn.Release();
        }
        Close();
    }

    private async ValueTask SayFarewellAsync()
    {
        try
        {
            if (_stream is SslStream tls && _sendFailure is null)
                await tls.ShutdownAsync().WaitAsync(FarewellTimeout).ConfigureAwait(false);
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (Sentences.IsInputOutput(e) || e is TimeoutException or InvalidOperationException)
        {
            // The other host is gone already: there is nobody to take leave of.
        }
    }

    /// <summary>The first failure is the connection's; it is closed at once, so that whoever waits on it does not wait longer.</summary>
    private HostStreamException Fail(HostStreamException failure)
    {
        HostStreamException first = Interlocked.CompareExchange(ref _failure, failure, null) ?? failure;
        Close();
        return first;
    }

    private void Close()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0)
            return;
        _socket.Dispose();
        _stream.Dispose();
    }

    private Exception GivenUp(OperationCanceledException e, CancellationToken caller, string idle)
    {
        if (caller.IsCancellationRequested)
        {
            Fail(new HostStreamException(HostStreamFault.Closed,
                $"an operation on the connection with {_remote} was cancelled, which ended it"));
            return new OperationCanceledException(e.Message, e, caller);
        }
        return Current(Fail(new HostStreamException(HostStreamFault.Idle, idle, e)));
    }

    private HostStreamException ClosedHere() => new(HostStreamFault.Closed, $"this side closed the connection with {_remote}");

    private static void ThrowIfFailed(HostStreamException? failure)
    {
        if (failure is not null)
            throw Current(failure);
    }

    // Each caller gets an exception of its own: one object thrown by two threads mixes up their stack traces.
    private static HostStreamException Current(HostStreamException failure) => new(failure.Fault, failure.Message, failure);
}
