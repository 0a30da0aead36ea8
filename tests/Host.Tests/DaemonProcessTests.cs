using RoceEngine.Channel;
using RoceEngine.Verbs;

namespace RoceEngine.Host.Tests;

public class DaemonProcessTests
{
    private const int SigInt = 2;
    private const int SigKill = 9;
    private const int SigTerm = 15;

    [Theory]
    [InlineData(SigTerm, "127.12.50.1")]
    [InlineData(SigInt, "127.12.50.2")]
    public void It_says_when_it_is_ready_and_ends_cleanly(int signal, string address)
    {
        using var daemon = new DaemonProcess("--address", address);
        Assert.Equal($"vrdmad ready socket={daemon.SocketPath} addresses={address}", daemon.ReadLine());
        using Endpoint guest = Endpoint.Attached(daemon.SocketPath);
        Assert.Equal(address, guest.Context.Address.ToString());
        daemon.Signal(signal);
        Assert.Equal(0, daemon.WaitForExit());
        Assert.False(File.Exists(daemon.SocketPath));
        Assert.Null(daemon.ReadLine());
        Assert.Throws<DeviceLostException>(() => guest.Await());
    }

    [Fact]
    public void Ranges_of_addresses_and_several_of_them_are_taken()
    {
        using var daemon = new DaemonProcess("--address", "127.12.51.1-127.12.51.3", "--address", "127.12.51.9", "--address", "127.12.51.2", "--workers", "2", "--no-gso", "--loss", "0.01");
        Assert.EndsWith("addresses=127.12.51.1,127.12.51.2,127.12.51.3,127.12.51.9", daemon.ReadLine());
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        DaemonInfo info = connection.GetInfo();
        Assert.Equal((daemon.Id, 2, 4), (info.ProcessId, info.Workers, info.Addresses.Count));
        using Endpoint a = Endpoint.Attached(daemon.SocketPath);
        using Endpoint b = Endpoint.Attached(daemon.SocketPath);
        Endpoint.Connect(a, b);
        a.WriteAndVerify(b, 100_000, 3);
    }

    [Fact]
    public async Task A_killed_daemon_is_a_fatal_event_for_its_guests_and_its_socket_can_be_used_again()
    {
        using var daemon = new DaemonProcess("--address", "127.12.52.1");
        daemon.ReadLine();
        using Endpoint guest = Endpoint.Attached(daemon.SocketPath);
        daemon.Signal(SigKill);
        daemon.WaitForExit();
        using var limit = new CancellationTokenSource(Endpoint.Patience);
        AsyncEvent fatal = await guest.Context.WaitAsyncEventAsync(limit.Token);
        Assert.Equal(AsyncEventType.DeviceFatal, fatal.Type);
        Assert.Throws<DeviceLostException>(() => guest.Await());
        Assert.True(File.Exists(daemon.SocketPath));

        using var successor = new DaemonProcess("--address", "127.12.52.1", "--socket", daemon.SocketPath);
        Assert.StartsWith("vrdmad ready", successor.ReadLine());
        using Endpoint next = Endpoint.Attached(daemon.SocketPath);
        successor.Signal(SigTerm);
        Assert.Equal(0, successor.WaitForExit());
    }

    [Theory]
    [InlineData("--address", "127.12.53.999")]
    [InlineData("--address", "1")]
    [InlineData("--address", "127.12.53.9-127.12.53.1")]
    [InlineData("--address", "127.12.53.1-::2")]
    [InlineData("--address", "127.0.0.1-127.1.0.1")]
    [InlineData("--address", "0.0.0.0")]
    [InlineData("--address", "224.0.0.1")]
    [InlineData("--address", "somewhere")]
    [InlineData("--address", "")]
    [InlineData("--workers", "0")]
    [InlineData("--workers", "many")]
    [InlineData("--workers", "100000")]
    [InlineData("--loss", "1.5")]
    [InlineData("--loss", "-0.1")]
    [InlineData("--loss", "NaN")]
    [InlineData("--loss", "some")]
    [InlineData("--allow-uid", "root")]
    [InlineData("--allow-uid", "-1")]
    [InlineData("--allow-group", "4294967296")]
    [InlineData("--max-memory", "12Q")]
    [InlineData("--max-memory", "99999999999G")]
    [InlineData("--log-level", "loud")]
    [InlineData("--log-level", "3")]
    [InlineData("--frobnicate", "")]
    public void A_bad_option_is_named_in_one_line_with_exit_code_2(string option, string value)
    {
        string[] valid = option == "--address" ? [] : ["--address", "127.12.53.1"];
        using var daemon = new DaemonProcess([.. valid, option, value]);
        Assert.Equal(2, daemon.WaitForExit());
        string line = Assert.Single(daemon.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(option, line);
        Assert.Contains(value, line);
        Assert.Null(daemon.ReadLine());
    }

    [Fact]
    public void Without_an_address_it_does_not_start()
    {
        using var daemon = new DaemonProcess();
        Assert.Equal(2, daemon.WaitForExit());
        Assert.Contains("--address", Assert.Single(daemon.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Theory]
    [InlineData("203.0.113.77", "not an address of this machine")]
    [InlineData("127.12.54.1", "in use")]
    public void An_address_that_cannot_be_had_is_named_in_one_line_with_exit_code_1(string address, string why)
    {
        using Endpoint holder = Endpoint.Embedded("127.12.54.1");
        using var daemon = new DaemonProcess("--address", address);
        Assert.Equal(1, daemon.WaitForExit());
        string line = Assert.Single(daemon.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(address, line);
        Assert.Contains(why, line);
        Assert.False(File.Exists(daemon.SocketPath));
    }

    [Fact]
    public void A_socket_of_a_living_daemon_is_named_in_one_line_with_exit_code_1()
    {
        using var first = new DaemonProcess("--address", "127.12.55.1");
        first.ReadLine();
        using var second = new DaemonProcess("--address", "127.12.55.2", "--socket", first.SocketPath);
        Assert.Equal(1, second.WaitForExit());
        string line = Assert.Single(second.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(first.SocketPath, line);
        Assert.Contains($"process {first.Id}", line);
        using DaemonConnection connection = DaemonConnection.Open(first.SocketPath);
        Assert.Empty(connection.ListDevices());
    }

    [Fact]
    public void Help_and_version_are_told()
    {
        using var help = new DaemonProcess("--help");
        Assert.Equal(0, help.WaitForExit());
        using var version = new DaemonProcess("--version");
        Assert.Matches(@"^\d+\.\d+", version.ReadLine());
        Assert.Equal(0, version.WaitForExit());
    }
}
