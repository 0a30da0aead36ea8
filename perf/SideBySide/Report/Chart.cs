using System.Globalization;
using System.Text.RegularExpressions;
using ScottPlot;
using ScottPlot.Plottables;
using ScottPlot.TickGenerators;

namespace RoceEngine.SideBySide.Report;

/// <summary>Draws curves against message size, both axes logarithmic. Has a white background of its own, for dark pages.</summary>
internal static partial class Chart
{
    private const int Width = 1100;
    private const int Height = 620;

    /// <summary>What it is drawn with where it is made, and what looks the same where it is shown.</summary>
    private const string FontName = "DejaVu Sans";

    private const string FontsAlike = "Verdana, sans-serif";
    private const double Margin = 0.15;

    /// <summary>The picture as the text of an SVG file.</summary>
    /// <param name="title">The line above it.</param>
    /// <param name="subtitle">Where and when.</param>
    /// <param name="unit">What the vertical axis shows.</param>
    /// <param name="curves">At least one with a point.</param>
    public static string Draw(string title, string subtitle, string unit, IReadOnlyList<Curve> curves)
    {
        using var plot = new Plot();
        int[] seen = new int[Enum.GetValues<CurveKind>().Length];
        foreach (Curve curve in curves.Where(curve => curve.Points.Count > 0))
            Add(plot, curve, seen[(int)curve.Kind]++);
        SetAxes(plot, unit, [.. curves.SelectMany(curve => curve.Points)]);
        plot.Title($"{title}\n{subtitle}");
        plot.Axes.Title.Label.FontSize = 14;
        plot.ShowLegend(Edge.Right).Alignment = Alignment.UpperLeft;
        plot.Legend.FontSize = 13;
        plot.Legend.OutlineWidth = 0;
        plot.Legend.ShadowColor = Colors.Transparent;
        plot.Grid.MajorLineColor = Color.FromHex("#00000020");
        plot.Grid.MinorLineColor = Color.FromHex("#0000000C");
        plot.Grid.MinorLineWidth = 1;
        plot.Font.Set(FontName);
        plot.Legend.FontName = FontName;
        return FontFamily().Replace(plot.GetSvgXml(Width, Height), $"font-family=\"$1, {FontsAlike}\"");
    }

    /// <summary>Ours is drawn solid and strong, limits dashed and grey, peers thin and dotted.</summary>
    private static void Add(Plot plot, Curve curve, int number)
    {
        Scatter line = plot.Add.Scatter(
            curve.Points.Select(point => Math.Log2(point.Bytes)).ToArray(), curve.Points.Select(point => Math.Log10(point.Value)).ToArray());
        (string[] colours, line.LinePattern, line.LineWidth) = curve.Kind switch
        {
            CurveKind.OverUdp => (new[] { "#1f5fa8", "#5fa2e6" }, LinePattern.Solid, 3f),
            CurveKind.Local => (["#1d7a46", "#58b882"], LinePattern.Solid, 3f),
            CurveKind.Limit => (["#444444", "#9a9a9a"], LinePattern.Dashed, 2f),
            _ => (new[] { "#b8860b", "#c8412f", "#8e44ad" }, LinePattern.Solid, 1.5f),
        };
        line.Color = Color.FromHex(colours[number % colours.Length]);
        line.MarkerSize = curve.Kind == CurveKind.Limit ? 0 : 7;
        line.MarkerShape = curve.Kind == CurveKind.Peer ? MarkerShape.OpenCircle : MarkerShape.FilledCircle;
        line.LegendText = curve.Name;
    }

    private static void SetAxes(Plot plot, string unit, CurvePoint[] points)
    {
        var sizes = new NumericManual();
        foreach (int bytes in Sweep.Sizes)
            sizes.AddMajor(Math.Log2(bytes), SizeText.Spaced(bytes));
        plot.Axes.Bottom.TickGenerator = sizes;
        plot.Axes.Bottom.TickLabelStyle.FontSize = 13;
        plot.XLabel("message size");

        double low = points.Length == 0 ? 0 : points.Min(point => Math.Log10(point.Value)) - Margin;
        double high = points.Length == 0 ? 1 : points.Max(point => Math.Log10(point.Value)) + Margin;
        var values = new NumericManual();
        for (int power = (int)Math.Floor(low); power <= (int)Math.Ceiling(high); power++)
        {
            values.AddMajor(power, Math.Pow(10, power).ToString("0.######", CultureInfo.InvariantCulture));
            for (int digit = 2; digit < 10; digit++)
                values.AddMinor(power + Math.Log10(digit));
        }
        plot.Axes.Left.TickGenerator = values;
        plot.Axes.Left.TickLabelStyle.FontSize = 13;
        plot.YLabel(unit);
        plot.Axes.SetLimits(Math.Log2(Sweep.Sizes[0]) - 0.5, Math.Log2(Sweep.Sizes[^1]) + 0.5, low, high);
    }

    [GeneratedRegex("font-family=\"([^\"]*)\"")]
    private static partial Regex FontFamily();
}
