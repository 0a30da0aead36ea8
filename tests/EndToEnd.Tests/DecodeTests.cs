using System.Text.Json;
using EndToEnd.Tests.Support;
using RoceEngine.Launching;

namespace EndToEnd.Tests;

/// <summary><c>vrdma decode</c> on captures of a kernel peer.</summary>
public sealed class DecodeTests
{
    private static readonly Dictionary<string, int> PacketCounts = new()
    {
        ["cm.pcap"] = 51,
        ["v4-256.pcap"] = 305,
        ["v4-1024.pcap"] = 359,
        ["v4-4096.pcap"] = 215,
        ["v6-1024.pcap"] = 266,
    };

    public static TheoryData<string> Files => [.. PacketCounts.Keys];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Every_packet_of_a_kernel_peer_is_decoded_with_two_good_verdicts(string file)
    {
        ToolResult result = await Tool.RunAsync(["decode", PathOf(file), "--json"]);

        Assert.True(result.ExitCode == 0 && result.Errors.Length == 0, result.ToString());
        string[] lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(PacketCounts[file], lines.Length);
        bool isIPv4 = !file.StartsWith("v6", StringComparison.Ordinal);
        foreach (string line in lines)
        {
            using JsonDocument packet = JsonDocument.Parse(line);
            JsonElement icrc = packet.RootElement.GetProperty("icrc");
            Assert.Equal("ok", icrc.GetProperty("packet").GetString());
            Assert.Equal("ok", icrc.GetProperty("payload").GetString());
            if (isIPv4)
                Assert.Equal(packet.RootElement.GetProperty("ip_identification").GetInt32(), icrc.GetProperty("identification").GetInt32());
        }
    }

    [Fact]
    public async Task Standard_input_is_a_file_as_well()
    {
        ToolResult fromFile = await Tool.RunAsync(["decode", PathOf("v4-256.pcap")]);
        ToolResult fromInput = await Tool.RunAsync(
            new ProgramPath("/bin/sh", ["-c", "exec \"$0\" \"$@\" < \"$CAPTURE\"", .. Program().AsEnumerable()]),
            ["decode", "-"],
            new() { ["CAPTURE"] = PathOf("v4-256.pcap") });

        Assert.Equal(0, fromFile.ExitCode);
        Assert.Equal(fromFile.Output, fromInput.Output);
        Assert.Contains("RC_SEND_ONLY", fromFile.Output, StringComparison.Ordinal);
        Assert.EndsWith("0 other\n", fromFile.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_cut_off_gives_what_it_has_and_then_fails()
    {
        using TemporaryDirectory directory = new();
        string cut = directory.File("cut.pcap");
        await File.WriteAllBytesAsync(cut, File.ReadAllBytes(PathOf("cm.pcap"))[..5000], TestContext.Current.CancellationToken);

        ToolResult result = await Tool.RunAsync(["decode", cut, "--json"]);

        Assert.Equal(1, result.ExitCode);
        Assert.Equal(40, result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.StartsWith($"vrdma: decode: '{cut}': ", result.Errors, StringComparison.Ordinal);
        Assert.Equal(1, result.Errors.Count(c => c == '\n'));
    }

    [Fact]
    public async Task A_reader_that_goes_away_is_no_failure()
    {
        ToolResult result = await Tool.RunAsync(
            new ProgramPath("/bin/sh", ["-c", "{ \"$0\" \"$@\"; echo $? >&2; } | head -n 1", .. Program().AsEnumerable()]), ["decode", PathOf("v4-1024.pcap")]);

        Assert.Equal("0\n", result.Errors);
        Assert.Equal(1, result.Output.Count(c => c == '\n'));
    }

    private static string PathOf(string file) => Path.Combine(AppContext.BaseDirectory, "golden", file);

    private static string[] Program()
    {
        ProgramPath program = ProgramPath.Find("vrdma");
        return [program.FileName, .. program.Arguments];
    }
}
