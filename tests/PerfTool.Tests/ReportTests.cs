using System.Net;
using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Options;
using RoceEngine.PerfTool.Report;
using RoceEngine.PerfTool.Statistics;

namespace RoceEngine.PerfTool.Tests;

/// <summary>Lines compared with what perftest's formats give for the same numbers.</summary>
public sealed class ReportTests
{
    private static readonly BandwidthResult s_bandwidth =
        new(65536, 5000, 3000.5 * (1 << 20), 2900.25 * (1 << 20), 46404);

    private static readonly LatencyResult s_latency = new()
    {
        SizeBytes = 2, Iterations = 1000, MinimumUs = 5.5, MaximumUs = 45.25, TypicalUs = 6.125, AverageUs = 6.5,
        DeviationUs = 0.75, Percentile99Us = 10, Percentile999Us = 40.5, TransactionsPerSecond = 76923.0769,
        UnsortedUs = [7, 5.5, 1234567], SortedUs = [5.5, 7],
    };

    [Fact]
    public void The_separator_is_87_dashes() => Assert.Equal(new string('-', 87), TextColumns.Separator);

    [Fact]
    public void Bandwidth_columns()
    {
        PerfOptions options = Options("write_bw");

        Assert.Equal(" #bytes     #iterations    BW peak[MiB/sec]    BW average[MiB/sec]   MsgRate[Mpps]", TextColumns.Head(options));
        Assert.Equal(" 65536      5000             3000.50            2900.25\t\t     0.046404", TextColumns.Row(s_bandwidth, options, 0));
    }

    [Fact]
    public void Bandwidth_columns_in_gigabits()
    {
        PerfOptions options = Options("write_bw --report_gbits");

        Assert.Equal(" #bytes     #iterations    BW peak[Gb/sec]    BW average[Gb/sec]   MsgRate[Mpps]", TextColumns.Head(options));
        Assert.Equal(" 65536      5000             25.17              24.33  \t\t     0.046404", TextColumns.Row(s_bandwidth, options, 0));
        Assert.Equal(
            " 2          1000           0.080000            0.016000            1.000000",
            TextColumns.Row(new BandwidthResult(2, 1000, 10_000_000, 2_000_000, 1_000_000), options, 0));
    }

    [Fact]
    public void Latency_columns()
    {
        PerfOptions options = Options("write_lat");

        Assert.Equal(
            " #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    t_stdev[usec]   99% percentile[usec]   99.9% percentile[usec] ",
            TextColumns.Head(options));
        Assert.Equal(
            " 2       1000          5.50           45.25        6.12     \t       6.50        \t0.75   \t\t10.00   \t\t40.50  ",
            TextColumns.Row(s_latency, options, 0));
    }

    [Fact]
    public void Latency_columns_of_a_run_by_duration()
    {
        PerfOptions options = Options("write_lat -D 4");

        Assert.Equal(" #bytes        #iterations       t_avg[usec]    tps average", TextColumns.Head(options));
        Assert.Equal(" 2             1000            6.50           76923.08", TextColumns.Row(s_latency, options, 0));
    }

    [Fact]
    public void Cpu_utilization_is_one_column_more()
    {
        PerfOptions options = Options("write_bw -D 4 --cpu_util");

        Assert.EndsWith("MsgRate[Mpps]    CPU_Util[%]", TextColumns.Head(options), StringComparison.Ordinal);
        Assert.EndsWith("0.046404\t    12.35", TextColumns.Row(s_bandwidth, options, 12.3456), StringComparison.Ordinal);
    }

    [Fact]
    public void The_preamble_of_a_bandwidth_client() =>
        Assert.Equal(
            """
            ---------------------------------------------------------------------------------------
                                RDMA_Write Bidirectional Post List BW Test
             Dual-port       : OFF		Device         : vrdma0
             Number of qps   : 2		Transport type : IB
             Connection type : RC		Using SRQ      : OFF
             PCIe relax order: Unsupported
             ibv_wr* API     : OFF
             TX depth        : 128
             Post List       : 4
             CQ Moderation   : 4
             Mtu             : 1024[B]
             Link type       : Ethernet
             GID index       : 0
             Max inline data : 0[B]
             rdma_cm QPs	 : OFF
             Data ex. method : Ethernet
            ---------------------------------------------------------------------------------------
            """,
            string.Join('\n', Preamble.Parameters(Options("write_bw -b -l 4 -q 2"), new DeviceFacts("vrdma0", 1024, 0, 16), isClient: true)));

