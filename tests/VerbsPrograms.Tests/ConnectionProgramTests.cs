using System.Globalization;
using System.Text.RegularExpressions;
using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>
/// Debian's rdmacm-utils, and perftest with connections made by <c>rdma_cm</c>, between two processes, each with a device of its own: in the process, or of a daemon.
/// </summary>
public sealed partial class ConnectionProgramTests(PublishedLibrary library)
{
    private const string Package = "rdmacm-utils";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rping_reads_and_writes_what_it_sent(bool attached)
    {
        (ProgramResult server, ProgramResult client) = await RunAsync(attached, ["rping", "-s", "-v", "-C", "10"], ["rping", "-c", "-a", "{0}", "-v", "-C", "10"]);
        Assert.Equal(10, Count(server, "server ping data: rdma-ping-"));
        Assert.Equal(10, Count(client, "ping data: rdma-ping-"));
    }

    [Theory]
    [InlineData(false, "")]
    [InlineData(true, "")]
    [InlineData(false, "-c 20 -C 10 -S 4000")]
    [InlineData(true, "-c 20 -C 10 -S 4000")]
    [InlineData(false, "-m -c 3")]
    public async Task Ucmatose_makes_connections_and_ends_them(bool attached, string options)
    {
        string[] arguments = options.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        (ProgramResult server, ProgramResult client) = await RunAsync(attached, ["ucmatose", .. arguments], ["ucmatose", "-s", "{0}", .. arguments]);
        Assert.Contains("return status 0", server.Output, StringComparison.Ordinal);
        Assert.Contains("return status 0", client.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cmtime_times_the_steps_of_connections(bool attached)
    {
        string[] command = ["cmtime", "-p", ProgramRun.FreePort().ToString(CultureInfo.InvariantCulture), "-c", "50"];
        (_, ProgramResult client) = await RunAsync(attached, command, [.. command, "-s", "{0}"], serverLasts: true);
        foreach (string step in (string[])["create id", "resolve addr", "resolve route", "create qp", "connect", "disconnect", "destroy"])
            Assert.Matches($@"(?m)^{step} *: +\d+\.\d+ ", client.Output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Udaddy_finds_the_QP_of_datagrams(bool attached)
    {
        (ProgramResult server, ProgramResult client) = await RunAsync(attached, ["udaddy", "-c", "3"], ["udaddy", "-s", "{0}", "-c", "3"]);
        Assert.Contains("return status 0", server.Output, StringComparison.Ordinal);
        Assert.Contains("return status 0", client.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Mckey_sends_to_a_group(bool attached)
    {
        (ProgramResult server, ProgramResult client) = await RunAsync(
            attached, ["mckey", "-m", "239.71.0.1", "-C", "5"], ["mckey", "-m", "239.71.0.1", "-s", "-C", "5"]);
        Assert.Contains("::ffff:239.71.0.1", server.Output, StringComparison.Ordinal);
        Assert.Contains("data transfers complete", client.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "rdma_server", "rdma_client")]
    [InlineData(true, "rdma_server", "rdma_client")]
    [InlineData(false, "rdma_xserver", "rdma_xclient")] // Asks for no inline bytes, and sends some.
    [InlineData(true, "rdma_xserver", "rdma_xclient")]
    public async Task Endpoints_of_address_infos_work(bool attached, string serverProgram, string clientProgram)
    {
        (ProgramResult server, ProgramResult client) = await RunAsync(attached, [serverProgram], [clientProgram, "-s", "{0}"]);
        Assert.Contains($"{serverProgram}: end 0", server.Output, StringComparison.Ordinal);
        Assert.Contains($"{clientProgram}: end 0", client.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "ib_send_bw", "-n 500")]
    [InlineData(false, "ib_send_bw", "-q 4 -n 200")]
    [InlineData(false, "ib_write_bw", "-n 500")]
    [InlineData(false, "ib_read_bw", "-n 500")]
    [InlineData(false, "ib_send_lat", "-n 200")]
    [InlineData(false, "ib_atomic_lat", "-n 200")] // Its server ends without a word, and its client waits to be told.
    [InlineData(true, "ib_atomic_lat", "-n 200")]
    [InlineData(false, "ib_send_bw", "-c UD -s 1024 -n 200")]
    [InlineData(true, "ib_write_bw", "-n 500")]
    [InlineData(true, "ib_send_lat", "-n 200")]
    public async Task Perftest_connects_by_rdma_cm(bool attached, string program, string options)
    {
        _ = Optional.Program(program, "perftest");
        string[] arguments = ["-F", "-R", .. options.Split(' ')];
        ProgramResult client = await Perftest.WithFiguresAsync(
            async () => (await RunAsync(attached, [program, .. arguments], [program, .. arguments, "{0}"])).Client);
        Assert.Contains("rdma_cm QPs", client.Output, StringComparison.Ordinal);
        string last = client.Output.Split('\n').Last(line => Figures().IsMatch(line));
        Assert.True(double.Parse(last.Split(' ', '\t').Where(word => word.Length != 0).ElementAt(3), CultureInfo.InvariantCulture) > 0, client.ToString());
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_refused()
    {
        string directory = await library.DirectoryAsync();
        string rping = Optional.Program("rping", Package);
        (_, ProgramResult client) = await ProgramRun.RunConnectedPairAsync(
            directory, null, [rping, "-s", "-C", "1"], ["sh", "-c", $"{rping} -c -a {{0}} -p 9 -C 1 2>&1; {rping} -c -a {{0}} -C 1"]);
        Assert.Contains("RDMA_CM_EVENT_REJECTED, error 8", client.Output, StringComparison.Ordinal);
    }

    private async Task<(ProgramResult Server, ProgramResult Client)> RunAsync(
        bool attached, string[] server, string[] client, bool serverLasts = false)
    {
        string directory = await library.DirectoryAsync();
        server[0] = Optional.Program(server[0], Package);
        client[0] = Optional.Program(client[0], Package);
        using TestDaemon? daemon = attached ? await TestDaemon.StartAsync() : null;
        return await ProgramRun.RunConnectedPairAsync(directory, daemon?.SocketPath, server, client, serverLasts: serverLasts);
    }

    private static int Count(ProgramResult result, string beginning) =>
        result.Output.Split('\n').Count(line => line.StartsWith(beginning, StringComparison.Ordinal));

    [GeneratedRegex(@"^ *\d+\s+\d+\s+\d+\.\d+\s")]
    private static partial Regex Figures();
}
