using System.Globalization;
using System.Text;
using Spectre.Console;

namespace RoceEngine.SideBySide.Output;

/// <summary>The table of figures: on standard output, or as Markdown. Spectre.Console leaves out colours and line art where the output is no terminal.</summary>
internal static class FigureTable
{
    private const int PipedWidth = 190;

    public static void Write(IReadOnlyList<Figure> figures)
    {
        var table = new Table { Border = Console.IsOutputRedirected ? TableBorder.Ascii : TableBorder.Rounded };
        table.AddColumns("figure", "unit", "engine", "other", "ratio", "bar", "verdict", "what");
        foreach (int column in (ReadOnlySpan<int>)[2, 3, 4, 5])
            table.Columns[column].Alignment = Justify.Right;
        foreach (Figure figure in figures)
        {
            table.AddRow(
                figure.Name, figure.Unit, Number(figure.Engine), Number(figure.Limit), Number(figure.Ratio), Markup.Escape(BarOf(figure)),
                Markup.Escape(VerdictOf(figure)), Markup.Escape(figure.Description));
        }
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = PipedWidth;
        AnsiConsole.Write(table);
    }

    /// <summary>The same as a Markdown table.</summary>
    public static void AppendMarkdown(StringBuilder into, IReadOnlyList<Figure> figures)
    {
        into.Append("| figure | what | unit | engine | other side | ratio | bar (stretch) | verdict |\n|---|---|---|---|---|---|---|---|\n");
        foreach (Figure figure in figures)
        {
            into.Append(CultureInfo.InvariantCulture, $"| `{figure.Name}` | {figure.Description} | {figure.Unit} | {Number(figure.Engine)} | {Number(figure.Limit)} ");
            into.Append(CultureInfo.InvariantCulture, $"| {Number(figure.Ratio)} | {BarOf(figure)} | {VerdictOf(figure)} |\n");
        }
    }

    private static string BarOf(Figure figure)
    {
        if (figure.Bar is not { } bar)
            return "";
        string sign = Comparison.IsRate(figure.Unit) ? "≥" : "≤";
        string text = string.Create(CultureInfo.InvariantCulture, $"{sign} {bar:0.##}");
        return figure.Stretch is { } stretch ? string.Create(CultureInfo.InvariantCulture, $"{text} ({stretch:0.##})") : text;
    }

    private static string VerdictOf(Figure figure) =>
        figure.Failure is { } failure ? $"failed: {failure}" : figure.Skipped is { } skipped ? $"not measured: {skipped}" : figure.Verdict ?? "";

    /// <summary>About three digits, never with an exponent.</summary>
    public static string Number(double? value) => value switch
    {
        null => "",
        0 => "0",
        { } number => number.ToString(Math.Abs(number) switch { >= 100 => "F0", >= 10 => "F1", >= 0.1 => "F2", >= 0.01 => "F3", _ => "F5" }, CultureInfo.InvariantCulture),
    };
}
