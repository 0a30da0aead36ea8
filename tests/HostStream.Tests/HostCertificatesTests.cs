using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace RoceEngine.HostStream.Tests;

public sealed class HostCertificatesTests(Lab lab) : IClassFixture<Lab>, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vrdma-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Files_have_their_names_and_keys_are_their_owners_alone()
    {
        string directory = Path.Combine(_directory, "new");
        IReadOnlyList<string> written = HostCertificates.Write(
            directory, [new HostIdentity("alpha"), new HostIdentity("beta.lab", "10.1.2.3")]);
        string[] expected = ["ca.pem", "ca-key.pem", "alpha.pem", "alpha-key.pem", "beta.lab.pem", "beta.lab-key.pem"];
        Assert.Equal(expected.Select(file => Path.Combine(directory, file)), written);
        Assert.Equal(
            expected.Order(StringComparer.Ordinal),
            Directory.GetFiles(directory).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (string path in written)
        {
            UnixFileMode mode = File.GetUnixFileMode(path);
            if (path.EndsWith("-key.pem", StringComparison.Ordinal))
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, mode);
            else
                Assert.Equal(UnixFileMode.None, mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite | UnixFileMode.UserExecute));
        }
    }

    [Fact]
    public void A_host_certificate_names_its_host_and_serves_both_ends()
    {
        HostCertificates.Write(_directory, [new HostIdentity("beta.lab", "beta", "10.1.2.3", "fd00::7")]);
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificateFromFile(InDirectory("beta.lab.pem"));
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single();
        Assert.Equal(["beta.lab", "beta"], names.EnumerateDnsNames());
        Assert.Equal([IPAddress.Parse("10.1.2.3"), IPAddress.Parse("fd00::7")], names.EnumerateIPAddresses());
        Assert.Equal("CN=beta.lab", certificate.Subject);
        var purposes = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages;
        Assert.Equal(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"], purposes.Cast<Oid>().Select(oid => oid.Value));
        using ECDsa? key = certificate.GetECDsaPublicKey();
        Assert.Equal(256, key!.KeySize);
        StreamSecurity security = StreamSecurity.LoadMutualTls(
            InDirectory("ca.pem"), InDirectory("beta.lab.pem"), InDirectory("beta.lab-key.pem"));
        Assert.True(security.IsTls);
    }

    [Fact]
    public void A_second_call_adds_hosts_of_the_same_authority()
    {
        HostCertificates.Write(_directory, [new HostIdentity("alpha")]);
        string authority = File.ReadAllText(InDirectory("ca.pem"));
        IReadOnlyList<string> added = HostCertificates.Write(_directory, [new HostIdentity("beta")]);
        Assert.Equal([InDirectory("beta.pem"), InDirectory("beta-key.pem")], added);
        Assert.Equal(authority, File.ReadAllText(InDirectory("ca.pem")));
        using X509Certificate2 beta = X509CertificateLoader.LoadCertificateFromFile(InDirectory("beta.pem"));
        using X509Certificate2 ca = X509CertificateLoader.LoadCertificateFromFile(InDirectory("ca.pem"));
        using var chain = new X509Chain { ChainPolicy = PeerCertificates.Policy([ca], PeerCertificates.ClientPurpose) };
        Assert.True(chain.Build(beta));
    }

    [Theory]
    [InlineData("beta.pem")]
    [InlineData("beta-key.pem")]
    [InlineData("ca-key.pem")]
    public void An_existing_file_is_kept_and_nothing_else_is_written(string existing)
    {
        File.WriteAllText(InDirectory(existing), "precious");
        HostStreamException failure = Assert.Throws<HostStreamException>(
            () => HostCertificates.Write(_directory, [new HostIdentity("alpha"), new HostIdentity("beta")]));
        Assert.Equal($"{InDirectory(existing)} exists already and is not overwritten", failure.Message);
        Assert.Equal([InDirectory(existing)], Directory.GetFiles(_directory));
        Assert.Equal("precious", File.ReadAllText(InDirectory(existing)));
    }

    [Fact]
    public void The_same_host_twice_leaves_nothing_behind()
    {
        HostStreamException failure = Assert.Throws<HostStreamException>(
            () => HostCertificates.Write(_directory, [new HostIdentity("alpha"), new HostIdentity("alpha")]));
        Assert.Contains("alpha.pem", failure.Message);
        Assert.Empty(Directory.GetFiles(_directory));
    }

    [Theory]
    [InlineData("")]
    [InlineData("ca")]
    [InlineData("alpha-key")]
    [InlineData("../alpha")]
    [InlineData(".hidden")]
    [InlineData("al pha")]
    [InlineData("host:4791")]
    public void A_name_that_no_host_can_have_is_refused(string name)
    {
        HostStreamException failure = Assert.Throws<HostStreamException>(
            () => HostCertificates.Write(_directory, [new HostIdentity(name)]));
        Assert.StartsWith($"\"{name}\" cannot name a host", failure.Message);
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        AssertLoadFails("the authority certificate /nowhere/ca.pem does not exist", authority: "/nowhere/ca.pem");
        AssertLoadFails("the certificate /nowhere/a.pem does not exist", certificate: "/nowhere/a.pem");
        AssertLoadFails("the key /nowhere/a-key.pem does not exist", key: "/nowhere/a-key.pem");
    }

    [Fact]
    public void What_is_wrong_with_a_file_is_said()
    {
        string otherKey = Path.Combine(lab.Theirs, "alpha-key.pem");
        AssertLoadFails($"the key {otherKey} does not belong to the certificate {Ours("alpha.pem")}, or is damaged", key: otherKey);
        AssertLoadFails($"the file {Ours("ca.pem")} holds no private key in PEM format", key: Ours("ca.pem"));
        AssertLoadFails($"the certificate {Ours("alpha.pem")} is not that of an authority", authority: Ours("alpha.pem"));
        AssertLoadFails($"the file {Ours("ca-key.pem")} holds no certificate in PEM format", authority: Ours("ca-key.pem"));
        AssertLoadFails($"the certificate {_directory} cannot be read", certificate: _directory);
        AssertLoadFails($"the certificate {lab.ExpiredFiles}.pem expired on ", lab.ExpiredFiles + ".pem", lab.ExpiredFiles + "-key.pem");
        File.WriteAllText(InDirectory("bad.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        AssertLoadFails($"the certificate {InDirectory("bad.pem")} is damaged", certificate: InDirectory("bad.pem"));
    }

    [Fact]
    public void An_encrypted_key_is_refused_as_such()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var strength = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000);
        File.WriteAllText(InDirectory("locked.pem"), key.ExportEncryptedPkcs8PrivateKeyPem("secret", strength));
        AssertLoadFails($"the key {InDirectory("locked.pem")} is encrypted, which is not supported", key: InDirectory("locked.pem"));
    }

    private void AssertLoadFails(string expectedStart, string? certificate = null, string? key = null, string? authority = null)
    {
        HostStreamException failure = Assert.Throws<HostStreamException>(() => StreamSecurity.LoadMutualTls(
            authority ?? Ours("ca.pem"), certificate ?? Ours("alpha.pem"), key ?? Ours("alpha-key.pem")));
        Assert.StartsWith(expectedStart, failure.Message);
        Assert.Equal(HostStreamFault.Configuration, failure.Fault);
    }

    private string Ours(string file) => Path.Combine(lab.Ours, file);

    private string InDirectory(string file) => Path.Combine(_directory, file);
}
