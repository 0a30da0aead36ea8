using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using EndToEnd.Tests.Support;
using RoceEngine.Vrdma.Demo;

namespace EndToEnd.Tests;

/// <summary><c>vrdma devices</c>, <c>devinfo</c> and <c>stat</c> against a daemon whose guests have exchanged traffic.</summary>
public sealed class DaemonViewTests(DaemonViewTests.Stage stage) : IClassFixture<DaemonViewTests.Stage>
{
    private const string First = "127.14.20.2";
    private const string Second = "127.14.20.3";
    private const int MessageBytes = 10_000;

    [Fact]
    public async Task Devices_lists_each_guest_on_a_line_and_as_json()
    {
        string text = await OutputAsync("devices");
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.Matches($@"^\S+ +{Regex.Escape(First)} +running +{stage.Requester.Id} ", lines[1]);
        Assert.Matches($@"^\S+ +{Regex.Escape(Second)} +running +{stage.Responder.Id} ", lines[2]);

        using JsonDocument json = JsonDocument.Parse(await OutputAsync("devices", "--json"));
        Assert.Equal(stage.Daemon.Id, json.RootElement.GetProperty("daemon").GetProperty("pid").GetInt32());
        JsonElement device = Assert.Single(
            json.RootElement.GetProperty("devices").EnumerateArray(), d => d.GetProperty("address").GetString() == First);
        Assert.Equal("running", device.GetProperty("state").GetString());
        Assert.Equal(1, device.GetProperty("queue_pair_count").GetInt32());
        Assert.Equal(1, device.GetProperty("memory_region_count").GetInt32());
    }

    [Fact]
    public async Task Devinfo_shows_a_device_as_ibv_devinfo_does()
    {
        string shortForm = await OutputAsync("devinfo", First);
        Assert.Matches(@"^hca_id:\t\S+\n", shortForm);
        Assert.Equal(1, Regex.Count(shortForm, "hca_id:"));
        Assert.Matches(@"\n\ttransport:\t+InfiniBand \(0\)\n", shortForm);
        Assert.Matches(@"\n\tnode_guid:\t+([0-9a-f]{4}:){3}[0-9a-f]{4}\n", shortForm);
        Assert.Matches(@"\n\tphys_port_cnt:\t+1\n", shortForm);
        Assert.Matches(@"\n\t\tport:\t1\n", shortForm);
        Assert.Matches(@"\n\t\t\tstate:\t+PORT_ACTIVE \(4\)\n", shortForm);
        Assert.Matches(@"\n\t\t\tmax_mtu:\t+4096 \(5\)\n", shortForm);
        Assert.Matches(@"\n\t\t\tlink_layer:\t+Ethernet\n", shortForm);
        Assert.DoesNotContain("max_qp:", shortForm, StringComparison.Ordinal);

        string longForm = await OutputAsync("devinfo", First, "-v");
        Assert.Matches(@"\n\tmax_qp:\t+[1-9]\d*\n", longForm);
        Assert.Matches(@"\n\tmax_cqe:\t+[1-9]\d*\n", longForm);
        Assert.Contains($"GID[  0]:\t\t::ffff:{First}, RoCE v2\n", longForm, StringComparison.Ordinal);

        Assert.Equal(2, Regex.Count(await OutputAsync("devinfo"), "hca_id:"));
    }

    [Fact]
    public async Task Stat_counts_the_traffic_and_shows_the_queue_pairs()
    {
        using JsonDocument json = JsonDocument.Parse(await OutputAsync("stat", First, "--json"));
        JsonElement device = Assert.Single(json.RootElement.GetProperty("devices").EnumerateArray());
        JsonElement counters = device.GetProperty("counters");
        Assert.Equal(7 * 4, counters.GetProperty("send_requests").GetInt64());
        Assert.True(counters.GetProperty("tx_bytes").GetInt64() >= 4 * 4 * MessageBytes, counters.ToString());
        JsonElement queuePair = Assert.Single(device.GetProperty("queue_pairs").EnumerateArray());
        Assert.Equal("RTS", queuePair.GetProperty("state").GetString());
        Assert.Equal(Second, queuePair.GetProperty("destination").GetString());

        string text = await OutputAsync("stat", First);
        Assert.Matches($@"^\S+  {Regex.Escape(First)}  running\n", text);
        Assert.Matches(@"\nsend_requests +28\n", text);
        Assert.Matches($@"\n0x[0-9a-f]{{6}}  RC +RTS +\d+ +0x[0-9a-f]{{6}}  {Regex.Escape(Second)}\n", text);
        Assert.DoesNotContain(Second + "  running", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stat_watch_prints_a_document_a_line_until_interrupted()
    {
        using Tool stat = Tool.Start(["stat", "--socket", stage.Daemon.SocketPath, "--json", "--watch", "0.05"], readsOutput: false);
        List<DateTimeOffset> times = [];
        for (int i = 0; i < 3; i++)
        {
            string line = (await stat.Output.ReadLineAsync(TestContext.Current.CancellationToken))!;
            using JsonDocument json = JsonDocument.Parse(line);
            Assert.Equal(2, json.RootElement.GetProperty("devices").GetArrayLength());
            times.Add(DateTimeOffset.Parse(json.RootElement.GetProperty("time").GetString()!, CultureInfo.InvariantCulture));
        }

        Assert.True(times[0] < times[1] && times[1] < times[2]);
        Signals.Interrupt(stat.Id);
        Task<string> rest = stat.Output.ReadToEndAsync(TestContext.Current.CancellationToken);
        ToolResult result = await stat.WaitAsync();
        Assert.True(result.ExitCode == 0 && result.Errors.Length == 0, result.ToString());
        Assert.True((await rest).Length == 0 || (await rest).EndsWith('\n'));
    }

    [Theory]
    [InlineData("devinfo")]
    [InlineData("stat")]
    [InlineData("capture", "-w", "/dev/null", "-d")]
    public async Task A_device_that_is_not_there_is_named(params string[] command)
    {
        ToolResult result = await Tool.RunAsync([.. command, "nobody", "--socket", stage.Daemon.SocketPath]);

        Assert.Equal(2, result.ExitCode);
        Assert.Equal($"vrdma: the daemon at {stage.Daemon.SocketPath} has no device 'nobody'\n", result.Errors);
        Assert.Equal("", result.Output);
    }

    private async Task<string> OutputAsync(params string[] arguments)
    {
        ToolResult result = await Tool.RunAsync([.. arguments, "--socket", stage.Daemon.SocketPath]);
        Assert.True(result.ExitCode == 0 && result.Errors.Length == 0, result.ToString());
        Assert.DoesNotContain('\e', result.Output);
        return result.Output;
    }

    /// <summary>Two guests that have run every operation once and stay.</summary>
    public sealed class Stage : IAsyncLifetime
    {
        internal Daemon Daemon { get; private set; } = null!;

        internal GuestProcess Requester { get; private set; } = null!;

        internal GuestProcess Responder { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Daemon = await Daemon.StartAsync(First, Second);
            Requester = await Daemon.StartGuestAsync(First);
            Responder = await Daemon.StartGuestAsync(Second);
            await Traffic.ConnectAsync(Requester, Responder);
            await Traffic.RunEverythingAsync(Requester, Responder, MessageBytes);
        }

        public async ValueTask DisposeAsync()
        {
            await Requester.DisposeAsync();
            await Responder.DisposeAsync();
            await Daemon.DisposeAsync();
        }
    }
}
