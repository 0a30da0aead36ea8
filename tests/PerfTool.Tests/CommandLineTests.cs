using System.Net;
using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Tests;

public sealed class CommandLineTests
{
    public static TheoryData<string> TestNames { get; } = [.. PerfTest.All.Select(test => test.Name)];

    [Theory]
    [InlineData("send_bw", 65536, 1000, 128, 512)]
    [InlineData("send_lat", 2, 1000, 1, 512)]
    [InlineData("write_bw", 65536, 5000, 128, 1)]
    [InlineData("write_lat", 2, 1000, 1, 1)]
    [InlineData("read_bw", 65536, 1000, 128, 1)]
    [InlineData("read_lat", 2, 1000, 1, 1)]
    [InlineData("atomic_bw", 8, 1000, 128, 1)]
    [InlineData("atomic_lat", 8, 1000, 1, 1)]
    public void Defaults_are_perftests(string test, int size, int iterations, int sendDepth, int receiveDepth)
    {
        PerfOptions options = Parse(test);

        Assert.Equal(test, options.Test.Name);
        Assert.Equal(size, options.SizeBytes);
        Assert.Equal(iterations, options.Iterations);
        Assert.Equal(sendDepth, options.SendDepth);
        Assert.Equal(receiveDepth, options.ReceiveDepth);
        Assert.Equal(18515, options.Port);
        Assert.Equal(1, options.QueuePairs);
        Assert.Equal(14, options.Timeout);
        Assert.Equal(7, options.RetryCount);
        Assert.False(options.IsClient);
        Assert.False(options.IsDuration);
        Assert.Null(options.JsonFile);
        Assert.Equal(PairMode.None, options.Pair);
    }

    [Theory]
    [InlineData("-s 4096")]
    [InlineData("-s4096")]
    [InlineData("--size=4096")]
    [InlineData("--size 4096")]
    [InlineData("-s 4K")]
    [InlineData("-s 0x1000")]
    [InlineData("-Fs4096")]
    public void A_size_may_be_spelled_as_getopt_allows(string size) =>
        Assert.Equal(4096, Parse($"write_bw {size}").SizeBytes);

    [Fact]
    public void Every_flag_reaches_its_option()
    {
        PerfOptions options = Parse(
            "read_bw -s 1M -n 600 -t 64 -q 3 -Q 4 -b -m 1024 -p 4000 -N -d vrdma7 -x 0 -u 12 -o 3 -S 5 -T 32 --report_gbits --report-both "
            + "-w 1.5 -y 0.25 --mr_per_qp --perform_warm_up --out_json --retry_count 5 --verify --socket /run/x.sock --address 127.0.0.9 server");

        Assert.Equal(1 << 20, options.SizeBytes);
        Assert.Equal(600, options.Iterations);
        Assert.Equal(64, options.SendDepth);
        Assert.Equal(3, options.QueuePairs);
        Assert.Equal(4, options.CompletionModeration);
        Assert.True(options.Bidirectional);
        Assert.Equal(1024, options.MtuBytes);
        Assert.Equal(4000, options.Port);
        Assert.True(options.NoPeak);
        Assert.Equal("vrdma7", options.Device);
        Assert.Equal(12, options.Timeout);
        Assert.Equal(5, options.RetryCount);
        Assert.Equal(3, options.OutstandingReads);
        Assert.Equal(5, options.ServiceLevel);
        Assert.Equal(32, options.TrafficClass);
        Assert.True(options.Gigabits);
        Assert.True(options.ReportBoth);
        Assert.Equal(1.5, options.MinimumBandwidth);
        Assert.Equal(0.25, options.MinimumMessageRate);
        Assert.True(options.RegionPerQueuePair);
        Assert.True(options.WarmUp);
        Assert.True(options.Verify);
        Assert.Equal("perftest_out.json", options.JsonFile);
        Assert.Equal("/run/x.sock", options.SocketPath);
        Assert.Equal(IPAddress.Parse("127.0.0.9"), options.Address);
        Assert.Equal("server", options.ServerHost);
    }

    [Fact]
    public void Latency_flags_reach_their_options()
    {
        PerfOptions options = Parse("send_lat -H -U -C -I 64 -e --latency_gap 5 --output=latency -r 100 --embedded ::1 --out_json_file=f.json h");

        Assert.True(options.ReportSorted);
        Assert.True(options.ReportUnsorted);
        Assert.True(options.ReportCycles);
        Assert.True(options.UseEvents);
        Assert.Equal(64, options.InlineBytes);
        Assert.Equal(5, options.LatencyGapUs);
        Assert.Equal(OutputLevel.Latency, options.Output);
        Assert.Equal(100, options.ReceiveDepth);
        Assert.Equal(IPAddress.IPv6Loopback, options.Embedded);
        Assert.Equal("f.json", options.JsonFile);
        Assert.Equal("h", options.ServerHost);
    }

