using System.Xml.Linq;
using EndToEnd.Tests.Support;

namespace EndToEnd.Tests;

/// <summary><c>vrdma demo --migrate</c> as a process whose output is not a terminal.</summary>
public sealed class MigrationDemoTests : IDisposable
{
    private readonly DemoRuns _demos = new();

    public void Dispose() => _demos.Dispose();

    [Fact]
    public async Task Moves_are_told_drawn_and_every_byte_is_right()
    {
        string picture = _demos.File("moves.svg");

        ToolResult result = await _demos.RunAsync("--migrate", "--moves", "2", "--address", "127.14.50.2", "--picture", picture);

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
        using Tool demo = _demos.Start("--migrate", "--address", "127.14.51.2");
        string begun = await DemoRuns.ReadUntilAsync(demo, "move 1 of 20");

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

    private Task AssertNothingLeftAsync(string output)
    {
        Assert.True(DemoRuns.ProcessIds(output).Length == 4, $"two daemons and two guests in:\n{output}");
        return _demos.AssertNothingLeftAsync(output);
    }
}
