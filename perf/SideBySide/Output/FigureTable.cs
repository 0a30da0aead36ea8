using System.Globalization;
using Spectre.Console;

namespace RoceEngine.SideBySide.Output;

/// <summary>The table on standard output. Spectre.Console leaves out colours and line art where the output is no terminal.</summary>
internal static class FigureTable
{
    private const int PipedWidth = 160;

    public static void Write(IReadOnlyList<Comparison> comparisons, IReadOnlyList<Figure> figures)
    {
        var table = new Table { Border = Console.IsOutputRedirected ? TableBorder.Ascii : TableBorder.Rounded };
        table.AddColumns("figure", "unit", "engine", "limit", "ratio", "what");
        table.Columns[2].Alignment = table.Columns[3].Alignment = table.Columns[4].Alignment = Justify.Right;
        for (int i = 0; i < figures.Count; i++)
        {
            Figure figure = figures[i];
            table.AddRow(
                figure.Name, figure.Unit, Number(figure.Engine), Number(figure.Limit), Number(figure.Ratio), Markup.Escape(comparisons[i].Description));
        }
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = PipedWidth;
        AnsiConsole.Write(table);
    }

    private static string Number(double value) => value.ToString(value >= 100 ? "F1" : "F3", CultureInfo.InvariantCulture);
}
