using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using RoceEngine.Launching;

namespace RoceEngine.PerfTool.Tests;

/// <summary>Runs whose client's device moves, as processes; nothing of them may be left.</summary>
public sealed partial class MigrationTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Alone_it_starts_everything_and_prints_the_moves_below_the_test()
    {
        using Process tool = Start("write_bw --migrate-every 1s -D 5 -s 4096 -t 16 -u 18");
        string output = await tool.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        string errors = await tool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await tool.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(tool.ExitCode == 0, output + errors);
        Assert.Contains(" #bytes     #iterations", output, StringComparison.Ordinal);
        Match moves = MovesPattern().Match(output);
        Assert.True(moves.Success && int.Parse(moves.Groups[1].Value, CultureInfo.InvariantCulture) >= 1, output);
        foreach (string row in (string[])["blackout[msec]", "longest gap at a move[msec]", "longest gap in as long without[msec]", "switch[msec]", "BW average without moves[MiB/sec]"])
            Assert.Contains(row, output, StringComparison.Ordinal);
        await AssertNothingLeftAsync();
    }

    [Theory]
    [InlineData("send_lat -s 64 -u 18", "tps_without_moves")]
    [InlineData("atomic_bw -t 16 -u 18", "BW_average_without_moves")]
    public async Task Json_has_what_the_table_has(string test, string rate)
    {
        using Process tool = Start($"{test} --migrate-every 700ms -D 4 --migrate-memory share --verify --json");
        string output = await tool.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        string errors = await tool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await tool.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(tool.ExitCode == 0, output + errors);
        JsonElement migration = JsonDocument.Parse(output).RootElement.GetProperty("migration");
        int moves = migration.GetProperty("moves").GetInt32();
        Assert.True(moves >= 1, output);
        Assert.Equal(moves, migration.GetProperty("each").GetArrayLength());
        Assert.All(migration.GetProperty("each").EnumerateArray(), move => Assert.Equal("share", move.GetProperty("memory").GetString()));
        Assert.True(migration.GetProperty("blackout_ms").GetProperty("max").GetDouble() >= migration.GetProperty("blackout_ms").GetProperty("median").GetDouble());
        Assert.True(migration.GetProperty("gap_ms").GetProperty("median").GetDouble() > 0, output);
        Assert.True(migration.GetProperty("steady_gap_ms").GetProperty("median").GetDouble() >= 0, output);
        Assert.True(migration.GetProperty("phases_median_ms").GetProperty("freeze").GetDouble() > 0, output);
        Assert.True(migration.GetProperty(rate).GetDouble() >= 0, output);
        await AssertNothingLeftAsync();
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    [InlineData("KILL", 137)]
    public async Task A_signal_ends_it_and_all_that_it_started(string signal, int exitCode)
    {
        using Process tool = Start("write_bw --migrate-every 200ms -D 60 -t 16 -u 18");
        while (await tool.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line && !line.StartsWith(" #bytes", StringComparison.Ordinal))
        {
        }

        await Task.Delay(1000, TestContext.Current.CancellationToken);
        using (Process shell = Process.Start("/bin/sh", ["-c", $"kill -{signal} {tool.Id.ToString(CultureInfo.InvariantCulture)}"]))
            await shell.WaitForExitAsync(TestContext.Current.CancellationToken);
        string errors = await tool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        await tool.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(exitCode, tool.ExitCode);
        Assert.Equal(signal == "KILL" ? "" : "vrdma-perf: interrupted; everything that was started has ended\n", errors);
        await AssertNothingLeftAsync();
    }

    [Fact]
    public async Task Between_daemons_that_are_there_the_client_moves_its_device_and_fails_with_its_moves()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        await using PrivateDaemons daemons = PrivateDaemons.Create(Migrating.PrivateRun.Program, "a", "b");
        System.Net.IPAddress moving = ToolRun.FreeAddress();
        System.Net.IPAddress staying = ToolRun.FreeAddress();
        DaemonProcess a = await daemons.StartAsync("a", moving, cancellation);
        DaemonProcess b = await daemons.StartAsync("b", staying, cancellation);
        string client = $"write_bw -D 4 -t 16 -u 18 --migrate-every 1s --socket {a.SocketPath} --address {moving}";
        string server = $"write_bw -D 4 -t 16 -u 18 --socket {b.SocketPath} --address {staying}";

        (ToolRun serverRun, ToolRun clientRun) = ToolRun.OfRoles(server, $"{client} --migrate-to {b.MigrationEndPoint},{a.MigrationEndPoint}");
        Assert.Equal((0, ""), (serverRun.ExitCode, serverRun.Errors));
        Assert.Equal((0, ""), (clientRun.ExitCode, clientRun.Errors));
        Assert.Matches(MovesPattern(), clientRun.Output);

        // A free port now is refused by nobody in particular; the run ends with its result, and says so.
        (serverRun, clientRun) = ToolRun.OfRoles(server, $"{client} --migrate-to 127.0.0.1:1,{a.MigrationEndPoint}");
        Assert.Equal(0, serverRun.ExitCode);
        Assert.Equal(1, clientRun.ExitCode);
        Assert.Contains("moves failed: ", clientRun.Errors, StringComparison.Ordinal);
        Assert.Contains(" FAILED ", clientRun.Output, StringComparison.Ordinal);
        Assert.NotEmpty(clientRun.Rows);
    }

    private Process Start(string line)
    {
        ProgramPath program = ProgramPath.Find(Migrating.PrivateRun.Program);
        ProcessStartInfo start = new(program.FileName) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in program.Arguments.Concat(line.Split(' ')))
            start.ArgumentList.Add(argument);
        start.Environment["TMPDIR"] = _folder.Path;
        return Process.Start(start)!;
    }

    /// <summary>Every process that was started has the workspace's path among its arguments, or is the tool.</summary>
    private async Task AssertNothingLeftAsync()
    {
        long begin = Stopwatch.GetTimestamp();
        while (Directory.GetDirectories(_folder.Path).Length > 0 || HasProcesses())
        {
            Assert.True(Stopwatch.GetElapsedTime(begin) < TimeSpan.FromSeconds(15), $"something is left in {_folder.Path}");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    private bool HasProcesses() => Directory.GetDirectories("/proc").Any(directory =>
    {
        try
        {
            return int.TryParse(Path.GetFileName(directory), out _) && File.ReadAllText(Path.Combine(directory, "cmdline")).Contains(_folder.Path, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });

    [GeneratedRegex(@"Moves of the client's device: (\d+) done, 0 failed")]
    private static partial Regex MovesPattern();
}