    [Theory]
    [MemberData(nameof(TestNames))]
    public void Flags_of_every_test_are_taken_by_every_test(string test)
    {
        PerfOptions options = Parse($"{test} -F -D 3 -p 1 -m 256 -c RC -d x -i 1 -x 0 -u 0 -S 0 -t 1 -q 1 -Q 1 -l 1 --out_json --out_json_file=f --pair udp");

        Assert.Equal(3, options.DurationSeconds);
        Assert.Equal("f", options.JsonFile);
        Assert.Equal(PairMode.Udp, options.Pair);
    }

    [Theory]
    [InlineData("read_bw -I 64", "-I")]
    [InlineData("read_lat -I 64", "-I")]
    [InlineData("atomic_bw --inline_size=8", "-I")]
    [InlineData("write_bw -e", "-e")]
    [InlineData("write_lat -X 0", "-X")]
    [InlineData("write_lat -b", "-b")]
    [InlineData("send_lat -q 2", "-q")]
    [InlineData("read_lat -l 4", "-l")]
    [InlineData("send_lat -N", "-N")]
    [InlineData("write_lat --report_gbits", "--report_gbits")]
    [InlineData("write_bw -H", "-H")]
    [InlineData("send_bw -U", "-U")]
    [InlineData("read_bw -C", "-C")]
    [InlineData("write_bw --latency_gap 3", "--latency_gap")]
    [InlineData("write_bw -o 4", "-o")]
    [InlineData("send_lat -A FETCH_AND_ADD", "-A")]
    [InlineData("atomic_lat -A SWAP", "-A")]
    [InlineData("write_bw -r 4", "-r")]
    [InlineData("atomic_bw -s 16", "-s")]
    [InlineData("atomic_lat -a", "-a")]
    [InlineData("write_bw -g", "-g")]
    [InlineData("send_bw -g", "-g")]
    [InlineData("write_bw -R", "-R")]
    [InlineData("write_bw -O", "-O")]
    [InlineData("atomic_lat -c UC", "-c")]
    [InlineData("send_bw -c XRC", "-c")]
    [InlineData("send_bw -c uc", "-c")]
    [InlineData("write_lat -c UD", "SEND only")]
    [InlineData("write_bw --use-srq", "SEND tests only")]
    [InlineData("read_lat --use-srq", "--use-srq")]
    [InlineData("send_bw --use-srq -q 9 -r 8", "--use-srq")]
    [InlineData("send_bw -c UD --verify", "--verify")]
    [InlineData("read_bw -c UC", "-c")]
    [InlineData("write_bw -c UD", "-c")]
    [InlineData("write_bw -c XYZ", "-c")]
    [InlineData("send_bw --perform_warm_up", "--perform_warm_up")]
    [InlineData("write_bw -s 0", "-s")]
    [InlineData("write_bw -s -4", "-s")]
    [InlineData("write_bw -s 64Q", "-s")]
    [InlineData("write_bw -s 2147483648", "-s")]
    [InlineData("write_bw -s 4096M", "-s")]
    [InlineData("write_bw -s", "-s")]
    [InlineData("write_bw -s 1 -s 2", "-s")]
    [InlineData("write_bw -n 4", "-n")]
    [InlineData("write_bw -n ten", "-n")]
    [InlineData("write_bw -n 10.5", "-n")]
    [InlineData("write_bw -D 0", "-D")]
    [InlineData("write_bw -D -1", "-D")]
    [InlineData("write_bw -D x", "-D")]
    [InlineData("write_bw -D NaN", "-D")]
    [InlineData("write_bw -D 4 -f 2", "-D")]
    [InlineData("write_bw -D 3 -a", "-a")]
    [InlineData("send_bw -D 3 -e", "-e")]
    [InlineData("write_bw -t 0", "-t")]
    [InlineData("write_bw -t 15001", "-t")]
    [InlineData("write_bw -q 0", "-q")]
    [InlineData("write_bw -q 16385", "-q")]
    [InlineData("write_bw -Q 1025", "-Q")]
    [InlineData("write_bw -m 1000", "-m")]
    [InlineData("write_bw -m 8192", "-m")]
    [InlineData("write_bw -l 3 -n 1000", "-l")]
    [InlineData("write_bw -l 200 -n 1000", "-l")]
    [InlineData("write_bw -l 10 -Q 3 -n 1000", "-l")]
    [InlineData("write_bw -p 0", "-p")]
    [InlineData("write_bw -p 65536", "-p")]
    [InlineData("write_bw -u 32", "-u")]
    [InlineData("write_bw -S 16", "-S")]
    [InlineData("write_bw -T 256", "-T")]
    [InlineData("write_bw -x 1", "-x")]
    [InlineData("write_bw -i 2", "-i")]
    [InlineData("write_bw -I 1025", "-I")]
    [InlineData("write_bw --output=latency", "--output")]
    [InlineData("write_lat --output=bandwidth", "--output")]
    [InlineData("write_bw --output=loud", "--output")]
    [InlineData("write_bw --pair tcp", "--pair")]
    [InlineData("write_bw --pair udp host", "--pair")]
    [InlineData("write_bw --pair udp --embedded 127.0.0.1", "--pair")]
    [InlineData("write_bw --embedded nowhere", "--embedded")]
    [InlineData("write_bw --address 127.1", "--address")]
    [InlineData("write_bw --embedded 127.0.0.1 --socket /x", "--embedded")]
    [InlineData("write_bw --report-both", "--report-both")]
    [InlineData("write_bw --cpu_util", "--cpu_util")]
    [InlineData("write_bw --frobnicate", "--frobnicate")]
    [InlineData("write_bw -k", "-k")]
    [InlineData("write_bw one two", "two")]
    [InlineData("fly_bw", "fly_bw")]
    [InlineData("", "send_bw")]
    [InlineData("-s 5", "-s")]
    public void What_is_wrong_is_named_in_one_line(string line, string named)
    {
        UsageException error = Assert.Throws<UsageException>(() => Parse(line));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("write_bw -s 8192", 100)]
    [InlineData("write_bw -s 8193", 1)]
    [InlineData("write_bw -s 65536 -Q 50", 50)]
    [InlineData("write_bw -a", 100)]
    [InlineData("write_bw -s 64 -t 16", 16)]
    [InlineData("write_bw -s 64 -l 10", 10)]
    [InlineData("write_bw -s 64 -l 10 -Q 5", 5)]
    [InlineData("send_bw -s 65536 -e", 100)]
    [InlineData("write_lat", 1)]
    public void Completion_moderation_follows_size_depth_and_post_list(string line, int expected) =>
        Assert.Equal(expected, Parse(line).CompletionModeration);

