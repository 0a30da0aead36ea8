using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace RoceEngine.HostStream;

/// <summary>A host for which a certificate is made.</summary>
/// <param name="Name">Name of its files and common name of its certificate; a DNS name or IP address like the others.</param>
/// <param name="OtherNames">Further DNS names and IP addresses by which others call it.</param>
public sealed record HostIdentity(string Name, params IReadOnlyList<string> OtherNames);

/// <summary>
/// Makes an authority and certificates of hosts for a lab: ECDSA on P-256, each host's for both ends of a connection. Where
/// there is a real authority, use that: all that hosts need are the PEM files.
/// </summary>
public static class HostCertificates
{
    public const string AuthorityName = "ca";

    private const string KeySuffix = "-key";
    private const int NameCharsMax = 64; // ub-common-name, RFC 5280, appendix A.1.
    private const int AuthorityYears = 10;
    private const int HostYears = 2;
    private const int SerialBytes = 16;

    /// <summary>
    /// Writes <c>ca.pem</c> and <c>ca-key.pem</c> into a directory, which is made when it is missing, and <c>NAME.pem</c> and
    /// <c>NAME-key.pem</c> for each host. An authority that is already there signs the new certificates. Keys are readable by
    /// their owner alone; nothing is ever overwritten.
    /// </summary>
    /// <returns>The files written.</returns>
    /// <exception cref="HostStreamException">A name is not usable, a file exists or cannot be written; nothing is left behind.</exception>
    public static IReadOnlyList<string> Write(string directory, IReadOnlyList<HostIdentity> hosts)
    {
        foreach (HostIdentity host in hosts)
            CheckName(host);
        using var files = new NewFiles(directory);
        foreach (HostIdentity host in hosts)
            files.ThrowIfExists(CertificateFile(host.Name), KeyFile(host.Name));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 authority = OpenOrWriteAuthority(files, now);
        foreach (HostIdentity host in hosts)
        {
            DateTimeOffset start = Later(now.AddHours(-1), authority.NotBefore);
            DateTimeOffset end = Earlier(now.AddYears(HostYears), authority.NotAfter);
            WritePair(files, host.Name, MakeHost(authority, host, start, end));
        }
        return files.Keep();
    }

    /// <summary>A self-signed authority with its key.</summary>
    internal static X509Certificate2 MakeAuthority(DateTimeOffset start, DateTimeOffset end)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedNameBuilder();

        // A number in the name: certificates of two authorities that were called alike would be hard to tell apart.
        name.AddCommonName("vRDMA lab authority " + RandomNumberGenerator.GetHexString(8, lowercase: true));
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(X509BasicConstraintsExtension.CreateForCertificateAuthority(pathLengthConstraint: 0));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request.CreateSelfSigned(start, end);
    }

    /// <summary>A host's certificate with its key, valid from <paramref name="start"/> to <paramref name="end"/>.</summary>
    internal static X509Certificate2 MakeHost(X509Certificate2 authority, HostIdentity host, DateTimeOffset start, DateTimeOffset end)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedNameBuilder();
        name.AddCommonName(host.Name);
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(X509BasicConstraintsExtension.CreateForEndEntity());
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid(PeerCertificates.ServerPurpose), new Oid(PeerCertificates.ClientPurpose)], critical: false));
        request.CertificateExtensions.Add(Names(host));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(
            authority, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        byte[] serial = RandomNumberGenerator.GetBytes(SerialBytes);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40); // Positive, and of full length.
        using X509Certificate2 certificate = request.Create(authority, start, end, serial);
        return certificate.CopyWithPrivateKey(key);
    }

    private static X509Extension Names(HostIdentity host)
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (string name in AllNames(host))
        {
            if (IPAddress.TryParse(name, out IPAddress? address))
                names.AddIpAddress(address);
            else
                names.AddDnsName(name);
        }
        return names.Build();
    }

    private static IEnumerable<string> AllNames(HostIdentity host) =>
        host.OtherNames.Prepend(host.Name).Distinct(StringComparer.OrdinalIgnoreCase);

    private static X509Certificate2 OpenOrWriteAuthority(NewFiles files, DateTimeOffset now)
    {
        string certificatePath = files.PathOf(CertificateFile(AuthorityName));
        string keyPath = files.PathOf(KeyFile(AuthorityName));
        if (File.Exists(certificatePath) && File.Exists(keyPath))
        {
            PemFiles.LoadAuthorities(certificatePath);
            return PemFiles.LoadWithKey(certificatePath, keyPath);
        }
        files.ThrowIfExists(CertificateFile(AuthorityName), KeyFile(AuthorityName));
        X509Certificate2 authority = MakeAuthority(now.AddHours(-1), now.AddYears(AuthorityYears));
        WritePair(files, AuthorityName, authority);
        return authority;
    }

    private static void WritePair(NewFiles files, string name, X509Certificate2 certificate)
    {
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        files.Write(CertificateFile(name), certificate.ExportCertificatePem() + "\n", isSecret: false);
        files.Write(KeyFile(name), key.ExportPkcs8PrivateKeyPem() + "\n", isSecret: true);
    }

    private static void CheckName(HostIdentity host)
    {
        if (host.Name == AuthorityName || host.Name.EndsWith(KeySuffix, StringComparison.Ordinal) || host.Name.Length > NameCharsMax)
            throw Unusable(host.Name);
        foreach (string name in AllNames(host))
        {
            bool plain = name.Length > 0 && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':');
            if (!plain || (name.Contains(':') && !IPAddress.TryParse(name, out _)))
                throw Unusable(name);
        }
    }

    private static HostStreamException Unusable(string name) => new(HostStreamFault.Configuration,
        $"\"{Sentences.Foreign(name)}\" cannot name a host: a DNS name or an IP address of at most {NameCharsMax} characters does, "
        + $"except \"{AuthorityName}\" and names that end with \"{KeySuffix}\"");

    private static string CertificateFile(string name) => name + ".pem";

    private static string KeyFile(string name) => name + KeySuffix + ".pem";

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;
}
