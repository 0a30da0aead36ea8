using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>Calls that Debian's programs do not make, by a C program that is compiled with the real headers: see <c>Programs/verbs_calls.c</c>.</summary>
public sealed class CallTests(PublishedLibrary library)
{
    [Theory]
    [InlineData("inline")]
    [InlineData("thread")]
    [InlineData("attached")]
    public async Task Every_call_answers_as_its_man_page_says(string mode)
    {
        await library.DirectoryAsync();
        using TestDaemon? daemon = mode == "attached" ? await TestDaemon.StartAsync() : null;
        string[] options = daemon is null ? ["--drive", mode] : ["--attach", "--socket", daemon.SocketPath];
        string compiler = Optional.FindProgram("gcc") ?? Optional.Program("clang", "clang");
        Assert.SkipUnless(File.Exists("/usr/include/infiniband/verbs.h"), "the headers are not installed (Debian's package libibverbs-dev)");
        string directory = Directory.CreateTempSubdirectory("vrdma-calls-").FullName;
        try
        {
            string program = Path.Join(directory, "verbs_calls");
            string source = Path.Join(AppContext.BaseDirectory, "Programs", "verbs_calls.c");
            ProgramResult compiled = await ProgramRun.RunAsync(compiler, ["-Wall", "-Werror", "-O1", "-o", program, source, "-libverbs", "-lpthread"]);
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
