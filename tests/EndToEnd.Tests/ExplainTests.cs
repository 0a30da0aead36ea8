using EndToEnd.Tests.Support;
using RoceEngine.Verbs;

namespace EndToEnd.Tests;

/// <summary><c>vrdma explain</c>: completion statuses in words.</summary>
public sealed class ExplainTests
{
    [Fact]
    public async Task Without_a_name_every_status_has_its_line()
    {
        ToolResult result = await Tool.RunAsync(["explain"]);

        Assert.True(result.ExitCode == 0 && result.Errors.Length == 0, result.ToString());
        string[] lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Enum.GetValues<CompletionStatus>().Length, lines.Length);
        foreach (CompletionStatus status in Enum.GetValues<CompletionStatus>())
        {
            string line = lines[(int)status];
            Assert.StartsWith($"{(int)status,2}  {status.ConstantName()} ", line, StringComparison.Ordinal);
            Assert.EndsWith(status.Explain(), line, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("RETRY_EXC_ERR")]
    [InlineData("ibv_wc_retry_exc_err")]
    [InlineData("RetryExceededError")]
    [InlineData("12")]
    public async Task One_status_is_found_by_any_of_its_names(string name)
    {
        ToolResult result = await Tool.RunAsync(["explain", name]);

        Assert.Equal(0, result.ExitCode);
        string line = Assert.Single(result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("12  IBV_WC_RETRY_EXC_ERR ", line, StringComparison.Ordinal);
    }
}
