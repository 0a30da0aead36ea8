using EndToEnd.Tests.Support;

namespace EndToEnd.Tests;

/// <summary>A bad flag, address, device or option value: one clear line that names it, exit code 2, no stack trace.</summary>
public sealed class UsageErrorTests
{
    [Theory]
    [InlineData("", "command")]
    [InlineData("frobnicate", "'frobnicate'")]
    [InlineData("demo --address 1.2.3", "'1.2.3'")]
    [InlineData("demo --address 10.0.0.1", "'10.0.0.1'")]
    [InlineData("demo --address ::1", "'::1'")]
    [InlineData("demo --frobnicate", "'--frobnicate'")]
    [InlineData("devices extra", "'extra'")]
    [InlineData("devices --socket", "'--socket'")]
    [InlineData("devinfo a b", "'b'")]
    [InlineData("devinfo -x", "'-x'")]
    [InlineData("stat --watch 0", "'0'")]
    [InlineData("stat --watch -1", "'-1'")]
    [InlineData("stat --watch soon", "'soon'")]
    [InlineData("stat --watch NaN", "'NaN'")]
    [InlineData("stat --watch 1e300", "'1e300'")]
    [InlineData("capture -c 0", "'0'")]
    [InlineData("capture -c -3", "'-3'")]
    [InlineData("capture -c many", "'many'")]
    [InlineData("capture -c 99999999999999999999", "'99999999999999999999'")]
    [InlineData("capture --duration x", "'x'")]
    [InlineData("capture -w", "'-w'")]
    [InlineData("capture -w -d", "'-d'")]
    [InlineData("stat --wath 1", "'--wath'")]
    [InlineData("decode", "decode")]
    [InlineData("decode /no/such/file.pcap", "'/no/such/file.pcap'")]
    [InlineData("decode --yaml x", "--yaml")]
    [InlineData("explain nonsense", "'nonsense'")]
    [InlineData("explain 12 13", "'13'")]
    public async Task The_bad_word_is_named_on_one_line(string commandLine, string named)
    {
        ToolResult result = await Tool.RunAsync(commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        AssertOneLine(result, named);
        Assert.Equal(2, result.ExitCode);
    }

    [Fact]
    public async Task An_empty_value_is_refused()
    {
        ToolResult result = await Tool.RunAsync(["devices", "--socket", ""]);

        AssertOneLine(result, "--socket");
        Assert.Equal(2, result.ExitCode);
    }

    [Theory]
    [InlineData("devices")]
    [InlineData("devinfo")]
    [InlineData("devinfo some-device -v")]
    [InlineData("stat")]
    [InlineData("stat --json")]
    [InlineData("stat --watch 1")]
    [InlineData("capture -w -")]
    public async Task Without_a_daemon_one_line_says_so(string commandLine)
    {
        ToolResult result = await Tool.RunAsync([.. commandLine.Split(' '), "--socket", "/no/such/directory/d.sock"]);

        AssertOneLine(result, "/no/such/directory/d.sock");
        Assert.Equal(1, result.ExitCode);
    }

    [Fact]
    public async Task The_environment_names_the_socket()
    {
        ToolResult result = await Tool.RunAsync(["devices"], new() { ["VRDMA_SOCKET"] = "/no/such/directory/e.sock" });

        AssertOneLine(result, "/no/such/directory/e.sock");
        Assert.Equal(1, result.ExitCode);
    }

    [Fact]
    public async Task A_file_that_is_no_capture_is_named()
    {
        ToolResult result = await Tool.RunAsync(["decode", "/etc/passwd"]);

        AssertOneLine(result, "'/etc/passwd'");
        Assert.Equal(1, result.ExitCode);
    }

    private static void AssertOneLine(ToolResult result, string named)
    {
        Assert.True(result.Errors.Count(c => c == '\n') == 1 && result.Errors.EndsWith('\n'), result.ToString());
        Assert.StartsWith("vrdma: ", result.Errors, StringComparison.Ordinal);
        Assert.Contains(named, result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", result.Errors, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
    }
}
