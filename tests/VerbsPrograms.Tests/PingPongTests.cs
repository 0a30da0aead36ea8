using System.Globalization;
using System.Text.RegularExpressions;
using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>Debian's ping-pongs between two processes, each with a device of its own; they check every byte that they receive.</summary>
public sealed partial class PingPongTests(PublishedLibrary library)
{
    [Theory]
    [InlineData("ibv_rc_pingpong", "")]
    [InlineData("ibv_rc_pingpong", "-e")]
    [InlineData("ibv_rc_pingpong", "-s 1048576 -n 20")]
    [InlineData("ibv_rc_pingpong", "-m 1024 -r 100")]
    [InlineData("ibv_rc_pingpong", "-N")]
    [InlineData("ibv_uc_pingpong", "")]
    [InlineData("ibv_uc_pingpong", "-e")]
    [InlineData("ibv_ud_pingpong", "")]
    [InlineData("ibv_ud_pingpong", "-e")]
    [InlineData("ibv_srq_pingpong", "")]
    [InlineData("ibv_srq_pingpong", "-e")]
    [InlineData("ibv_srq_pingpong", "-q 32 -n 2000")]
    public async Task Messages_go_to_and_fro(string program, string options)
    {
        await RunAsync(program, options, null);
    }

    [Theory]
    [InlineData("ibv_rc_pingpong", "-n 100")]
    [InlineData("ibv_rc_pingpong", "-e")]
    [InlineData("ibv_uc_pingpong", "-e")]
    [InlineData("ibv_ud_pingpong", "-e")]
    [InlineData("ibv_srq_pingpong", "-e")]
    public async Task Messages_go_to_and_fro_between_devices_of_a_daemon(string program, string options)
    {
        using TestDaemon daemon = await TestDaemon.StartAsync();
        await RunAsync(program, options, daemon.SocketPath);
    }

    [Fact]
    public async Task The_command_runs_both_ends()
    {
        await library.DirectoryAsync();
        string path = Optional.Program("ibv_rc_pingpong", "ibverbs-utils");
        string script = $"{path} -g 0 -p 18517 > /dev/null & sleep 1; {path} -g 0 -p 18517 127.0.0.1 && wait";
        ProgramResult result = await ProgramRun.RunWithDeviceAsync([], "sh", "-c", script);
        Assert.True(result.ExitCode == 0 && Figures().IsMatch(result.Output), result.ToString());
    }

    private async Task RunAsync(string program, string options, string? socketPath)
    {
        string directory = await library.DirectoryAsync();
        string path = Optional.Program(program, "ibverbs-utils");
        string[] arguments = ["-g", "0", "-c", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        (ProgramResult server, ProgramResult client) = await ProgramRun.RunPairAsync(directory, socketPath, path, arguments);
        foreach (ProgramResult result in (ProgramResult[])[server, client])
        {
            Match figures = Figures().Match(result.Output);
            Assert.True(figures.Success, result.ToString());
            Assert.True(double.Parse(figures.Groups["seconds"].Value, CultureInfo.InvariantCulture) >= 0, result.ToString());
            Assert.DoesNotContain("invalid data", result.Output, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@"(?<iterations>[0-9]+) iters in (?<seconds>[0-9.]+) seconds")]
    private static partial Regex Figures();
}