    [Fact]
    public void The_preamble_of_an_atomic_server() =>
        Assert.Equal(
            """
            ---------------------------------------------------------------------------------------
                                Atomic FETCH_AND_ADD Latency Test
             Dual-port       : OFF		Device         : vrdma0
             Number of qps   : 1		Transport type : IB
             Connection type : RC		Using SRQ      : OFF
             PCIe relax order: Unsupported
             ibv_wr* API     : OFF
             Mtu             : 4096[B]
             Link type       : Ethernet
             GID index       : 0
             Outstand reads  : 16
             rdma_cm QPs	 : OFF
             Data ex. method : Ethernet
            ---------------------------------------------------------------------------------------
            """,
            string.Join('\n', Preamble.Parameters(Options("atomic_lat"), new DeviceFacts("vrdma0", 4096, 0, 16), isClient: false)));

    [Fact]
    public void A_send_server_says_its_receive_depth() =>
        Assert.Contains(" RX depth        : 512", Preamble.Parameters(Options("send_bw"), new DeviceFacts("d", 1024, 0, 1), isClient: false));

    [Fact]
    public void Queue_pairs_and_gids()
    {
        PeerQueuePair pair = new(0x11, 0xABCDEF, 0x1F00, 0x7F0012345000);

        Assert.Equal(
            [" local address: LID 0000 QPN 0x0011 PSN 0xabcdef RKey 0x001f00 VAddr 0x007f0012345000", " GID: 00:00:00:00:00:00:00:00:00:00:255:255:127:16:00:02"],
            Preamble.QueuePair(new PerfTest(PerfVerb.Write, PerfMetric.Bandwidth), "local", pair, IPAddress.Parse("127.16.0.2"), 16));
        Assert.StartsWith(
            " remote address: LID 0000 QPN 0x0011 PSN 0xabcdef OUT 0x10 RKey 0x001f00",
            Preamble.QueuePair(new PerfTest(PerfVerb.Read, PerfMetric.Latency), "remote", pair, IPAddress.IPv6Loopback, 16).First(),
            StringComparison.Ordinal);
        Assert.Equal(
            " local address: LID 0000 QPN 0x0011 PSN 0xabcdef",
            Preamble.QueuePair(new PerfTest(PerfVerb.Send, PerfMetric.Latency), "local", pair, IPAddress.IPv6Loopback, 16).First());
    }

    [Fact]
    public void Samples_come_before_the_table()
    {
        using StringWriter output = new();
        new TextReport(output, Options("write_lat -H -U")).Result(s_latency, 0);

        string[] lines = output.ToString().Split('\n');
        Assert.Equal(["#, usec", "1, 7", "2, 5.5", "3, 1.23457e+06", "#, usec", "1, 5.5", "2, 7", TextColumns.Separator], lines[..8]);
        Assert.StartsWith(" #bytes", lines[8], StringComparison.Ordinal);
        Assert.StartsWith(" 2       1000", lines[9], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("write_bw --output=bandwidth", "2900.250000\n")]
    [InlineData("write_bw --output=message_rate", "0.046404\n")]
    public void One_number_when_only_that_is_asked_for(string line, string expected)
    {
        using StringWriter output = new();
        TextReport report = new(output, Options(line));
        report.Notices();
        report.Parameters(new DeviceFacts("d", 1024, 0, 1), isClient: true);
        report.Head();
        report.Result(s_bandwidth, 0);
        report.End();

        Assert.Equal(expected, output.ToString());
    }

    [Fact]
    public void Only_the_average_latency_when_only_that_is_asked_for()
    {
        using StringWriter output = new();
        new TextReport(output, Options("send_lat --output=latency")).Result(s_latency, 0);

        Assert.Equal("6.500000\n", output.ToString());
    }

    [Fact]
    public void Processor_times_by_hand()
    {
        (long Busy, long Total) first = CpuFacts.ParseTicks("cpu  100 0 50 800 50 0 0 0 0 0");
        (long Busy, long Total) second = CpuFacts.ParseTicks("cpu  160 0 80 910 50 0 0 0 0 0");

        Assert.Equal((150, 1000), first);
        Assert.Equal(45, CpuFacts.BusyPercent(first, second));
        Assert.Equal(2594.5, CpuFacts.ReadMegahertz(["processor : 0", "cpu MHz\t\t: 2594.5", "cpu MHz : 1"]));
        Assert.Equal(1000, CpuFacts.ReadMegahertz(["processor : 0"]));
    }

    private static PerfOptions Options(string line) => CommandLine.Parse(line.Split(' '), TextWriter.Null).Options!;
}
