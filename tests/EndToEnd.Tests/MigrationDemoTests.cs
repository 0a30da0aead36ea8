using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using EndToEnd.Tests.Support;
using RoceEngine.Launching;

namespace EndToEnd.Tests;

/// <summary><c>vrdma demo --migrate</c> as a process whose output is not a terminal.</summary>
public sealed partial class MigrationDemoTests : IDisposable
{
    private readonly TemporaryDirectory _temporary = new();

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public async Task Moves_are_told_drawn_and_every_byte_is_right()
    {
        string picture = _temporary.File("moves.svg");

        ToolResult result = await Tool.RunAsync(["demo", "--migrate", "--moves", "2", "--address", "127.14.50.2", "--picture", picture], TemporaryFiles());

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.DoesNotContain('\e', result.Output);
        Assert.DoesNotContain('\r', result.Output);
        Assert.Matches(@"\nmove +from +to +memory +blackout ms +gap at peer ms ", result.Output);
        Assert.Matches(@"\n +1 +A +B +", result.Output);
        Assert.Matches(@"\n +2 +B +A +", result.Output);
        Assert.Matches(@"\n\d+ messages, \d+\.\d\d [GM]iB, \d+ atomics: every completion once and in order, every byte right, every atomic applied once\n", result.Output);
        XElement root = XElement.Load(picture);
        Assert.Equal(2, root.Elements().Count(element => (string?)element.Attribute("class") == "move"));
        File.Delete(picture);
        await AssertNothingLeftAsync(result.Output);
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("KILL", 137)]
    public async Task A_signal_in_the_midst_ends_it_within_seconds(string signal, int exitCode)
    {
        using Tool demo = Tool.Start(["demo", "--migrate", "--address", "127.14.51.2"], TemporaryFiles(), readsOutput: false);
        string begun = await ReadUntilMovedAsync(demo);

        if (signal == "INT")
            Signals.Interrupt(demo.Id);
        else
            Signals.Kill(demo.Id);

        await demo.Output.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        ToolResult result = await demo.WaitAsync();
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Equal(signal == "INT" ? "vrdma: demo: interrupted; everything that it started has ended\n" : "", result.Errors);
        await AssertNothingLeftAsync(begun);
    }

    private static async Task<string> ReadUntilMovedAsync(Tool demo)
    {
        string all = "";
        while (await demo.Output.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            all += line + "\n";
            if (line.StartsWith("move 1 of 20", StringComparison.Ordinal))
                return all;
        }

        throw new InvalidOperationException($"the demo ended early:\n{all}{await demo.WaitAsync()}");
    }

    private Dictionary<string, string> TemporaryFiles() => new() { ["TMPDIR"] = _temporary.Path };

    private async Task AssertNothingLeftAsync(string output)
    {
        int[] processIds = [.. ProcessIdPattern().Matches(output).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))];
        Assert.True(processIds.Length == 4, $"two daemons and two guests in:\n{output}");
        foreach (int processId in processIds)
            Assert.True(await Signals.EventuallyAsync(() => !Signals.IsAlive(processId)), $"process {processId} is still there, of:\n{output}");
        Assert.True(
            await Signals.EventuallyAsync(() => Directory.GetDirectories(_temporary.Path, Workspace.Prefix + "*").Length == 0),
            "a temporary directory is still there");
    }

    [GeneratedRegex(@"\bpid (\d+)")]
    private static partial Regex ProcessIdPattern();
}
