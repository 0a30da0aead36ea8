using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace RoceEngine.HostStream;

/// <summary>The way to a connection from the called side: TLS or not, TLS, verdict on the caller's certificate, version.</summary>
internal static class IncomingHandshake
{
    /// <summary>What a peer is called that showed no certificate.</summary>
    public const string NoName = "insecure";

    /// <summary>Record type of a ClientHello, the first byte of TLS. RFC 8446, 5.1.</summary>
    private const byte TlsHandshakeRecord = 0x16;

    /// <summary>Takes the socket over: it is part of the connection, or closed.</summary>
    /// <exception cref="HostStreamException">Why there is no connection; the caller was told too, where it could be.</exception>
    public static async Task<HostConnection> RunAsync(Socket socket, string remote, HostStreamOptions options, CancellationToken cancellation)
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
            throw Sentences.HandshakeBroken(e, remote);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static string NameOf(SslStream tls) => tls.RemoteCertificate is X509Certificate2 certificate ? PeerCertificates.Name(certificate) : NoName;

    private static async Task<HostConnection> ShakeHandsAsync(Socket socket, string remote, HostStreamOptions options, CancellationToken cancellation)
    {
        socket.NoDelay = true;
        Stream stream = new NetworkStream(socket, ownsSocket: false);
        string peerName = NoName;
        await CheckFirstByteAsync(socket, stream, remote, options.Security.IsTls, cancellation).ConfigureAwait(false);
        if (options.Security.IsTls)
        {
            (SslStream tls, string? verdict) = await options.Security.AuthenticateAsServerAsync(stream, cancellation).ConfigureAwait(false);
            stream = tls;
            if (verdict is not null)
                await RefuseAsync(stream, remote, verdict, cancellation).ConfigureAwait(false);
            peerName = NameOf(tls);
        }
        return await AgreeAsync(socket, stream, remote, options, peerName, cancellation).ConfigureAwait(false);
    }

    private static async Task<HostConnection> AgreeAsync(
        Socket socket, Stream stream, string remote, HostStreamOptions options, string peerName, CancellationToken cancellation)
    {
        try
        {
            Agreement agreement = await VersionHandshake.AnswerAsync(stream, options, remote, cancellation).ConfigureAwait(false);
            return new HostConnection(socket, stream, options, agreement, peerName);
        }
        catch (RefusalException refusal)
        {
            await HandshakeMessage.Refusal(refusal.Message).WriteAsync(stream, cancellation).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>One byte tells TLS from a greeting in the clear from anything else; each is told what is the matter in its own language.</summary>
    private static async Task CheckFirstByteAsync(Socket socket, Stream stream, string remote, bool wantsTls, CancellationToken cancellation)
    {
        byte[] first = new byte[1];
        if (await socket.ReceiveAsync(first, SocketFlags.Peek, cancellation).ConfigureAwait(false) == 0)
            throw new HostStreamException(HostStreamFault.Closed, $"{remote} connected and left without a word");
        string? refusal = (first[0], wantsTls) switch
        {
            (TlsHandshakeRecord, true) or (HandshakeMessage.FirstByte, false) => null,
            (TlsHandshakeRecord, false) => "this host is set up without TLS (insecure), the other with TLS",
            (HandshakeMessage.FirstByte, true) => "this host is set up with TLS, the other without (insecure)",
            _ => "what it sent is no greeting of a vRDMA host",
        };
        if (refusal is not null)
            await RefuseAsync(stream, remote, refusal, cancellation).ConfigureAwait(false);
    }

    private static async Task RefuseAsync(Stream stream, string remote, string reason, CancellationToken cancellation)
    {
        await HandshakeMessage.Refusal(reason).WriteAsync(stream, cancellation).ConfigureAwait(false);
        throw new RefusalException(remote, reason);
    }
}
