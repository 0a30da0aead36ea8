using System.Globalization;
using System.Text.Json;
using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Tests;

/// <summary>Both ends in one process over both ways between devices, with every byte and every count verified.</summary>
public sealed class PairTests
{
    public static TheoryData<string, string> TestsAndPairs { get; } = new MatrixTheoryData<string, string>(
        PerfTest.All.Select(test => test.Name), ["udp", "local"]);

    [Theory]
    [MemberData(nameof(TestsAndPairs))]
    public void Every_test_runs_and_reports(string test, string pair)
    {
        using TemporaryFolder folder = new();

        ToolRun run = ToolRun.Of($"{test} --pair {pair} -n 60 --verify --out_json --out_json_file={folder.File("r.json")}");

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        string[] columns = ToolRun.Columns(Assert.Single(run.Rows));
        JsonElement results = folder.Json("r.json").GetProperty("results");
        bool latency = test.EndsWith("lat", StringComparison.Ordinal);
        Assert.Equal(latency ? 9 : 5, columns.Length);
        Assert.Equal(columns, results.EnumerateObject().Select(property => property.Value.GetRawText()));
        Assert.Equal("60", columns[1]);
        Assert.All(columns.Skip(latency ? 2 : 1).Where((_, index) => index != 4 || !latency), column => Assert.True(Number(column) >= 0, column));
        Assert.True(Number(columns[3]) > 0 || test == "atomic_bw", columns[3]);
    }

    [Theory]
    [InlineData("send_bw -c UC", "udp", "UC", "65536")]
    [InlineData("send_bw -c UD", "udp", "UD", "4096")]
    [InlineData("send_bw -c UD -s 100 -q 3 -b", "local", "UD", "100")]
    [InlineData("send_bw -c UC --use-srq", "local", "UC", "65536")]
    [InlineData("send_bw --use-srq -q 3", "udp", "RC", "65536")]
    [InlineData("send_bw --use-srq -b -q 2 -s 64", "local", "RC", "64")]
    [InlineData("send_lat -c UC", "local", "UC", "2")]
    [InlineData("send_lat -c UD", "local", "UD", "2")]
    [InlineData("send_lat --use-srq", "udp", "RC", "2")]
    [InlineData("write_bw -c UC", "udp", "UC", "65536")]
    [InlineData("write_lat -c UC", "local", "UC", "2")]
    public void Each_service_runs_and_reports_itself(string test, string pair, string connection, string size)
    {
        using TemporaryFolder folder = new();

        ToolRun run = ToolRun.Of($"{test} --pair {pair} -n 60 --out_json_file={folder.File("r.json")}");

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        string srq = test.Contains("--use-srq", StringComparison.Ordinal) ? "ON" : "OFF";
        Assert.Contains($" Connection type : {connection}\t\tUsing SRQ      : {srq}", run.Output, StringComparison.Ordinal);
        Assert.Contains($"\"Connection_type\": \"{connection}\"", File.ReadAllText(folder.File("r.json")), StringComparison.Ordinal);
        Assert.Equal(size, ToolRun.Columns(run.Rows[0])[0]);
    }

    [Fact]
    public void A_sweep_of_datagrams_ends_at_the_mtu()
    {
        ToolRun run = ToolRun.Of("send_bw -a -c UD --pair local -n 5");

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Contains(" Max msg size in UD is MTU 4096", run.Output, StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(1, 12).Select(power => 1 << power), Sizes(run));
    }

    [Theory]
    [InlineData("udp")]
    [InlineData("local")]
    public void What_finds_no_receive_is_lost_and_counted(string pair)
    {
        ToolRun run = ToolRun.Of($"send_bw -c UD -s 64 -n 5000 -r 1 --pair {pair}");

        // How many is a matter of speed: every one is either received or told.
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Equal("5000", ToolRun.Columns(run.Rows[0])[1]);
        string[] told = [.. run.Output.Split('\n').Where(line => line.Contains("lost", StringComparison.Ordinal))];
        Assert.All(told, line => Assert.Matches("^ WARNING: [0-9]+ of 5000 messages of 64 bytes were lost \\(UD repeats none\\)$", line));
        Assert.InRange(told.Length, 0, 1);
    }

    private static IEnumerable<int> Sizes(ToolRun run) => run.Rows
        .Where(row => !row.StartsWith(" WARNING", StringComparison.Ordinal))
        .Select(row => int.Parse(ToolRun.Columns(row)[0], CultureInfo.InvariantCulture));

    [Theory]
    [MemberData(nameof(TestsAndPairs))]
    public void Every_test_runs_for_a_time(string test, string pair)
    {
        using TemporaryFolder folder = new();

        ToolRun run = ToolRun.Of($"{test} --pair {pair} -D 0.6 -f 0.05 --verify --out_json_file={folder.File("r.json")}");

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        JsonElement results = folder.Json("r.json").GetProperty("results");
        Assert.True(results.GetProperty("n_iterations").GetInt64() > 0, run.Output);
        if (test.EndsWith("bw", StringComparison.Ordinal))
            Assert.Equal(0, results.GetProperty("BW_peak").GetDouble());
        else
            Assert.True(results.GetProperty("t_min").GetDouble() <= results.GetProperty("t_max").GetDouble());
    }

