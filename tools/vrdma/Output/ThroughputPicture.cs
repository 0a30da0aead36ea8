using System.Globalization;
using System.Text;

namespace RoceEngine.Vrdma.Output;

/// <summary>Bytes that completed in the interval that ends at a time.</summary>
/// <param name="Seconds">The interval's end, since the beginning of the run.</param>
/// <param name="Bytes">Payload bytes since the sample before.</param>
internal readonly record struct ThroughputSample(double Seconds, long Bytes);

/// <summary>A move to be marked in the picture.</summary>
/// <param name="BeginSeconds">When it was asked for, since the beginning of the run.</param>
/// <param name="EndSeconds">When it was done.</param>
/// <param name="Blackout">How long the device stood still.</param>
internal readonly record struct PictureMove(double BeginSeconds, double EndSeconds, TimeSpan Blackout);

/// <summary>Draws throughput over time as an SVG with the moves as vertical bands. Has a light background of its own, for dark pages.</summary>
internal static class ThroughputPicture
{
    private const double Width = 1000;
    private const double Height = 420;
    private const double Left = 70;
    private const double Right = Width - 20;
    private const double Top = 90;
    private const double Bottom = Height - 55;

    /// <summary>A band is at least so wide, or a short move would not be seen.</summary>
    private const double BandWidthMin = 2;

    private const int TicksMax = 10;

    /// <summary>The picture as the text of an SVG file.</summary>
    /// <param name="title">The line above it.</param>
    /// <param name="samples">In order of time.</param>
    /// <param name="moves">In order of time.</param>
    public static string Draw(string title, IReadOnlyList<ThroughputSample> samples, IReadOnlyList<PictureMove> moves)
    {
        (double Seconds, double Gigabits)[] rates = Rates(samples);
        double secondsMax = Math.Max(rates.Length == 0 ? 0 : rates[^1].Seconds, moves.Count == 0 ? 0 : moves[^1].EndSeconds);
        secondsMax = secondsMax > 0 ? secondsMax : 1;
        double step = TickStep(Math.Max(rates.Length == 0 ? 0 : rates.Max(rate => rate.Gigabits), 1e-6));
        double gigabitsMax = step * Math.Ceiling(Math.Max(rates.Length == 0 ? 0 : rates.Max(rate => rate.Gigabits), step) / step);
        double X(double seconds) => Left + (seconds / secondsMax * (Right - Left));
        double Y(double gigabits) => Bottom - (gigabits / gigabitsMax * (Bottom - Top));

        StringBuilder svg = new();
        Line(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222222\">");
        Line(svg, $"<rect width=\"{Width}\" height=\"{Height}\" rx=\"6\" fill=\"#fafafa\"/>");
        Line(svg, $"<text x=\"{Left}\" y=\"26\" font-size=\"16\" font-weight=\"bold\">{Escape(title)}</text>");
        foreach (PictureMove move in moves)
            DrawMove(svg, move, X(move.BeginSeconds), X(move.EndSeconds));
        for (int i = 0; i <= (int)Math.Round(gigabitsMax / step); i++)
        {
            double y = Y(i * step);
            Line(svg, $"<line x1=\"{Left}\" y1=\"{y:F1}\" x2=\"{Right}\" y2=\"{y:F1}\" stroke=\"#d5d5d5\"/>");
            Line(svg, $"<text x=\"{Left - 6}\" y=\"{y + 4:F1}\" text-anchor=\"end\">{i * step:G4}</text>");
        }

        double secondsStep = TickStep(secondsMax);
        for (int i = 0; i * secondsStep <= secondsMax; i++)
            Line(svg, $"<text x=\"{X(i * secondsStep):F1}\" y=\"{Bottom + 18}\" text-anchor=\"middle\">{i * secondsStep:G4}</text>");
        Line(svg, $"<text x=\"{(Left + Right) / 2}\" y=\"{Bottom + 40}\" text-anchor=\"middle\">time in s</text>");
        Line(svg, $"<text transform=\"translate(20 {(Top + Bottom) / 2}) rotate(-90)\" text-anchor=\"middle\">throughput in Gbit/s</text>");
        svg.Append("<polyline fill=\"none\" stroke=\"#1f5fa8\" stroke-width=\"1.3\" points=\"");
        foreach ((double seconds, double gigabits) in rates)
            svg.Append(CultureInfo.InvariantCulture, $"{X(seconds):F1},{Y(gigabits):F1} ");
        svg.Append("\"/>\n</svg>\n");
        return svg.ToString();
    }

    private static void DrawMove(StringBuilder svg, PictureMove move, double begin, double end)
    {
        double width = Math.Max(end - begin, BandWidthMin);
        double middle = begin + (width / 2);
        Line(svg, $"<rect class=\"move\" x=\"{begin:F1}\" y=\"{Top}\" width=\"{width:F1}\" height=\"{Bottom - Top}\" fill=\"#e8833a\" fill-opacity=\"0.35\"/>");
        string place = string.Create(CultureInfo.InvariantCulture, $"translate({middle + 4:F1} {Top - 5}) rotate(-60)");
        Line(svg, $"<text transform=\"{place}\" font-size=\"11\" fill=\"#9a4a10\">{move.Blackout.TotalMilliseconds:F1} ms</text>");
    }

    /// <summary>Samples that cover no time say nothing of a rate.</summary>
    private static (double Seconds, double Gigabits)[] Rates(IReadOnlyList<ThroughputSample> samples)
    {
        List<(double, double)> rates = [];
        double before = 0;
        foreach (ThroughputSample sample in samples)
        {
            if (sample.Seconds <= before)
                continue;
            rates.Add((sample.Seconds, sample.Bytes * 8e-9 / (sample.Seconds - before)));
            before = sample.Seconds;
        }

        return [.. rates];
    }

    /// <summary>1, 2 or 5 times a power of ten, so that at most <see cref="TicksMax"/> steps reach the largest value.</summary>
    private static double TickStep(double largest)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(largest / TicksMax)));
        foreach (int factor in (ReadOnlySpan<int>)[1, 2, 5])
        {
            if (largest / (factor * power) <= TicksMax)
                return factor * power;
        }

        return 10 * power;
    }

    private static string Escape(string text) =>
        text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);

    private static void Line(StringBuilder svg, FormattableString text) => svg.Append(FormattableString.Invariant(text)).Append('\n');
}
