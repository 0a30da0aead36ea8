using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using EndToEnd.Tests.Support;
using RoceEngine.Launching;
using RoceEngine.Vrdma.Demo;

namespace EndToEnd.Tests;

/// <summary><c>vrdma capture</c> while two daemons exchange traffic over UDP.</summary>
public sealed class CaptureTests(CaptureTests.Stage stage) : IClassFixture<CaptureTests.Stage>, IDisposable
{
    private const string First = "127.14.40.2";
    private const string Second = "127.14.40.3";

    private readonly TemporaryDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task A_capture_of_all_operations_is_whole_and_every_icrc_in_it_is_good()
    {
        string file = _files.File("all.pcapng");
        await CaptureAsync(["-w", file], stopWithSignal: true);

        ToolResult decoded = await Tool.RunAsync(["decode", file, "--json"]);
        Assert.True(decoded.ExitCode == 0, decoded.ToString());
        HashSet<string> opcodes = [];
        foreach (string line in decoded.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using JsonDocument packet = JsonDocument.Parse(line);
            Assert.Equal(JsonValueKind.Null, packet.RootElement.GetProperty("malformed").ValueKind);
            JsonElement icrc = packet.RootElement.GetProperty("icrc");
            Assert.True(icrc.GetProperty("packet").GetString() == "ok" && icrc.GetProperty("payload").GetString() == "ok", line);
            opcodes.Add(packet.RootElement.GetProperty("opcode").GetString()!);
        }

        string[] expected =
        [
            "RC_SEND_FIRST", "RC_SEND_LAST", "RC_SEND_LAST_WITH_IMMEDIATE", "RC_RDMA_WRITE_FIRST", "RC_RDMA_WRITE_LAST",
            "RC_RDMA_WRITE_LAST_WITH_IMMEDIATE", "RC_RDMA_READ_REQUEST", "RC_RDMA_READ_RESPONSE_FIRST", "RC_RDMA_READ_RESPONSE_LAST",
            "RC_ACKNOWLEDGE", "RC_COMPARE_SWAP", "RC_FETCH_ADD", "RC_ATOMIC_ACKNOWLEDGE",
        ];
        Assert.Empty(expected.Except(opcodes));
    }

    [Fact]
    public async Task Tshark_reads_a_capture_without_a_malformed_packet()
    {
        string tshark = Optional.Program("tshark");
        string file = _files.File("tshark.pcapng");
        await CaptureAsync(["-w", file], stopWithSignal: true);

        ToolResult all = await Tool.RunAsync(new ProgramPath(tshark, []), ["-r", file, "-T", "fields", "-e", "_ws.col.Protocol"]);
        ToolResult bad = await Tool.RunAsync(new ProgramPath(tshark, []), ["-r", file, "-Y", "_ws.malformed || _ws.expert.severity == error"]);
        Assert.True(all.ExitCode == 0, all.ToString());
        string[] protocols = all.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(protocols.Length > 100, all.ToString());
        Assert.All(protocols, protocol => Assert.Equal("RRoCE", protocol));
        Assert.True(bad.ExitCode == 0 && bad.Output.Length == 0, bad.ToString());
    }

    [Fact]
    public async Task A_count_ends_the_capture_after_exactly_that_many_packets()
    {
        string file = _files.File("count.pcapng");
        string errors = await CaptureAsync(["-w", file, "-c", "17", "-d", First], stopWithSignal: false);

        Assert.Contains("vrdma: 17 packets captured, ", errors, StringComparison.Ordinal);
        ToolResult decoded = await Tool.RunAsync(["decode", file]);
        Assert.Contains("\n17 frames: 17 RoCEv2 (0 malformed, 0 with a wrong ICRC), 0 other\n", decoded.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_file_each_packet_is_a_line()
    {
        ToolResult capture = await CaptureWithTrafficAsync(["-c", "5"], stopWithSignal: false);

        string[] lines = capture.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(6, lines.Length);
        Assert.All(lines[..5], line => Assert.Matches(new Regex(@" -> .* RC_\w+ qpn=0x[0-9a-f]{6} .* icrc packet=ok payload=ok"), line));
        Assert.StartsWith("5 frames", lines[5], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_duration_ends_a_capture_without_traffic_as_a_whole_file()
    {
        string file = _files.File("idle.pcapng");
        ToolResult capture = await Tool.RunAsync(["capture", "-w", file, "--duration", "0.2", "--socket", stage.One.SocketPath]);

        Assert.True(capture.ExitCode == 0, capture.ToString());
        Assert.Contains("vrdma: 0 packets captured, 0 dropped", capture.Errors, StringComparison.Ordinal);
        ToolResult decoded = await Tool.RunAsync(["decode", file]);
        Assert.Equal("0 frames: 0 RoCEv2 (0 malformed, 0 with a wrong ICRC), 0 other\n", decoded.Output);
    }

    [Fact]
    public async Task A_daemon_that_dies_ends_the_capture_with_a_line_and_a_readable_file()
    {
        await using Daemon daemon = await Daemon.StartAsync("127.14.41.2");
        string file = _files.File("dead.pcapng");
        using Tool capture = Tool.Start(["capture", "-w", file, "--socket", daemon.SocketPath]);
        await capture.FirstErrorAsync();

        Signals.Kill(daemon.Id);

        ToolResult result = await capture.WaitAsync();
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"vrdma: the daemon at {daemon.SocketPath} closed the connection\n", result.Errors, StringComparison.Ordinal);
        ToolResult decoded = await Tool.RunAsync(["decode", file]);
        Assert.Equal("0 frames: 0 RoCEv2 (0 malformed, 0 with a wrong ICRC), 0 other\n", decoded.Output);
    }

    private async Task<string> CaptureAsync(string[] options, bool stopWithSignal)
    {
        ToolResult result = await CaptureWithTrafficAsync(options, stopWithSignal);
        string pattern = @"vrdma: (\d+) packets captured, 0 dropped";
        Assert.True(Regex.IsMatch(result.Errors, pattern), result.ToString());
        Assert.NotEqual(0, int.Parse(Regex.Match(result.Errors, pattern).Groups[1].Value, CultureInfo.InvariantCulture));
        return result.Errors;
    }

    /// <summary>Runs every operation until the capture ends, or once the capture has begun and then interrupts it.</summary>
    private async Task<ToolResult> CaptureWithTrafficAsync(string[] options, bool stopWithSignal)
    {
        using Tool capture = Tool.Start(["capture", .. options, "--socket", stage.One.SocketPath]);
        await capture.FirstErrorAsync();
        await Traffic.RunEverythingAsync(stage.Requester, stage.Responder);
        if (stopWithSignal)
            Signals.Interrupt(capture.Id);
        ToolResult result = await capture.WaitAsync();
        Assert.True(result.ExitCode == 0, result.ToString());
        return result;
    }

    /// <summary>A guest on each of two daemons, connected.</summary>
    public sealed class Stage : IAsyncLifetime
    {
        private Daemon _two = null!;

        internal Daemon One { get; private set; } = null!;

        internal GuestProcess Requester { get; private set; } = null!;

        internal GuestProcess Responder { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            One = await Daemon.StartAsync(First);
            _two = await Daemon.StartAsync(Second);
            Requester = await One.StartGuestAsync(First);
            Responder = await _two.StartGuestAsync(Second);
            await Traffic.ConnectAsync(Requester, Responder);
        }

        public async ValueTask DisposeAsync()
        {
            await Requester.DisposeAsync();
            await Responder.DisposeAsync();
            await One.DisposeAsync();
            await _two.DisposeAsync();
        }
    }
}
