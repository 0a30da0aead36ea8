using System.Text;
using Spectre.Console;

namespace RoceEngine.Vrdma.Output;

/// <summary>A column of a table: its heading, and whether its values are numbers to align to the right.</summary>
internal readonly record struct TextColumn(string Heading, bool IsNumber = false);

/// <summary>
/// A table that a terminal shows with borders and that a pipe or file gets as aligned plain text, one line per row, of the same
/// shape wherever it is written.
/// </summary>
internal sealed class TextTable(params TextColumn[] columns)
{
    private readonly List<string[]> _rows = [];

    /// <summary>Adds a row; there must be as many cells as columns.</summary>
    public void AddRow(params string[] cells)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, columns.Length);
        _rows.Add(cells);
    }

    /// <summary>Writes the table to standard output.</summary>
    public void Write()
    {
        if (Console.IsOutputRedirected)
            Console.Out.Write(ToPlainText());
        else
            AnsiConsole.Write(ToSpectre());
    }

    /// <summary>The table as aligned text: a line of headings, a line per row, two spaces between columns, no trailing spaces.</summary>
    public string ToPlainText()
    {
        int[] widths = new int[columns.Length];
        for (int i = 0; i < widths.Length; i++)
            widths[i] = Math.Max(columns[i].Heading.Length, _rows.Count == 0 ? 0 : _rows.Max(row => row[i].Length));

        StringBuilder text = new();
        AppendLine(text, [.. columns.Select(column => column.Heading)], widths);
        foreach (string[] row in _rows)
            AppendLine(text, row, widths);
        return text.ToString();
    }

    private void AppendLine(StringBuilder text, string[] cells, int[] widths)
    {
        StringBuilder line = new();
        for (int i = 0; i < cells.Length; i++)
        {
            if (i > 0)
                line.Append("  ");
            line.Append(columns[i].IsNumber ? cells[i].PadLeft(widths[i]) : cells[i].PadRight(widths[i]));
        }

        text.Append(line.ToString().TrimEnd()).Append('\n');
    }

    private Table ToSpectre()
    {
        Table table = new() { Border = TableBorder.Rounded };
        foreach (TextColumn column in columns)
        {
            TableColumn shown = new(Markup.Escape(column.Heading)) { NoWrap = true };
            table.AddColumn(column.IsNumber ? shown.RightAligned() : shown);
        }

        foreach (string[] row in _rows)
            table.AddRow([.. row.Select(Markup.Escape)]);
        return table;
    }
}
