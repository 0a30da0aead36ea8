using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace RoceEngine.HostStream.Tests;

public sealed class TlsRefusalTests(Lab lab) : IClassFixture<Lab>
{
    [Fact]
    public async Task A_caller_without_a_certificate_is_told_that_it_needs_one()
    {
        await using var hosts = new Hosts(Hosts.Options(lab.Security()));
        string told = await CallRawAsync(hosts, certificate: null);
        Assert.Equal("the other host presented no certificate", told);
        Assert.EndsWith(": the other host presented no certificate", hosts.NextRefusal());
    }

    [Fact]
    public async Task A_caller_whose_certificate_has_expired_is_told_so()
    {
        await using var hosts = new Hosts(Hosts.Options(lab.Security()));
        string told = await CallRawAsync(hosts, lab.Expired);
        Assert.StartsWith("the certificate of \"bygone\" expired on ", told);
        Assert.EndsWith(told, hosts.NextRefusal());
    }

    [Fact]
    public async Task A_caller_of_another_authority_is_refused_by_the_called_host()
    {
        await using var hosts = new Hosts(Hosts.Options(lab.Security()));
        HostStreamException failure = await hosts.ConnectInVainAsync(Hosts.Options(Lab.Load(trusted: lab.Ours, own: lab.Theirs)));
        Assert.Equal(HostStreamFault.Refused, failure.Fault);
        const string Reason = "the certificate of \"alpha\" is not signed by an authority that this host trusts";
        Assert.Equal($"the host at 127.0.0.1:{hosts.Port} refused this one, it says: {Reason}", failure.Message);
        Assert.EndsWith(": " + Reason, hosts.NextRefusal());
    }

    [Fact]
    public async Task A_called_host_of_another_authority_is_refused_by_the_caller()
    {
        await using var hosts = new Hosts(Hosts.Options(Lab.Load(trusted: lab.Ours, own: lab.Theirs)));
        HostStreamException failure = await hosts.ConnectInVainAsync(Hosts.Options(lab.Security()));
        Assert.Equal(HostStreamFault.Refused, failure.Fault);
        const string Reason = "the certificate of \"alpha\" is not signed by an authority that this host trusts";
        Assert.Equal($"refused 127.0.0.1:{hosts.Port}: {Reason}", failure.Message);
        Assert.EndsWith("refused this one, it says: " + Reason, hosts.NextRefusal());
    }

    [Fact]
    public async Task A_certificate_for_another_host_is_refused_unless_any_will_do()
    {
        await using var hosts = new Hosts(Hosts.Options(lab.Security()), IPAddress.Parse("127.0.0.2"));
        HostStreamException failure = await hosts.ConnectInVainAsync(Hosts.Options(lab.Security()), "127.0.0.2");
        Assert.Equal($"refused 127.0.0.2:{hosts.Port}: the certificate of \"alpha\" is not valid for 127.0.0.2", failure.Message);
        Assert.Contains("is not valid for 127.0.0.2", hosts.NextRefusal());
        (HostConnection caller, HostConnection called) =
            await hosts.ConnectAsync(Hosts.Options(lab.Security(verifyHostName: false)), "127.0.0.2");
        Assert.Equal("alpha", caller.PeerName);
        await caller.DisposeAsync();
        await called.DisposeAsync();
    }

    [Fact]
    public async Task A_host_is_found_and_verified_by_name()
    {
        await using var hosts = new Hosts(Hosts.Options(lab.Security()));
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Hosts.Options(lab.Security()), "localhost");
        Assert.Equal("127.0.0.1", caller.RemoteEndPoint.Address.ToString());
        await caller.DisposeAsync();
        await called.DisposeAsync();
    }

    [Fact]
    public async Task Insecure_at_a_TLS_listener_is_told_so_on_both_sides()
    {
        await using var hosts = new Hosts(Hosts.Options(lab.Security()));
        HostStreamException failure = await hosts.ConnectInVainAsync(Hosts.Options(StreamSecurity.Insecure));
        Assert.Equal(HostStreamFault.Refused, failure.Fault);
        Assert.EndsWith("it says: this host is set up with TLS, the other without (insecure)", failure.Message);
        Assert.EndsWith(": this host is set up with TLS, the other without (insecure)", hosts.NextRefusal());
    }

    [Fact]
    public async Task TLS_at_an_insecure_listener_is_told_so_on_both_sides()
    {
        await using var hosts = new Hosts(Hosts.Options(StreamSecurity.Insecure));
        HostStreamException failure = await hosts.ConnectInVainAsync(Hosts.Options(lab.Security()));
        Assert.Equal(HostStreamFault.Refused, failure.Fault);
        Assert.Equal($"the host at 127.0.0.1:{hosts.Port} is set up without TLS (insecure), this host with TLS", failure.Message);
        Assert.EndsWith(": this host is set up without TLS (insecure), the other with TLS", hosts.NextRefusal());
    }

    [Fact]
    public async Task Something_else_that_listens_is_no_TLS()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        Task<HostConnection> calling = HostConnection.ConnectAsync(
            "127.0.0.1", port, Hosts.Options(lab.Security()), TestContext.Current.CancellationToken);
        using Socket socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await socket.SendAsync("SSH-2.0-OpenSSH_9.6\r\n"u8.ToArray());
        HostStreamException failure = await Assert.ThrowsAsync<HostStreamException>(() => calling);
        Assert.Equal($"whoever listens at 127.0.0.1:{port} does not speak TLS", failure.Message);
    }

    [Fact]
    public async Task A_TLS_handshake_that_breaks_off_is_reported()
    {
        await using var hosts = new Hosts(Hosts.Options(lab.Security()));
        using Socket socket = await hosts.ConnectRawAsync();
        await socket.SendAsync(new byte[] { 0x16, 3, 1, 0, 4, 1, 2, 3, 4 });
        Assert.Contains("TLS handshake with 127.0.0.1", hosts.NextRefusal());
    }

    /// <summary>Calls as a stranger would who trusts anybody; returns the reason for the refusal.</summary>
    private static async Task<string> CallRawAsync(Hosts hosts, X509Certificate2? certificate)
    {
        using Socket socket = await hosts.ConnectRawAsync();
        await using var tls = new SslStream(new NetworkStream(socket));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "127.0.0.1",
            ClientCertificates = certificate is null ? null : [certificate],
            LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate!,
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
        }, hosts.Limit);
        HandshakeMessage? answer = await HandshakeMessage.ReadAsync(tls, "the listener", hosts.Limit);
        Assert.NotNull(answer);
        Assert.True(answer.Value.IsRefusal);
        return answer.Value.Text;
    }
}
