using System.Globalization;
using System.Text.RegularExpressions;
using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>UCX over verbs: Debian's <c>ucx_info</c> and <c>ucx_perftest</c>, with its services over RC and over UD.</summary>
public sealed partial class UcxTests(PublishedLibrary library)
{
    private const string Package = "ucx-utils";

    [Fact]
    public async Task Both_transports_are_offered_on_the_device()
    {
        string program = await PrepareAsync("ucx_info");
        ProgramResult result = await ProgramRun.RunWithDeviceAsync([], program, "-d");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Matches(@"Transport: rc_verbs\s+#\s+Device: vrdma0:1", result.Output);
        Assert.Matches(@"Transport: ud_verbs\s+#\s+Device: vrdma0:1", result.Output);
    }

    [Theory]
    [InlineData("rc_v", "tag_lat -n 500")]
    [InlineData("rc_v", "tag_bw -n 300 -s 65536")]
    [InlineData("rc_v", "ucp_put_lat -n 500")]
    [InlineData("rc_v", "ucp_put_bw -n 300 -s 65536")]
    [InlineData("rc_v", "ucp_get -n 300 -s 4096")]
    [InlineData("rc_v", "ucp_fadd -n 300 -s 8")]
    [InlineData("rc_v", "ucp_am_lat -n 500")]
    [InlineData("rc_v", "stream_bw -n 200 -s 100000")]
    [InlineData("ud_verbs", "tag_lat -n 500")]
    [InlineData("ud_verbs", "tag_bw -n 300 -s 65536")]
    [InlineData("ud_verbs", "ucp_put_bw -n 300 -s 65536")]
    [InlineData("ud_verbs", "ucp_am_bw -n 500 -s 4096")]
    public Task Services_work(string transport, string test) => RunAsync([], transport, test);

    [Theory]
    [InlineData("rc_v", "tag_lat -n 500")]
    [InlineData("rc_v", "ucp_put_bw -n 300 -s 65536")]
    [InlineData("rc_v", "ucp_cswap -n 300 -s 8")]
    [InlineData("ud_verbs", "tag_bw -n 300 -s 65536")]
    public async Task Services_work_between_devices_of_a_daemon(string transport, string test)
    {
        using TestDaemon daemon = await TestDaemon.StartAsync();
        await RunAsync(["--attach", "--socket", daemon.SocketPath], transport, test);
    }

    private async Task RunAsync(string[] options, string transport, string test)
    {
        string program = await PrepareAsync("ucx_perftest");
        Dictionary<string, string> environment = new() { ["UCX_TLS"] = transport, ["UCX_NET_DEVICES"] = "vrdma0:1" };
        ProgramResult client = await ProgramRun.RunPairWithDevicesAsync(options, environment, program, ["-t", .. test.Split(' ')]);
        Match row = Rows().Match(client.Output);
        Assert.True(row.Success && double.Parse(row.Groups[1].Value, CultureInfo.InvariantCulture) > 0, client.ToString());
    }

    private async Task<string> PrepareAsync(string name)
    {
        await library.DirectoryAsync();
        string program = Optional.Program(name, Package);
        await ProgramRun.RequireDeviceFilesOrSkipAsync();
        return program;
    }

    /// <summary>The last row, whose third and fourth figures are the average and the overall time in µs.</summary>
    [GeneratedRegex(@"^Final: +[0-9]+ +[0-9.]+ +[0-9.]+ +([0-9.]+)", RegexOptions.Multiline)]
    private static partial Regex Rows();
}
