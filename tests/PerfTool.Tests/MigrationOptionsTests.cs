using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Tests;

public sealed class MigrationOptionsTests
{
    [Theory]
    [InlineData("1s", 1000)]
    [InlineData("500ms", 500)]
    [InlineData("2", 2000)]
    [InlineData("0.25", 250)]
    [InlineData("1.5s", 1500)]
    public void A_period_is_a_time_with_or_without_a_unit(string text, double milliseconds)
    {
        PerfOptions options = Parse($"write_bw --migrate-every {text}");

        Assert.Equal(milliseconds, options.Migration!.Period.TotalMilliseconds);
        Assert.Equal(10, options.DurationSeconds);
        Assert.Empty(options.Migration.Targets);
    }

    [Fact]
    public void Daemons_are_hosts_and_ports_in_turn()
    {
        MigrationPlan plan = Parse("read_lat -D 5 --migrate-every 1s --migrate-to a.example:1,[::1]:2,127.0.0.1:65535 --migrate-insecure --migrate-memory copy server").Migration!;

        Assert.Equal([new("a.example", 1), new("::1", 2), new("127.0.0.1", 65535)], plan.Targets);
        Assert.True(plan.IsInsecure);
        Assert.Equal(MigrationMemory.Copy, plan.Memory);
    }

    [Fact]
    public void Without_the_flag_nothing_moves() => Assert.Null(Parse("write_bw").Migration);

    [Theory]
    [InlineData("--migrate-every", "--migrate-every")]
    [InlineData("--migrate-every 0", "between 10ms and 86400s")]
    [InlineData("--migrate-every 9ms", "between 10ms and 86400s")]
    [InlineData("--migrate-every soon", "'soon' is not a time")]
    [InlineData("--migrate-every -1s", "'-1s'")]
    [InlineData("--migrate-every 1s -a", "-a/--all")]
    [InlineData("--migrate-every 1s -n 1000", "-D/--duration instead of -n/--iters")]
    [InlineData("--migrate-every 1s --pair udp", "--pair")]
    [InlineData("--migrate-every 1s --embedded 127.0.0.9", "--embedded")]
    [InlineData("--migrate-every 5s -D 5", "nothing would move")]
    [InlineData("--migrate-every 1s --socket /run/x.sock", "name the server's host")]
    [InlineData("--migrate-every 1s -d vrdma0", "name the server's host")]
    [InlineData("--migrate-every 1s --migrate-to a:1,b:2", "name the server's host")]
    [InlineData("--migrate-every 1s --migrate-insecure", "--migrate-to")]
    [InlineData("--migrate-every 1s server", "needs --migrate-to")]
    [InlineData("--migrate-every 1s --migrate-to a:1 server", "two at least")]
    [InlineData("--migrate-every 1s --migrate-to a:1,b server", "'b' is not a host and a port")]
    [InlineData("--migrate-every 1s --migrate-to a:1,:2 server", "':2' is not a host and a port")]
    [InlineData("--migrate-every 1s --migrate-to a:1,b:70000 server", "'b:70000'")]
    [InlineData("--migrate-to a:1,b:2 server", "--migrate-to needs --migrate-every")]
    [InlineData("--migrate-insecure", "--migrate-insecure needs --migrate-every")]
    [InlineData("--migrate-memory share", "--migrate-memory needs --migrate-every")]
    [InlineData("--migrate-every 1s --migrate-memory steal", "--migrate-memory 'steal'")]
    [InlineData("--json --output=bandwidth", "--json and --output")]
    public void What_makes_no_sense_is_refused_in_one_line(string arguments, string reason)
    {
        ToolRun run = ToolRun.Of("write_bw " + arguments);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(reason, run.Errors, StringComparison.Ordinal);
        Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Events_are_refused() => Assert.Contains("-e/--events", ToolRun.Of("send_bw -e --migrate-every 1s").Errors, StringComparison.Ordinal);

    private static PerfOptions Parse(string line) => CommandLine.Parse(line.Split(' '), TextWriter.Null).Options!;
}
