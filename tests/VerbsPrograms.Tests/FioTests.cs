using System.Globalization;
using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>fio's engine <c>rdma</c>: storage traffic by WRITE and READ between two jobs that the connection manager connects.</summary>
public sealed class FioTests(PublishedLibrary library)
{
    [Theory]
    [InlineData("write")]
    [InlineData("read")]
    public Task A_job_writes_to_a_job(string verb) => RunAsync(null, verb);

    [Theory]
    [InlineData("write")]
    [InlineData("read")]
    public async Task Jobs_run_on_devices_of_a_daemon(string verb)
    {
        using TestDaemon daemon = await TestDaemon.StartAsync();
        await RunAsync(daemon.SocketPath, verb);
    }

    // Its SENDs ask for no retries when the receiver is not ready, so they fail when that one is slow, on any device.
    private async Task RunAsync(string? socketPath, string verb)
    {
        string directory = await library.DirectoryAsync();
        string program = Optional.Program("fio", "fio");
        string[] job = [program, "--ioengine=rdma", $"--port={ProgramRun.FreePort().ToString(CultureInfo.InvariantCulture)}", "--bs=64k", "--size=16m"];
        (ProgramResult server, ProgramResult client) = await ProgramRun.RunConnectedPairAsync(
            directory,
            socketPath,
            [.. job, "--name=receiver", "--rw=read", $"--verb={verb}", "--iodepth=16"],
            [.. job, "--name=sender", "--rw=write", $"--verb={verb}", "--iodepth=16", "--hostname={0}"]);
        Assert.Contains("err= 0", server.Output, StringComparison.Ordinal);
        Assert.Matches(@"WRITE: .*io=16\.0MiB", client.Output);
    }
}
