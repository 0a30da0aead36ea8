using System.Text;
using RoceEngine.SideBySide;
using RoceEngine.SideBySide.Output;
using RoceEngine.SideBySide.Report;

namespace Benchmarks.Tests;

public class ReportTests
{
    private static Comparison Of(string unit, Bar? bar) => new("name", unit, "what", () => throw new InvalidOperationException("not measured")) { Bar = bar };

    [Theory]
    [InlineData(9.5, 10, Figure.StretchMet)]
    [InlineData(8.5, 10, Figure.Met)]
    [InlineData(8.4, 10, Figure.NotMet)]
    public void A_rate_meets_its_bar_from_below(double engine, double limit, string verdict) =>
        Assert.Equal(verdict, Figure.Of(Of(Units.GigabytesPerSecond, new Bar(0.85, 0.95)), engine, limit).Verdict);

    [Theory]
    [InlineData(11, 10, Figure.StretchMet)]
    [InlineData(12.5, 10, Figure.Met)]
    [InlineData(12.6, 10, Figure.NotMet)]
    public void A_time_meets_its_bar_from_above(double engine, double limit, string verdict) =>
        Assert.Equal(verdict, Figure.Of(Of(Units.Microseconds, new Bar(1.25, 1.1)), engine, limit).Verdict);

    [Fact]
    public void A_figure_without_another_side_is_judged_by_its_value()
    {
        Assert.Equal(Figure.Met, Figure.Of(Of(Units.CallsPerMebibyte, new Bar(40)), 39, null).Verdict);
        Assert.Equal(Figure.NotMet, Figure.Of(Of(Units.BytesPerMessage, new Bar(0)), 0.5, null).Verdict);
        Assert.Null(Figure.Of(Of(Units.Microseconds, null), 39, null).Verdict);
    }

    [Fact]
    public void What_is_missing_is_skipped_with_its_reason_and_what_fails_says_so()
    {
        Figure skipped = InterleavedRun.Run(Of(Units.Microseconds, null) with { Missing = () => "no such program" }, 0.1);
        Figure failed = InterleavedRun.Run(Of(Units.Microseconds, null), 0.1);
        Assert.Equal(("no such program", null), (skipped.Skipped, skipped.Failure));
        Assert.Equal(("not measured", (double?)null), (failed.Failure, failed.Engine));
        var text = new StringBuilder();
        FigureTable.AppendMarkdown(text, [skipped, failed]);
        Assert.Contains("not measured: no such program", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("failed: not measured", text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_figure_has_a_name_of_its_own()
    {
        using var stage = new Stage();
        string[] names = [.. Comparisons.For(stage).Select(comparison => comparison.Name)];
        Assert.Equal(names.Distinct(), names);
    }

    [Fact]
    public void The_sizes_reach_from_2_bytes_to_8_MiB() =>
        Assert.Equal((2, 8 << 20), (Sweep.Sizes[0], Sweep.Sizes[^1]));

    [Fact]
    public void A_chart_names_its_lines_and_sizes()
    {
        Curve[] curves =
        [
            new("ours", CurveKind.OverUdp, [.. Sweep.Sizes.Select(bytes => new CurvePoint(bytes, bytes))]),
            new("theirs", CurveKind.Peer, [new(2, 0.5), new(32, 1)]),
            new("never measured", CurveKind.Peer, []),
        ];
        string svg = Chart.Draw("a title", "a machine", "GB/s", curves);
        Assert.StartsWith("<?xml", svg, StringComparison.Ordinal);
        foreach (string text in (ReadOnlySpan<string>)["ours", "theirs", "a title", "a machine", "GB/s", "2 B", "8 MiB"])
            Assert.Contains(text, svg, StringComparison.Ordinal);
        Assert.DoesNotContain("never measured", svg, StringComparison.Ordinal);
    }
}
