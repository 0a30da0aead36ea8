using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace RoceEngine.HostStream;

/// <summary>Reads certificates and keys; what is wrong with them is said at the start, not at the first connection.</summary>
internal static class PemFiles
{
    public static X509Certificate2Collection LoadAuthorities(string path)
    {
        X509Certificate2Collection authorities = ReadCertificates(path, "authority certificate");
        foreach (X509Certificate2 authority in authorities)
        {
            if (PeerCertificates.Validity(authority) is { } outOfDate)
                throw Wrong($"the authority certificate {path} {outOfDate}");
            if (!authority.Extensions.OfType<X509BasicConstraintsExtension>().Any(constraints => constraints.CertificateAuthority))
                throw Wrong($"the certificate {path} is not that of an authority");
        }
        return authorities;
    }

    /// <summary>A certificate with its key and whatever intermediate certificates follow it in its file.</summary>
    public static SslStreamCertificateContext LoadOwn(string certificatePath, string keyPath)
    {
        X509Certificate2Collection chain = ReadCertificates(certificatePath, "certificate");
        X509Certificate2 certificate = WithKey(chain[0], certificatePath, keyPath);
        if (PeerCertificates.Validity(certificate) is { } outOfDate)
            throw Wrong($"the certificate {certificatePath} {outOfDate}");
        chain.RemoveAt(0);
        return SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }

    public static X509Certificate2 LoadWithKey(string certificatePath, string keyPath) =>
        WithKey(ReadCertificates(certificatePath, "certificate")[0], certificatePath, keyPath);

    private static X509Certificate2 WithKey(X509Certificate2 certificate, string certificatePath, string keyPath)
    {
        string key = ReadText(keyPath, "key");
        if (key.Contains("ENCRYPTED", StringComparison.Ordinal))
            throw Wrong($"the key {keyPath} is encrypted, which is not supported");
        if (!key.Contains("PRIVATE KEY-----", StringComparison.Ordinal))
            throw Wrong($"the file {keyPath} holds no private key in PEM format");
        try
        {
            return X509Certificate2.CreateFromPem(certificate.ExportCertificatePem(), key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw Wrong($"the key {keyPath} does not belong to the certificate {certificatePath}, or is damaged", e);
        }
    }

    private static X509Certificate2Collection ReadCertificates(string path, string what)
    {
        string text = ReadText(path, what);
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(text);
        }
        catch (CryptographicException e)
        {
            throw Wrong($"the {what} {path} is damaged", e);
        }
        return certificates.Count > 0 ? certificates : throw Wrong($"the file {path} holds no certificate in PEM format");
    }

    private static string ReadText(string path, string what)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Wrong($"the {what} {path} does not exist", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Wrong($"the {what} {path} cannot be read: {e.Message.TrimEnd('.')}", e);
        }
    }

    private static HostStreamException Wrong(string sentence, Exception? inner = null) =>
        new(HostStreamFault.Configuration, sentence, inner);
}
