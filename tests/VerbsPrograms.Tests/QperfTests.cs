using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>
/// Debian's <c>qperf</c>, with the connection manager (<c>-cm 1</c>): its other way to connect knows LIDs alone, which no RoCE device has, so its tests of UC
/// and UD run on InfiniBand only.
/// </summary>
public sealed class QperfTests(PublishedLibrary library)
{
    [Fact]
    public Task Its_tests_of_RC_run() => RunAsync(null, "rc_lat", "rc_bi_bw", "rc_rdma_write_poll_lat", "rc_fetch_add_mr");

    [Fact]
    public async Task They_run_between_devices_of_a_daemon()
    {
        using TestDaemon daemon = await TestDaemon.StartAsync();
        await RunAsync(daemon.SocketPath, "rc_rdma_read_bw", "rc_compare_swap_mr");
    }

    private async Task RunAsync(string? socketPath, params string[] tests)
    {
        string directory = await library.DirectoryAsync();
        string program = Optional.Program("qperf", "qperf");
        string port = ProgramRun.FreePort().ToString(System.Globalization.CultureInfo.InvariantCulture);
        (_, ProgramResult client) = await ProgramRun.RunConnectedPairAsync(
            directory, socketPath, [program, "-lp", port], [program, "-lp", port, "-cm", "1", "-t", "1", "{0}", .. tests, "quit"]);
        foreach (string test in tests)
            Assert.Matches($@"{test}:\s+(latency|bw|msg_rate)\s+=\s+[0-9.]+ ", client.Output);
    }
}
