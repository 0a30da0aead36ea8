using System.Net;
using RoceEngine.Host;
using RoceEngine.PerfTool.Options;
using RoceEngine.Wire;

namespace RoceEngine.PerfTool.Tests;

/// <summary>A server and a client that find each other over TCP.</summary>
public sealed class RoleTests
{
    public static TheoryData<string> TestNames { get; } = [.. PerfTest.All.Select(test => test.Name)];

    [Theory]
    [MemberData(nameof(TestNames))]
    public void Two_embedded_devices(string test)
    {
        (ToolRun server, ToolRun client) = ToolRun.OfRoles(
            $"{test} -n 30 --verify --embedded {ToolRun.FreeAddress()}", $"{test} -n 30 --verify --embedded {ToolRun.FreeAddress()}");

        RequireReports(test, server, client);
    }

    [Theory]
    [MemberData(nameof(TestNames))]
    public void Two_guests_of_a_daemon(string test)
    {
        using TemporaryFolder folder = new();
        string socket = folder.File("d.sock");
        IPAddress first = ToolRun.FreeAddress();
        IPAddress second = ToolRun.FreeAddress();
        using RdmaHost daemon = RdmaHost.Start(new HostOptions { Addresses = [Gid.From(first), Gid.From(second)], SocketPath = socket }, SilentReporter.Instance);

        (ToolRun server, ToolRun client) = ToolRun.OfRoles(
            $"{test} -n 30 --verify --socket {socket} --address {second}", $"{test} -n 30 --verify --socket {socket} -d {first}");

        RequireReports(test, server, client);
        Assert.Contains($" GID: {Spelled(first)}", client.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Sides_that_differ_both_say_how()
    {
        (ToolRun server, ToolRun client) = ToolRun.OfRoles(
            $"write_bw -s 64 --embedded {ToolRun.FreeAddress()}", $"write_bw -s 128 --embedded {ToolRun.FreeAddress()}");

        Assert.Equal((1, 1), (server.ExitCode, client.ExitCode));
        Assert.Contains("size is 64 here and 128 there", server.Errors, StringComparison.Ordinal);
        Assert.Contains("size is 128 here and 64 there", client.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bidirectional_run_prints_the_same_sum_on_both_sides()
    {
        (ToolRun server, ToolRun client) = ToolRun.OfRoles(
            $"send_bw -b -n 30 --embedded {ToolRun.FreeAddress()}", $"send_bw -b -n 30 --embedded {ToolRun.FreeAddress()}");

        Assert.Equal((0, 0), (server.ExitCode, client.ExitCode));
        Assert.Equal(Assert.Single(server.Rows), Assert.Single(client.Rows));
    }

    [Theory]
    [InlineData("--embedded 192.0.2.77", 2)]
    [InlineData("--socket /nowhere/vrdmad.sock", 2)]
    [InlineData("--embedded {0} no.such.host.invalid", 2)]
    [InlineData("--embedded {0} -p 1 127.0.0.1", 1)]
    public void What_cannot_be_reached_is_said_in_one_line(string arguments, int exitCode)
    {
        ToolRun run = ToolRun.Of("write_bw " + string.Format(System.Globalization.CultureInfo.InvariantCulture, arguments, ToolRun.FreeAddress()));

        Assert.Equal(exitCode, run.ExitCode);
        Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("vrdma-perf: ", run.Errors, StringComparison.Ordinal);
    }

    private static void RequireReports(string test, ToolRun server, ToolRun client)
    {
        Assert.Equal((0, ""), (server.ExitCode, server.Errors));
        Assert.Equal((0, ""), (client.ExitCode, client.Errors));
        Assert.Contains("* Waiting for client to connect... *", server.Output, StringComparison.Ordinal);
        Assert.Single(client.Rows);
        if (test.EndsWith("bw", StringComparison.Ordinal))
            Assert.Equal(client.Rows, server.Rows);
        else
            Assert.Equal(test is "write_lat" or "send_lat" ? 1 : 0, server.Rows.Length);
        Assert.Equal(Addresses(client, "local"), Addresses(server, "remote"));
        Assert.Equal(Addresses(client, "remote"), Addresses(server, "local"));
    }

    private static string[] Addresses(ToolRun run, string side) =>
        [.. run.Output.Split('\n').Where(line => line.StartsWith($" {side} address:", StringComparison.Ordinal)).Select(line => line[(side.Length + 2)..])];

    private static string Spelled(IPAddress address) =>
        string.Join(':', address.MapToIPv6().GetAddressBytes().Select(part => part.ToString("00", System.Globalization.CultureInfo.InvariantCulture)));
}
