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

    private async Task RunAsync(string name, string header, string package, string mode)
    {
        await library.DirectoryAsync();
        using TestDaemon? daemon = mode == "attached" ? await TestDaemon.StartAsync() : null;
        string[] options = daemon is null
            ? ["--drive", mode, "--address", $"127.72.{Random.Shared.Next(1, 255)}.{Random.Shared.Next(1, 255)}"]
            : ["--attach", "--socket", daemon.SocketPath, "--address", "127.66.0.1"];
        string compiler = Optional.FindProgram("gcc") ?? Optional.Program("clang", "clang");
        Assert.SkipUnless(File.Exists(header), $"the headers are not installed (Debian's package {package})");
        string directory = Directory.CreateTempSubdirectory("vrdma-calls-").FullName;
        try
        {
            string program = Path.Join(directory, name);
            string source = Path.Join(AppContext.BaseDirectory, "Programs", $"{name}.c");
            string[] libraries = name == "verbs_calls" ? ["-libverbs", "-lpthread"] : ["-lrdmacm", "-libverbs", "-lpthread"];
            ProgramResult compiled = await ProgramRun.RunAsync(compiler, ["-Wall", "-Werror", "-O1", "-o", program, source, .. libraries]);
            Assert.True(compiled.ExitCode == 0, compiled.ToString());
            ProgramResult result = await ProgramRun.RunWithDeviceAsync(options, program);
            Assert.True(result.ExitCode == 0, result.ToString());
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
