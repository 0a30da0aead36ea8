using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace RoceEngine.HostStream.Tests;

/// <summary>Two authorities, a host of each at 127.0.0.1 and "localhost", and a certificate that is out of date.</summary>
public sealed class Lab : IDisposable
{
    private static readonly HostIdentity Loopback = new("alpha", "127.0.0.1", "localhost");

    public Lab()
    {
        HostCertificates.Write(Ours, [Loopback]);
        HostCertificates.Write(Theirs, [Loopback]);
        using X509Certificate2 authority = PemFiles.LoadWithKey(Path.Combine(Ours, "ca.pem"), Path.Combine(Ours, "ca-key.pem"));
        DateTimeOffset start = authority.NotBefore;
        Expired = HostCertificates.MakeHost(authority, new HostIdentity("bygone"), start, start.AddMinutes(30));
        ExpiredFiles = Path.Combine(Root, "expired");
        WritePair(ExpiredFiles, Expired);
    }

    public string Root { get; } = Directory.CreateTempSubdirectory("vrdma-").FullName;

    public string Ours => Path.Combine(Root, "ours");

    public string Theirs => Path.Combine(Root, "theirs");

    /// <summary>Signed by our authority, and out of date for half an hour.</summary>
    public X509Certificate2 Expired { get; }

    /// <summary>The same as <c>.pem</c> and <c>-key.pem</c>.</summary>
    public string ExpiredFiles { get; }

    /// <summary>Trusts our authority and has its certificate.</summary>
    public StreamSecurity Security(bool verifyHostName = true) => Load(Ours, Ours, verifyHostName);

    /// <summary>Trusts one authority and has the certificate of another.</summary>
    public static StreamSecurity Load(string trusted, string own, bool verifyHostName = true) => StreamSecurity.LoadMutualTls(
        Path.Combine(trusted, "ca.pem"), Path.Combine(own, "alpha.pem"), Path.Combine(own, "alpha-key.pem"), verifyHostName);

    public void Dispose()
    {
        Expired.Dispose();
        Directory.Delete(Root, recursive: true);
    }

    private static void WritePair(string files, X509Certificate2 certificate)
    {
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText(files + ".pem", certificate.ExportCertificatePem());
        File.WriteAllText(files + "-key.pem", key.ExportPkcs8PrivateKeyPem());
    }
}