    [Theory]
    [InlineData("write_bw")]
    [InlineData("send_bw")]
    [InlineData("read_bw")]
    [InlineData("atomic_bw")]
    public void Both_directions_at_once_on_several_queue_pairs(string test)
    {
        ToolRun run = ToolRun.Of($"{test} --pair udp -b -q 3 -n 40 --verify --report-both --mr_per_qp");

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Contains("Bidirectional", run.Output, StringComparison.Ordinal);
        Assert.Equal(3, run.Output.Split('\n').Count(line => line.StartsWith(" #bytes", StringComparison.Ordinal)));
        Assert.Equal(6, run.Output.Split('\n').Count(line => line.Contains(" address: LID", StringComparison.Ordinal)));
        Assert.Equal("120", ToolRun.Columns(run.Rows[^1])[1]);
    }

    [Theory]
    [InlineData("write_bw", "local")]
    [InlineData("send_bw", "udp")]
    [InlineData("read_lat", "local")]
    [InlineData("write_lat", "udp")]
    [InlineData("send_lat", "local")]
    public void All_sizes_run_one_after_the_other(string test, string pair)
    {
        using TemporaryFolder folder = new();

        ToolRun run = ToolRun.Of($"{test} -a --pair {pair} -n 5 --verify --out_json_file={folder.File("r.json")}");

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        int[] sizes = [.. Enumerable.Range(1, 23).Select(power => 1 << power)];
        Assert.Equal(sizes, run.Rows.Select(row => int.Parse(ToolRun.Columns(row)[0], CultureInfo.InvariantCulture)));
        Assert.Equal(sizes, folder.Json("r.json").GetProperty("results").EnumerateArray().Select(result => result.GetProperty("MsgSize").GetInt32()));
    }

    [Theory]
    [InlineData("write_bw -s 64 -n 100 -l 10")]
    [InlineData("write_bw -s 64 -n 100 -l 10 -Q 5")]
    [InlineData("write_bw -s 200 -n 101 -Q 7 -t 13")]
    [InlineData("write_bw -s 1 -n 50 -t 1")]
    [InlineData("write_bw -s 100 -n 50 -I 128 --perform_warm_up")]
    [InlineData("atomic_bw -n 50 --perform_warm_up -o 2")]
    [InlineData("atomic_bw -n 50 -A CMP_AND_SWAP")]
    [InlineData("atomic_lat -n 50 -A CMP_AND_SWAP")]
    [InlineData("send_bw -s 5000 -n 77 -r 4 -t 32")]
    [InlineData("send_lat -n 20 -e")]
    [InlineData("read_bw -s 4000 -n 20 -e")]
    [InlineData("read_lat -n 20 -e")]
    [InlineData("write_lat -n 300 -I 0 -s 700 --latency_gap 20")]
    [InlineData("send_lat -n 20 -m 256 -s 3000")]
    [InlineData("read_bw -n 20 -m 512 -s 100000 -o 1")]
    public void Flags_change_how_and_not_what(string line)
    {
        ToolRun run = ToolRun.Of($"{line} --pair udp --verify");

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Single(run.Rows);
    }

    [Fact]
    public void The_path_mtu_is_the_one_asked_for()
    {
        Assert.Contains(" Mtu             : 256[B]", ToolRun.Of("write_bw --pair local -n 5 -m 256").Output, StringComparison.Ordinal);
        ToolRun run = ToolRun.Of("write_bw --pair local -n 5 -I 64");
        Assert.Contains(" Max inline data : 64[B]", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Samples_are_printed_before_the_table()
    {
        string[] lines = ToolRun.Of("write_lat --pair local -n 30 -U -H").Output.Split('\n');

        int unsorted = Array.IndexOf(lines, "#, usec");
        int sorted = Array.LastIndexOf(lines, "#, usec");
        Assert.StartsWith("29, ", lines[unsorted + 29], StringComparison.Ordinal);
        Assert.Equal(unsorted + 30, sorted);
        Assert.StartsWith("27, ", lines[sorted + 27], StringComparison.Ordinal);
        Assert.Equal(new string('-', 87), lines[sorted + 28]);
        double[] samples = [.. lines[(sorted + 1)..(sorted + 28)].Select(line => Number(line.Split(", ")[1]))];
        Assert.Equal(samples.Order(), samples);
    }

    [Theory]
    [InlineData("read_bw --output=bandwidth")]
    [InlineData("write_bw --output=message_rate")]
    [InlineData("atomic_lat --output=latency")]
    public void One_number_is_all_when_asked_for(string line)
    {
        ToolRun run = ToolRun.Of($"{line} --pair local -n 50");

        Assert.Equal(0, run.ExitCode);
        Assert.True(Number(Assert.Single(run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))) > 0);
    }

    [Fact]
    public void A_missed_limit_fails_the_run_after_its_report()
    {
        ToolRun run = ToolRun.Of("write_bw --pair local -n 20 -w 1000000000");

        Assert.Equal(1, run.ExitCode);
        Assert.Single(run.Rows);
        Assert.Contains("below bw limit", run.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("read_bw --pair local -n 20 -o 128", "-o/--outs 128")]
    [InlineData("write_bw --pair local -n 20000 -q 16384 -t 15000 -s 1", "-q/--qp")]
    public void More_than_the_device_can_is_a_usage_error(string line, string named)
    {
        ToolRun run = ToolRun.Of(line);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(named, run.Errors, StringComparison.Ordinal);
        Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void A_report_that_cannot_be_written_is_found_before_the_run()
    {
        ToolRun run = ToolRun.Of("write_bw --pair local -n 20 --out_json_file=/nowhere/at/all.json");

        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Contains("/nowhere/at/all.json", run.Errors, StringComparison.Ordinal);
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
