namespace RoceEngine.Verbs.Tests;

public sealed class ExplanationTests
{
    [Fact]
    public void Every_status_has_one_line_of_its_own()
    {
        CompletionStatus[] all = Enum.GetValues<CompletionStatus>();
        Assert.Equal(all, CompletionStatusExplanation.All);
        string[] lines = [.. all.Select(status => status.Explain())];
        Assert.All(lines, line => Assert.InRange(line.Length, 20, 180));
        Assert.All(lines, line => Assert.True(line.EndsWith('.') && !line.Contains('\n') && char.IsUpper(line[0]), line));
        Assert.Equal(lines.Length, lines.Distinct().Count());
    }

    [Theory]
    [InlineData(0, "IBV_WC_SUCCESS")]
    [InlineData(4, "IBV_WC_LOC_PROT_ERR")]
    [InlineData(5, "IBV_WC_WR_FLUSH_ERR")]
    [InlineData(12, "IBV_WC_RETRY_EXC_ERR")]
    [InlineData(21, "IBV_WC_GENERAL_ERR")]
    public void A_status_is_found_by_constant_name_and_number(int value, string constant)
    {
        var status = (CompletionStatus)value;
        Assert.Equal(constant, status.ConstantName());
        string[] names = [constant, constant[7..], constant.ToLowerInvariant(), status.ToString(), $" {value} "];
        Assert.All(names, name =>
        {
            Assert.True(CompletionStatusExplanation.TryParse(name, out CompletionStatus found), name);
            Assert.Equal(status, found);
        });
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("IBV_WC_")]
    [InlineData("22")]
    [InlineData("-1")]
    [InlineData("nonsense")]
    public void What_is_no_status_is_not_found(string? text) => Assert.False(CompletionStatusExplanation.TryParse(text, out _));

    [Fact]
    public void A_value_without_a_meaning_is_told_so()
    {
        Assert.Contains("99", ((CompletionStatus)99).Explain(), StringComparison.Ordinal);
        Assert.Equal("99", ((CompletionStatus)99).ConstantName());
    }
}
