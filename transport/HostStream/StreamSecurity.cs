using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace RoceEngine.HostStream;

/// <summary>
/// How hosts know each other: mutual TLS, where each side presents a certificate that the same authority signed, or nothing at
/// all. Immutable, for any number of connections at a time.
/// </summary>
public sealed class StreamSecurity
{
    /// <summary>TLS 1.3 where both have it. No session is resumed, so each connection proves both certificates anew.</summary>
    private const SslProtocols Protocols = SslProtocols.Tls12 | SslProtocols.Tls13;

    private readonly X509Certificate2Collection _authorities;
    private readonly SslStreamCertificateContext? _own;

    private StreamSecurity(X509Certificate2Collection authorities, SslStreamCertificateContext? own, bool verifyHostName)
    {
        _authorities = authorities;
        _own = own;
        VerifyHostName = verifyHostName;
    }

    /// <summary>Plain TCP: whoever reaches the port can pose as a host and read guest memory. For a lab.</summary>
    public static StreamSecurity Insecure { get; } = new([], own: null, verifyHostName: false);

    /// <summary>Whether connections are TLS.</summary>
    public bool IsTls => _own is not null;

    /// <summary>Whether a caller checks that the other host's certificate names the host that was asked for.</summary>
    public bool VerifyHostName { get; }

    /// <summary>Mutual TLS with PEM files.</summary>
    /// <param name="authorityPath">Certificates of the authorities that are trusted; one or, while they change over, several.</param>
    /// <param name="certificatePath">This host's certificate, followed by intermediate ones if there are any.</param>
    /// <param name="keyPath">The certificate's private key, not encrypted.</param>
    /// <param name="verifyHostName">False: any host of the authority will do, whatever name or address its certificate has.</param>
    /// <exception cref="HostStreamException">A file is missing, unreadable, expired, or does not fit; the sentence names it.</exception>
    public static StreamSecurity LoadMutualTls(string authorityPath, string certificatePath, string keyPath, bool verifyHostName = true)
    {
        X509Certificate2Collection authorities = PemFiles.LoadAuthorities(authorityPath);
        SslStreamCertificateContext own = PemFiles.LoadOwn(certificatePath, keyPath);
        return new StreamSecurity(authorities, own, verifyHostName);
    }

    /// <summary>
    /// TLS as the called host. The verdict on the caller is null when it may stay; otherwise the caller is told why over the
    /// connection, which TLS alone cannot do, and let go.
    /// </summary>
    internal async Task<(SslStream Stream, string? Verdict)> AuthenticateAsServerAsync(Stream inner, CancellationToken cancellation)
    {
        // A missing verdict is a refusal: nobody stays because nobody looked.
        string? verdict = PeerCertificates.NotShown;
        var stream = new SslStream(inner, leaveInnerStreamOpen: false);
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = _own,
            ClientCertificateRequired = true,
            EnabledSslProtocols = Protocols,
            CertificateChainPolicy = PeerCertificates.Policy(_authorities, PeerCertificates.ClientPurpose),
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            {
                verdict = PeerCertificates.Judge(certificate, chain, errors, host: null);
                return true;
            },
            AllowTlsResume = false,
            AllowRenegotiation = false,
        };
        await OrDisposeAsync(stream, stream.AuthenticateAsServerAsync(options, cancellation)).ConfigureAwait(false);
        return (stream, verdict);
    }

    /// <summary>TLS as the calling host, with a verdict on the called one as in <see cref="AuthenticateAsServerAsync"/>.</summary>
    internal async Task<(SslStream Stream, string? Verdict)> AuthenticateAsClientAsync(
        Stream inner, string host, CancellationToken cancellation)
    {
        string? verdict = PeerCertificates.NotShown;
        var stream = new SslStream(inner, leaveInnerStreamOpen: false);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = host,
            ClientCertificateContext = _own,
            EnabledSslProtocols = Protocols,
            CertificateChainPolicy = PeerCertificates.Policy(_authorities, PeerCertificates.ServerPurpose),
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            {
                verdict = PeerCertificates.Judge(certificate, chain, errors, VerifyHostName ? host : null);
                return true;
            },
            AllowTlsResume = false,
            AllowRenegotiation = false,
        };
        await OrDisposeAsync(stream, stream.AuthenticateAsClientAsync(options, cancellation)).ConfigureAwait(false);
        return (stream, verdict);
    }

    // What OpenSSL allocated for a stranger goes at once, not when the garbage collector comes by.
    private static async Task OrDisposeAsync(SslStream stream, Task authentication)
    {
        try
        {
            await authentication.ConfigureAwait(false);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
