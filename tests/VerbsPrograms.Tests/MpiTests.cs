using System.Globalization;
using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>MPI over verbs: a program compiled with Debian's Open MPI, whose ranks are processes with a device each.</summary>
public sealed class MpiTests(PublishedLibrary library)
{
    [Theory]
    [InlineData("rc_verbs,ud_verbs,self", 2)]
    [InlineData("ud_verbs,self", 2)]
    [InlineData("rc_verbs,ud_verbs,self", 4)]
    [InlineData("all", 2)]
    public Task Ranks_exchange_messages_and_reach_each_others_memory(string transports, int ranks) => RunAsync([], transports, ranks, "windows");

    [Theory]
    [InlineData("rc_verbs,ud_verbs,self")]
    [InlineData("ud_verbs,self")]
    public async Task Ranks_with_devices_of_a_daemon_do_too(string transports)
    {
        using TestDaemon daemon = await TestDaemon.StartAsync();
        await RunAsync(["--attach", "--socket", daemon.SocketPath], transports, 2, "windows");
    }

    private async Task RunAsync(string[] options, string transports, int ranks, string what)
    {
        await library.DirectoryAsync();
        string compiler = Optional.Program("mpicc.openmpi", "libopenmpi-dev");
        string launcher = Optional.Program("mpirun.openmpi", "openmpi-bin");
        await ProgramRun.RequireDeviceFilesOrSkipAsync();
        using CompiledProgram program = await CompiledProgram.MakeAsync(compiler, "mpi_ring", []);
        string[] arguments =
        [
            "-n", ranks.ToString(CultureInfo.InvariantCulture), "--allow-run-as-root", "--oversubscribe", "--mca", "pml", "ucx", "--mca", "osc", "ucx",
            "-x", $"UCX_TLS={transports}", "-x", "UCX_NET_DEVICES=vrdma0:1", program.Path, what,
        ];
        ProgramResult result = await ProgramRun.RunWithDeviceAsync(options, launcher, arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains($"right with {ranks} ranks", result.Output, StringComparison.Ordinal);
    }
}
