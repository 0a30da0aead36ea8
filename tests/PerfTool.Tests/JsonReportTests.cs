using System.Text.Json;
using RoceEngine.PerfTool.Options;
using RoceEngine.PerfTool.Report;
using RoceEngine.PerfTool.Statistics;

namespace RoceEngine.PerfTool.Tests;

public sealed class JsonReportTests
{
    public static TheoryData<string> TestNames { get; } = [.. PerfTest.All.Select(test => test.Name)];

    private static readonly DeviceFacts s_device = new("vrdma\"0\\", 1024, 220, 16);

    [Theory]
    [MemberData(nameof(TestNames))]
    public void Every_test_has_perftests_keys(string test)
    {
        JsonElement root = Report(test, out bool bandwidth);

        JsonElement info = root.GetProperty("test_info");
        foreach (string key in (string[])["test", "Dual_port", "Device", "Number_of_qps", "Transport_type", "Connection_type", "Using_SRQ", "PCIe_relax_order", "ibv_wr_API", "TX_depth", "Mtu", "Link_type", "GID_index", "rdma_cm_QPs", "Data_ex_method"])
            Assert.True(info.TryGetProperty(key, out _), key);
        Assert.Equal("vrdma\"0\\", info.GetProperty("Device").GetString());
        Assert.Equal(bandwidth, info.TryGetProperty("CQ_Moderation", out _));
        Assert.True(info.TryGetProperty(test.StartsWith("read", StringComparison.Ordinal) || test.StartsWith("atomic", StringComparison.Ordinal) ? "Outstand_reads" : "Max_inline_data", out _));

        string[] keys = [.. root.GetProperty("results").EnumerateObject().Select(property => property.Name)];
        Assert.Equal(
            bandwidth
                ? ["MsgSize", "n_iterations", "BW_peak", "BW_average", "MsgRate"]
                : ["MsgSize", "n_iterations", "t_min", "t_max", "t_typical", "t_avg", "t_stdev", "percentile_99", "percentile_99.9"],
            keys);
        Assert.All(root.GetProperty("results").EnumerateObject(), property => Assert.Equal(JsonValueKind.Number, property.Value.ValueKind));
    }

    [Theory]
    [InlineData("write_bw -a")]
    [InlineData("send_lat -a")]
    public void Results_of_all_sizes_are_an_array(string line)
    {
        JsonElement results = Report(line, out _, results: 3).GetProperty("results");

        Assert.Equal([2, 4, 8], results.EnumerateArray().Select(result => result.GetProperty("MsgSize").GetInt32()));
    }

    [Theory]
    [InlineData("write_bw", "RDMA_Write_BW_Test")]
    [InlineData("send_bw -b", "Send_Bidirectional_BW_Test")]
    [InlineData("read_bw -l 4", "RDMA_Read_Post_List_BW_Test")]
    [InlineData("atomic_lat -A CMP_AND_SWAP", "Atomic_CMP_AND_SWAP_Latency_Test")]
    public void The_title_is_perftests(string line, string title) =>
        Assert.Equal(title, Report(line, out _).GetProperty("test_info").GetProperty("test").GetString());

    [Fact]
    public void A_run_by_duration_has_its_rate() =>
        Assert.Equal(500.25, Report("write_lat -D 4", out _).GetProperty("results").GetProperty("tps_average").GetDouble());

    [Fact]
    public void Cpu_utilization_is_one_key_more() =>
        Assert.Equal(12.35, Report("write_bw -D 4 --cpu_util", out _).GetProperty("results").GetProperty("CPU_util").GetDouble());

    [Fact]
    public void Values_that_json_cannot_say_become_zero()
    {
        JsonReport report = new(Options("write_bw"), s_device, isClient: true);
        report.Add(new BandwidthResult(2, 5, double.PositiveInfinity, double.NaN, 0), 0);

        JsonElement results = JsonDocument.Parse(report.ToBytes()).RootElement.GetProperty("results");
        Assert.Equal(0, results.GetProperty("BW_peak").GetDouble());
        Assert.Equal(0, results.GetProperty("BW_average").GetDouble());
    }

    [Fact]
    public void The_file_is_replaced_whole()
    {
        string folder = Directory.CreateTempSubdirectory("perftool").FullName;
        try
        {
            string path = Path.Combine(folder, "out.json");
            File.WriteAllText(path, new string('x', 100_000));
            JsonReport report = new(Options("write_bw"), s_device, isClient: true);
            report.Add(new BandwidthResult(2, 5, 1, 1, 1), 0);
            report.Save(path);

            Assert.Equal(report.ToBytes(), File.ReadAllBytes(path));
            Assert.Equal([path], Directory.GetFiles(folder));
            Assert.ThrowsAny<IOException>(() => report.Save(Path.Combine(folder, "missing", "out.json")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static JsonElement Report(string line, out bool bandwidth, int results = 1)
    {
        PerfOptions options = Options(line);
        bandwidth = options.Test.IsBandwidth;
        JsonReport report = new(options, s_device, isClient: true);
        for (int index = 1; index <= results; index++)
        {
            if (bandwidth)
                report.Add(new BandwidthResult(1 << index, 1000, 3e9, 2.5e9, 1e6), 12.345678);
            else
                report.Add(new LatencyResult { SizeBytes = 1 << index, Iterations = 1000, MinimumUs = 1, AverageUs = 2, TransactionsPerSecond = options.IsDuration ? 500.25 : null }, 0);
        }

        return JsonDocument.Parse(report.ToBytes()).RootElement;
    }

    private static PerfOptions Options(string line) => CommandLine.Parse(line.Split(' '), TextWriter.Null).Options!;
}
