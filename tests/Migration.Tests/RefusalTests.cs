using System.Globalization;
using System.Net;
using System.Net.Sockets;
using RoceEngine.Channel;
using RoceEngine.HostStream;

namespace Migration.Tests;

/// <summary>Moves that cannot be: one sentence says why, and the device runs where it was.</summary>
public sealed class RefusalTests : IClassFixture<RefusalTests.Place>
{
    private readonly Place _place;

    public RefusalTests(Place place) => _place = place;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(2, "has no device 'nobody'", "nobody", "127.0.0.1:1", "--insecure")]
    [InlineData(2, "'-' is not a host with or without a port", "mover", "-", "--insecure")]
    [InlineData(2, "'127.0.0.1:70000' is not a host with or without a port", "mover", "127.0.0.1:70000", "--insecure")]
    [InlineData(1, "nobody listens at 127.0.0.1:1", "mover", "127.0.0.1:1", "--insecure")]
    [InlineData(1, "this daemon has no certificates for migrations", "mover", "127.0.0.1:1")]
    [InlineData(2, "--patience: '0' is not a number", "mover", "127.0.0.1:1", "--patience", "0")]
    public void The_command_says_in_one_line_why_it_cannot_be(int exitCode, string sentence, string device, string to, params string[] more)
    {
        using Child command = new("vrdma", ["migrate", device, "--to", to, "--socket", _place.Here.SocketPath, .. more]);
        Assert.Equal(exitCode, command.AwaitExit());
        Assert.Contains(sentence, command.Errors, StringComparison.Ordinal);
        Assert.StartsWith("vrdma: ", command.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", command.Errors.TrimEnd('\n'), StringComparison.Ordinal);
    }

    [Fact]
    public void A_host_without_an_address_is_not_reached() => ExpectRefusal(_place.Here, "no address is known for the host of no-such-host.invalid", "no-such-host.invalid", 4793);

    [Fact]
    public void A_device_does_not_move_to_where_it_is() => ExpectRefusal(_place.Here, "the device lives here already, as 'mover'", "127.0.0.1", _place.Here.Port);

    [Fact]
    public void A_taken_address_is_refused()
    {
        using var there = new Daemon("127.16.40.1-127.16.40.2");
        using Child other = TrafficTests.Guest(there, "127.16.40.2", "other");
        other.ReadLine();
        using var here = new Daemon("127.16.40.3");
        using var proxy = new OfferProxy(there.Port, "127.16.40.3", "127.16.40.2");
        using Child mover = TrafficTests.Guest(here, "127.16.40.3", "mover");
        mover.ReadLine();
        ExpectRefusal(here, "127.16.40.2 is in use there by device other", "127.0.0.1", proxy.Port);
        using var foreign = new OfferProxy(there.Port, "127.16.40.3", "192.0.2.1");
        ExpectRefusal(here, "192.0.2.1 is not available there: that machine does not have it", "127.0.0.1", foreign.Port);
        using var nameless = new OfferProxy(there.Port, "\"mover\"", "\"mo er\"");
        ExpectRefusal(here, "a device's name has 1 to 63 characters", "127.0.0.1", nameless.Port);
    }

    [Fact]
    public void A_taken_name_is_replaced_and_the_report_says_so()
    {
        using var here = new Daemon("127.16.41.1");
        using var there = new Daemon("127.16.41.2");
        using Child mover = TrafficTests.Guest(here, "127.16.41.1", "same");
        using Child other = TrafficTests.Guest(there, "127.16.41.2", "same");
        mover.ReadLine();
        other.ReadLine();
        MigrationReport report = here.Send("same", there.Port, cancellation: Cancellation);
        Assert.NotEqual("same", report.NameThere);
        Assert.Equal(["same", report.NameThere], there.Devices().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Too_little_memory_there_is_refused()
    {
        using var there = new Daemon("127.16.42.1", "--max-memory", "1M");
        ExpectRefusal(_place.Here, "not enough memory: the guest has", "127.0.0.1", there.Port);
    }

    [Fact]
    public void A_device_that_moves_already_is_refused()
    {
        ChannelRefusedException? refusal = null;
        using var there = new Daemon("127.16.43.1");
        using var cancellation = new CancellationTokenSource();
        using var proxy = new FrameProxy(
            there.Port,
            type: 2,
            () =>
            {
                refusal = Assert.Throws<ChannelRefusedException>(() => _place.Here.Send("mover", there.Port, cancellation: Cancellation));
                cancellation.Cancel();
            },
            cuts: false,
            silences: true);
        Assert.Throws<ChannelRefusedException>(() => _place.Here.Send("mover", proxy.Port, cancellation: cancellation.Token));
        Assert.Contains("is being moved or saved already", refusal?.Message, StringComparison.Ordinal);
        Assert.Contains("mover", _place.Here.Devices());
    }

    [Fact]
    public void A_device_without_a_guest_is_refused()
    {
        string file = Path.Combine(_place.Directory, "saved");
        using var daemon = new Daemon("127.16.44.1", "--state-dir", Path.Combine(_place.Directory, "state"));
        using Child guest = TrafficTests.Guest(daemon, "127.16.44.1", "saved");
        guest.ReadLine();
        foreach (string[] arguments in (string[][])[["snapshot", "saved", file, "--stop"], ["restore", file]])
        {
            using Child command = new("vrdma", [.. arguments, "--socket", daemon.SocketPath]);
            Assert.True(command.AwaitExit() == 0, command.Errors);
        }
        ChannelRefusedException refusal = Assert.Throws<ChannelRefusedException>(() => daemon.Send("saved", 1, cancellation: Cancellation));
        Assert.Contains("has no guest that could go along", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Who listens there answers a greeting of version 1 with another one.</summary>
    [Fact]
    public async Task An_unknown_version_of_the_stream_is_refused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Task answering = Task.Run(
            async () =>
            {
                using TcpClient caller = await listener.AcceptTcpClientAsync(Cancellation);
                byte[] greeting = new byte[14];
                await caller.GetStream().ReadExactlyAsync(greeting, Cancellation);
                await caller.GetStream().WriteAsync((byte[])[.. "VRDMAHST"u8, 9, 0, 0, 0, 0, 0], Cancellation);
                await Task.Delay(500, Cancellation);
            },
            Cancellation);
        ExpectRefusal(_place.Here, "chose version 9, which this host did not offer", "127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port);
        await answering;
    }

    [Fact]
    public void An_unknown_version_of_the_state_is_refused()
    {
        using var there = new Daemon("127.16.45.1");
        using var proxy = new OfferProxy(there.Port, "\"stateVersion\":", "\"stateVersion\":9");
        ExpectRefusal(_place.Here, "the device's state has version 9", "127.0.0.1", proxy.Port);
    }

    [Fact]
    public void Daemons_that_do_not_trust_each_other_are_refused()
    {
        string ours = Path.Combine(_place.Directory, "ours");
        string theirs = Path.Combine(_place.Directory, "theirs");
        HostCertificates.Write(ours, [new HostIdentity("here", "127.0.0.1"), new HostIdentity("there", "127.0.0.1"), new HostIdentity("elsewhere", "192.0.2.1")]);
        HostCertificates.Write(theirs, [new HostIdentity("there", "127.0.0.1")]);
        using var here = new Daemon([], "127.16.46.1", [.. Tls(ours, "here"), "--insecure-migration"]);
        using Child mover = TrafficTests.Guest(here, "127.16.46.1", "mover");
        mover.ReadLine();
        using (var there = new Daemon([], "127.16.46.2", [.. Tls(theirs, "there"), "--migrate-listen", "127.0.0.1:0"]))
        {
            ExpectRefusal(here, "is not signed by an authority that this host trusts", "127.0.0.1", there.Port, insecure: false);
            ExpectRefusal(here, "this host is set up with TLS, the other without (insecure)", "127.0.0.1", there.Port);
        }
        using (var there = new Daemon([], "127.16.46.2", [.. Tls(ours, "elsewhere"), "--migrate-listen", "127.0.0.1:0"]))
            ExpectRefusal(here, "the certificate of \"elsewhere\" is not valid for 127.0.0.1", "127.0.0.1", there.Port, insecure: false);
        using (var there = new Daemon("127.16.46.2"))
            ExpectRefusal(here, "is set up without TLS (insecure)", "127.0.0.1", there.Port, insecure: false);
        using (var there = new Daemon([], "127.16.46.2", [.. Tls(ours, "there"), "--migrate-listen", "127.0.0.1:0"]))
            Assert.Equal("there", here.Send("mover", there.Port, insecure: false, cancellation: Cancellation).Peer);
    }

    private static string[] Tls(string directory, string name) =>
        ["--tls-ca", Path.Combine(directory, "ca.pem"), "--tls-cert", Path.Combine(directory, $"{name}.pem"), "--tls-key", Path.Combine(directory, $"{name}-key.pem")];

    private static void ExpectRefusal(Daemon from, string sentence, string host, int port, bool insecure = true)
    {
        ChannelRefusedException refusal = Assert.Throws<ChannelRefusedException>(
            () => from.Send("mover", port, host: host, insecure: insecure, cancellation: Cancellation));
        Assert.Contains(sentence, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("mover", from.Devices());
    }

    /// <summary>A daemon with a device that is asked to move where it cannot.</summary>
    public sealed class Place : IDisposable
    {
        private readonly Child _mover;

        public Place()
        {
            Here = new Daemon("127.16.39.1");
            _mover = TrafficTests.Guest(Here, "127.16.39.1", "mover");
            _mover.ReadLine();
        }

        public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("vrdma-").FullName;

        internal Daemon Here { get; }

        public void Dispose()
        {
            _mover.Dispose();
            Here.Dispose();
            System.IO.Directory.Delete(Directory, recursive: true);
        }
    }
}
