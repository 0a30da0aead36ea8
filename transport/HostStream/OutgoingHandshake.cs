using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace RoceEngine.HostStream;

/// <summary>The way to a connection from the calling side: TCP, TLS, verdict on the other's certificate, version.</summary>
internal static class OutgoingHandshake
{
    /// <summary>Record type of a TLS handshake and of an alert: what TLS answers begin with. RFC 8446, 5.1.</summary>
    private const int TlsHandshakeRecord = 0x16;

    private const int TlsAlertRecord = 0x15;

    public static async Task<HostConnection> RunAsync(string host, int port, HostStreamOptions options, CancellationToken cancellation)
    {
        string remote = IPAddress.TryParse(host, out IPAddress? address) ? new IPEndPoint(address, port).ToString() : $"{host}:{port}";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        (Socket socket, IPEndPoint endPoint) = await OpenAsync(host, port, remote, options, limit, cancellation).ConfigureAwait(false);
        try
        {
            limit.CancelAfter(options.HandshakeTimeout);
            return await ShakeHandsAsync(socket, endPoint, host, remote, options, limit.Token).ConfigureAwait(false);
        }
        catch (RefusalException refusal)
        {
            await Farewell.CloseAsync(socket).ConfigureAwait(false);
            throw refusal.ForCaller();
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            socket.Dispose();
            throw new HostStreamException(HostStreamFault.Unreachable,
                $"{remote} took the connection and did not finish the handshake within {Sentences.Seconds(options.HandshakeTimeout)}", e);
        }
        catch (Exception e) when (Sentences.IsInputOutput(e))
        {
            socket.Dispose();
            throw Sentences.HandshakeBroken(e, remote);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<(Socket Socket, IPEndPoint EndPoint)> OpenAsync(
        string host, int port, string remote, HostStreamOptions options, CancellationTokenSource limit, CancellationToken cancellation)
    {
        limit.CancelAfter(options.HandshakeTimeout);
        bool isAddress = IPAddress.TryParse(host, out IPAddress? address);
        Socket? socket = null;
        try
        {
            socket = isAddress
                ? new Socket(address!.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
                : new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.NoDelay = true;
            if (isAddress)
                await socket.ConnectAsync(address!, port, limit.Token).ConfigureAwait(false);
            else
                await socket.ConnectAsync(host, port, limit.Token).ConfigureAwait(false);

            // Asked for now: the kernel forgets it when the other side resets the connection.
            return (socket, Sentences.Plain(socket.RemoteEndPoint));
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            socket?.Dispose();
            throw new HostStreamException(HostStreamFault.Unreachable,
                $"no answer from {remote} within {Sentences.Seconds(options.HandshakeTimeout)}", e);
        }
        catch (Exception e) when (Sentences.IsInputOutput(e) || e is ArgumentException)
        {
            socket?.Dispose();
            throw Sentences.Unreached(e, remote);
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }

    private static async Task<HostConnection> ShakeHandsAsync(
        Socket socket, IPEndPoint endPoint, string host, string remote, HostStreamOptions options, CancellationToken cancellation)
    {
        Stream stream = new NetworkStream(socket, ownsSocket: false);
        string peerName = IncomingHandshake.NoName;
        try
        {
            if (options.Security.IsTls)
            {
                (stream, string? verdict) =
                    await SecureAsync(stream, host, remote, options.Security, cancellation).ConfigureAwait(false);
                if (verdict is not null)
                {
                    // Instead of a greeting: the other host's log then has the reason too.
                    await HandshakeMessage.TryRefuseAsync(stream, verdict, cancellation).ConfigureAwait(false);
                    throw new RefusalException(remote, verdict);
                }
                peerName = IncomingHandshake.NameOf((SslStream)stream);
            }
            Agreement agreement = await VersionHandshake.GreetAsync(stream, options, remote, cancellation).ConfigureAwait(false);
            return new HostConnection(socket, endPoint, stream, options, agreement, peerName);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false); // Not the socket: a refused host's is closed with care.
            throw;
        }
    }

    private static async Task<(SslStream Stream, string? Verdict)> SecureAsync(
        Stream stream, string host, string remote, StreamSecurity security, CancellationToken cancellation)
    {
        var observed = new FirstByteStream(stream);
        try
        {
            return await security.AuthenticateAsClientAsync(observed, host, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (Sentences.IsInputOutput(e) && observed.FirstByte is not (-1 or TlsHandshakeRecord or TlsAlertRecord))
        {
            throw new HostStreamException(HostStreamFault.Refused, observed.FirstByte == HandshakeMessage.FirstByte
                ? $"the host at {remote} is set up without TLS (insecure), this host with TLS"
                : $"whoever listens at {remote} does not speak TLS", e);
        }
        catch (ArgumentException e)
        {
            throw new HostStreamException(HostStreamFault.Configuration,
                $"\"{Sentences.Foreign(host)}\" is no name that a certificate could have", e);
        }
    }
}
