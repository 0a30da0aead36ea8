using System.Globalization;
using System.Text.RegularExpressions;
using RoceEngine.Launching;

namespace EndToEnd.Tests.Support;

/// <summary><c>vrdma demo</c> as processes whose output is not a terminal and whose temporary files are a test's own, so that what they leave is seen.</summary>
internal sealed partial class DemoRuns : IDisposable
{
    private readonly TemporaryDirectory _temporary = new();

    private Dictionary<string, string> Environment => new() { ["TMPDIR"] = _temporary.Path };

    public string File(string name) => _temporary.File(name);

    /// <summary>Runs it to its end.</summary>
    public Task<ToolResult> RunAsync(params string[] arguments) => Tool.RunAsync(["demo", .. arguments], Environment);

    /// <summary>Starts it; its output is the test's to read.</summary>
    public Tool Start(params string[] arguments) => Tool.Start(["demo", .. arguments], Environment, readsOutput: false);

    /// <summary>Reads until a line begins like this, and gives all that was read.</summary>
    public static async Task<string> ReadUntilAsync(Tool demo, string lineBegin)
    {
        string all = "";
        while (await demo.Output.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            all += line + "\n";
            if (line.StartsWith(lineBegin, StringComparison.Ordinal))
                return all;
        }

        throw new InvalidOperationException($"the demo ended early:\n{all}{await demo.WaitAsync()}");
    }

    /// <summary>The processes that a demo says it started, in order.</summary>
    public static int[] ProcessIds(string output) =>
        [.. ProcessIdPattern().Matches(output).Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))];

    /// <summary>All processes that the output names end soon, and no directory is left.</summary>
    public async Task AssertNothingLeftAsync(string output)
    {
        foreach (int processId in ProcessIds(output))
            Assert.True(await Signals.EventuallyAsync(() => !Signals.IsAlive(processId)), $"process {processId} is still there, of:\n{output}");
        Assert.True(
            await Signals.EventuallyAsync(() => Directory.GetDirectories(_temporary.Path, Workspace.Prefix + "*").Length == 0),
            "a temporary directory is still there");
    }

    public void Dispose() => _temporary.Dispose();

    [GeneratedRegex(@"\bpid (\d+)")]
    private static partial Regex ProcessIdPattern();
}
