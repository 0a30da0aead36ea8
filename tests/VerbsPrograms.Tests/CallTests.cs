using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>Calls that Debian's programs do not make, by C programs that are compiled with the real headers: see <c>Programs</c>.</summary>
public sealed class CallTests(PublishedLibrary library)
{
    [Theory]
    [InlineData("inline")]
    [InlineData("thread")]
    [InlineData("attached")]
    public Task Every_call_answers_as_its_man_page_says(string mode) => RunAsync("verbs_calls", "/usr/include/infiniband/verbs.h", "libibverbs-dev", mode);

    [Theory]
    [InlineData("inline")]
    [InlineData("thread")]
    [InlineData("attached")]
    public Task Every_call_of_rsockets_answers_as_its_man_page_says(string mode) =>
        RunAsync("rsocket_calls", "/usr/include/rdma/rsocket.h", "librdmacm-dev", mode);

    [Theory]
    [InlineData("inline")]
    [InlineData("attached")]
    public Task What_the_connection_manager_lacks_is_told_by_errno(string mode) =>
        RunAsync("rdmacm_calls", "/usr/include/rdma/rdma_cma.h", "librdmacm-dev", mode);

    [Theory]
    [InlineData("inline")]
    [InlineData("thread")]
    [InlineData("attached")]
    public Task A_disconnect_overtakes_no_completion(string mode) =>
        RunAsync("disconnects", "/usr/include/rdma/rdma_cma.h", "librdmacm-dev", mode);

    [Theory]
    [InlineData("inline", "free")]
    [InlineData("inline", "fixed")]
    [InlineData("attached", "free")]
    public async Task A_child_of_a_fork_has_a_device_of_its_own_beside_its_parents(string mode, string address)
    {
        await library.DirectoryAsync();
        using TestDaemon? daemon = mode == "attached" ? await TestDaemon.StartAsync() : null;
        string[] options = daemon is not null ? ["--attach", "--socket", daemon.SocketPath]
            : address == "free" ? []
            : ["--address", $"127.72.{Random.Shared.Next(1, 255)}.{Random.Shared.Next(1, 255)}"];
        using CompiledProgram program = await CompiledProgram.MakeAsync("fork_child", "/usr/include/infiniband/verbs.h", "libibverbs-dev", ["-libverbs"]);
        for (int i = 0; i < 5; i++)
        {
            ProgramResult result = await ProgramRun.RunWithDeviceAsync(options, program.Path, address);
            Assert.True(result.ExitCode == 0, result.ToString());
        }
    }

    private async Task RunAsync(string name, string header, string package, string mode)
    {
        await library.DirectoryAsync();
        using TestDaemon? daemon = mode == "attached" ? await TestDaemon.StartAsync() : null;
        string[] options = daemon is null
            ? ["--drive", mode, "--address", $"127.72.{Random.Shared.Next(1, 255)}.{Random.Shared.Next(1, 255)}"]
            : ["--attach", "--socket", daemon.SocketPath, "--address", "127.66.0.1"];
        using CompiledProgram program = await CompiledProgram.MakeAsync(
            name, header, package, name == "verbs_calls" ? ["-libverbs", "-lpthread"] : ["-lrdmacm", "-libverbs", "-lpthread"]);
        ProgramResult result = await ProgramRun.RunWithDeviceAsync(options, program.Path);
        Assert.True(result.ExitCode == 0, result.ToString());
    }
}
