using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using EndToEnd.Tests.Support;
using RoceEngine.Launching;
using RoceEngine.Vrdma.Demo;

namespace EndToEnd.Tests;

/// <summary>The demo as a user runs it: a process of its own whose output is not a terminal.</summary>
public sealed partial class DemoTests : IDisposable
{
    private readonly TemporaryDirectory _temporary = new();

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public async Task Every_operation_is_verified_on_both_paths_and_nothing_is_left_behind()
    {
        ToolResult result = await Tool.RunAsync(["demo", "--address", "127.14.1.2"], TemporaryFiles());

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.DoesNotContain('\e', result.Output);
        string[] lines = result.Output.Split('\n');
        foreach (DemoStep step in DemoStep.All)
        {
            Regex row = new($"^{Regex.Escape(OperationNames.Of(step.Operation))} +{Regex.Escape(RoceEngine.Vrdma.Output.Readable.Bytes(step.Bytes))} .* yes$");
            Assert.True(lines.Count(line => row.IsMatch(line)) == 2, $"{step} twice in:\n{result}");
        }

        Assert.Contains("messages verified", result.Output, StringComparison.Ordinal);
        await AssertNothingLeftAsync(result.Output);
    }

    [Fact]
    public async Task An_address_that_is_taken_is_replaced_and_said_so()
    {
        using Socket holder = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        holder.Bind(new IPEndPoint(IPAddress.Parse("127.14.2.2"), 4791));

        using Tool demo = Tool.Start(["demo", "--address", "127.14.2.2"], TemporaryFiles(), readsOutput: false);
        string begun = await ReadUntilTrafficAsync(demo);

        Assert.Contains("UDP port 4791 is taken on 127.14.2.2; using 127.14.2.3\n", begun, StringComparison.Ordinal);
        Assert.Matches(@"\nguest 127\.14\.2\.3: pid ", begun);
        Signals.Interrupt(demo.Id);
        await demo.Output.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal(130, (await demo.WaitAsync()).ExitCode);
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public async Task A_signal_ends_the_demo_and_all_that_it_started(string signal, int exitCode)
    {
        using Tool demo = Tool.Start(["demo", "--address", "127.14.3.2"], TemporaryFiles(), readsOutput: false);
        string begun = await ReadUntilTrafficAsync(demo);

        if (signal == "INT")
            Signals.Interrupt(demo.Id);
        else
            Signals.Terminate(demo.Id);

        Task<string> rest = demo.Output.ReadToEndAsync(TestContext.Current.CancellationToken);
        ToolResult result = await demo.WaitAsync();
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Equal("vrdma: demo: interrupted; everything that it started has ended\n", result.Errors);
        await AssertNothingLeftAsync(begun + await rest);
    }

    [Fact]
    public async Task A_killed_demo_leaves_nothing_behind()
    {
        using Tool demo = Tool.Start(["demo", "--address", "127.14.4.2"], TemporaryFiles(), readsOutput: false);
        string begun = await ReadUntilTrafficAsync(demo);

        Signals.Kill(demo.Id);
        await demo.Output.ReadToEndAsync(TestContext.Current.CancellationToken);
        await demo.WaitAsync();

        await AssertNothingLeftAsync(begun);
    }

    [Theory]
    [InlineData("guest 127.14.5.2")]
    [InlineData("guest 127.14.5.4")]
    [InlineData("daemon for 127.14.5.3")]
    public async Task A_child_that_dies_fails_the_demo_with_its_name(string child)
    {
        using Tool demo = Tool.Start(["demo", "--address", "127.14.5.2"], TemporaryFiles(), readsOutput: false);
        string begun = await ReadUntilTrafficAsync(demo);
        string line = begun.Split('\n').Single(l => l.StartsWith(child, StringComparison.Ordinal));

        int processId = int.Parse(ProcessIdPattern().Match(line).Groups[1].Value, CultureInfo.InvariantCulture);
        Signals.Kill(processId);

        Task<string> rest = demo.Output.ReadToEndAsync(TestContext.Current.CancellationToken);
        ToolResult result = await demo.WaitAsync();
        Assert.Equal(1, result.ExitCode);
        Assert.Equal(1, result.Errors.Count(c => c == '\n'));
        Assert.Contains($"(pid {processId}) ended with exit code 137", result.Errors, StringComparison.Ordinal);
        await AssertNothingLeftAsync(begun + await rest);
    }

    private Dictionary<string, string> TemporaryFiles() => new() { ["TMPDIR"] = _temporary.Path };

    /// <summary>Reads until the first step is done, so that all of the UDP section's processes are there and busy.</summary>
    private static async Task<string> ReadUntilTrafficAsync(Tool demo)
    {
        string all = "";
        while (await demo.Output.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            all += line + "\n";
            if (line.StartsWith("  SEND", StringComparison.Ordinal))
                return all;
        }

        throw new InvalidOperationException($"the demo ended early:\n{all}{await demo.WaitAsync()}");
    }

    private async Task AssertNothingLeftAsync(string output)
    {
        int[] processIds = [.. ProcessIdPattern().Matches(output).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))];
        Assert.True(processIds.Length >= 4, $"two daemons and two guests in:\n{output}");
        foreach (int processId in processIds)
            Assert.True(await Signals.EventuallyAsync(() => !Signals.IsAlive(processId)), $"process {processId} is still there, of:\n{output}");
        Assert.True(
            await Signals.EventuallyAsync(() => Directory.GetDirectories(_temporary.Path, Workspace.Prefix + "*").Length == 0),
            "a temporary directory is still there");
    }

    [GeneratedRegex(@"\bpid (\d+)")]
    private static partial Regex ProcessIdPattern();
}