    [Theory]
    [InlineData("write_bw -n 20000", false)]
    [InlineData("write_bw -n 20001", true)]
    [InlineData("write_bw -n 5 -N", true)]
    [InlineData("write_bw -D 4", true)]
    [InlineData("write_bw -n 5000 -q 1000", true)]
    public void The_peak_is_not_searched_for_in_long_runs(string line, bool noPeak) =>
        Assert.Equal(noPeak, Parse(line).NoPeak);

    [Theory]
    [InlineData("write_bw -D 20", 2)]
    [InlineData("write_bw -D 8", 2)]
    [InlineData("write_bw -D 3", 0.75)]
    [InlineData("write_bw -D 10 -f 3", 3)]
    [InlineData("write_bw -D 10 -f 0", 0)]
    public void Margins_are_two_seconds_or_a_quarter(string line, double expected) =>
        Assert.Equal(expected, Parse(line).MarginSeconds);

    [Theory]
    [InlineData("send_bw", "RC", 512)]
    [InlineData("send_bw -c RC --use-srq", "RC", 512)]
    [InlineData("send_bw -c UC", "UC", 1000)]
    [InlineData("send_bw -c UD -n 9000", "UD", 4000)]
    [InlineData("send_bw -c UD -D 5", "UD", 4000)]
    [InlineData("send_lat -c UD -r 77", "UD", 77)]
    [InlineData("write_bw -c UC", "UC", 1)]
    public void The_connection_type_decides_the_receive_depth(string line, string connection, int receiveDepth)
    {
        PerfOptions options = Parse(line);

        Assert.Equal((connection, receiveDepth), (options.Connection.ToString(), options.ReceiveDepth));
        Assert.Equal(line.Contains("--use-srq", StringComparison.Ordinal), options.UseSharedReceiveQueue);
    }

    [Fact]
    public void Queues_are_no_deeper_than_the_number_of_messages()
    {
        PerfOptions options = Parse("send_bw -n 50");

        Assert.Equal(50, options.SendDepth);
        Assert.Equal(50, options.ReceiveDepth);
    }

    [Fact]
    public void All_sizes_are_the_powers_of_two_from_2_to_8_mebibytes()
    {
        int[] sizes = [.. Parse("write_bw -a").Sizes()];

        Assert.Equal(23, sizes.Length);
        Assert.Equal(2, sizes[0]);
        Assert.Equal(1 << 23, sizes[^1]);
        Assert.Equal([65536], Parse("write_bw").Sizes());
    }

    [Theory]
    [InlineData("write_bw -V", "Version: ")]
    [InlineData("--version", ".")]
    [InlineData("write_bw --help", "--post_list")]
    [InlineData("read_lat -h", "--outs")]
    [InlineData("--help", "atomic_lat")]
    public void Help_and_version_answer_and_run_nothing(string line, string expected)
    {
        using StringWriter output = new();

        Assert.Null(CommandLine.Parse(Words(line), output).Options);
        Assert.Contains(expected, output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Help_hides_what_the_test_refuses()
    {
        using StringWriter output = new();
        CommandLine.Parse(["read_bw", "--help"], output);

        Assert.DoesNotContain("--inline_size", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("--outs", output.ToString(), StringComparison.Ordinal);
    }

    private static PerfOptions Parse(string line) =>
        CommandLine.Parse(Words(line), TextWriter.Null).Options ?? throw new InvalidOperationException("nothing to run");

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
