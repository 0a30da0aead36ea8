using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace RoceEngine.HostStream;

/// <summary>The way to a connection from the called side: TLS where it is wanted, verdict on the caller's certificate, version.</summary>
internal static class IncomingHandshake
{
    /// <summary>What a peer is called that showed no certificate.</summary>
    public const string NoName = "insecure";

    /// <summary>Record type of a ClientHello, the first byte of TLS. RFC 8446, 5.1.</summary>
    private const byte TlsHandshakeRecord = 0x16;

    /// <summary>Takes the socket over: it is part of the connection, or closed.</summary>
    /// <exception cref="HostStreamException">Why there is no connection; the caller was told too, where it could be.</exception>
    public static async Task<HostConnection> RunAsync(
        Socket socket, IPEndPoint remote, HostStreamOptions options, CancellationToken cancellation)
    {
        try
        {
            return await ShakeHandsAsync(socket, remote, options, cancellation).ConfigureAwait(false);
        }
        catch (RefusalException refusal)
        {
            await Farewell.CloseAsync(socket).ConfigureAwait(false);
            throw refusal.ForCaller();
        }
        catch (Exception e) when (Sentences.IsInputOutput(e))
        {
            socket.Dispose();
            throw Sentences.HandshakeBroken(e, remote.ToString());
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static string NameOf(SslStream tls) =>
        tls.RemoteCertificate is X509Certificate2 certificate ? PeerCertificates.Name(certificate) : NoName;

    private static async Task<HostConnection> ShakeHandsAsync(
        Socket socket, IPEndPoint endPoint, HostStreamOptions options, CancellationToken cancellation)
    {
        string remote = endPoint.ToString();
        socket.NoDelay = true;
        Stream stream = new NetworkStream(socket, ownsSocket: false);
        string peerName = NoName;
        try
        {
            await CheckFirstByteAsync(socket, stream, remote, options.Security.IsTls, cancellation).ConfigureAwait(false);
            if (options.Security.IsTls)
            {
                (stream, string? verdict) = await options.Security.AuthenticateAsServerAsync(stream, cancellation).ConfigureAwait(false);
                if (verdict is not null)
                    throw await RefusalAsync(stream, remote, verdict, cancellation).ConfigureAwait(false);
                peerName = NameOf((SslStream)stream);
            }
            return await AgreeAsync(socket, stream, endPoint, options, peerName, cancellation).ConfigureAwait(false);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false); // Not the socket: a refused caller's is closed with care.
            throw;
        }
    }

    private static async Task<HostConnection> AgreeAsync(
        Socket socket, Stream stream, IPEndPoint remote, HostStreamOptions options, string peerName, CancellationToken cancellation)
    {
        try
        {
            Agreement agreement =
                await VersionHandshake.AnswerAsync(stream, options, remote.ToString(), cancellation).ConfigureAwait(false);
            return new HostConnection(socket, remote, stream, options, agreement, peerName);
        }
        catch (RefusalException refusal)
        {
            await HandshakeMessage.TryRefuseAsync(stream, refusal.Message, cancellation).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>One byte tells TLS from a greeting in the clear from anything else.</summary>
    private static async Task CheckFirstByteAsync(
        Socket socket, Stream stream, string remote, bool wantsTls, CancellationToken cancellation)
    {
        byte[] first = new byte[1];
        if (await socket.ReceiveAsync(first, SocketFlags.Peek, cancellation).ConfigureAwait(false) == 0)
            throw new HostStreamException(HostStreamFault.Closed, $"{remote} connected and left without a word");
        string? refusal = (first[0], wantsTls) switch
        {
            (TlsHandshakeRecord, true) or (HandshakeMessage.FirstByte, false) => null,
            (TlsHandshakeRecord, false) => "this host is set up without TLS (insecure), the other with TLS",
            (HandshakeMessage.FirstByte, true) => "this host is set up with TLS, the other without (insecure)",
            _ => VersionHandshake.NoGreeting,
        };
        if (refusal is not null)
            throw await RefusalAsync(stream, remote, refusal, cancellation).ConfigureAwait(false);
    }

    private static async Task<RefusalException> RefusalAsync(
        Stream stream, string remote, string reason, CancellationToken cancellation)
    {
        await HandshakeMessage.TryRefuseAsync(stream, reason, cancellation).ConfigureAwait(false);
        return new RefusalException(remote, reason);
    }
}
