using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using RoceEngine.SideBySide.Output;
using RoceEngine.SideBySide.Soak;

namespace RoceEngine.SideBySide.Report;

/// <summary><c>report</c>: all figures, the chart and the soak, written as Markdown, JSON and SVG files named after date and machine.</summary>
internal static class ReportCommand
{
    private const string ChartPart = "chart";
    private const string SoakPart = "soak";

    /// <summary>Of the seconds of a figure's side, what a line of the chart gets at each size.</summary>
    private const double ChartShare = 0.2;

    public static Command Create(Option<double> seconds)
    {
        var output = new Option<DirectoryInfo>("--out") { Description = "The directory to write to; made when it is not there.", Required = true };
        Option<double> soakSeconds = CommandLine.CreateSeconds("--soak-seconds", "Length of the soak.", SoakCommand.SecondsDefault);
        Option<string[]> only = CommandLine.CreateOnly([ChartPart, SoakPart]);
        only.Description = $"Measures only these figures, '{ChartPart}' or '{SoakPart}'.";
        var command = new Command("report", "Measures everything and writes the tables, the JSON and the charts.") { seconds, output, soakSeconds, only };
        command.SetAction(parsed => CommandLine.Guard(() => Execute(
            parsed.GetValue(output)!, parsed.GetValue(seconds), parsed.GetValue(soakSeconds), parsed.GetValue(only) ?? [])));
        return command;
    }

    private static void Execute(DirectoryInfo output, double seconds, double soakSeconds, string[] only)
    {
        bool Wants(string part) => only.Length == 0 || only.Contains(part);
        output.Create();
        var document = new ReportDocument(MachineFacts.Read(), [], [], [], null);
        using (var stage = new Stage())
        {
            bool onlyParts = only.Length > 0 && only.All(name => name is ChartPart or SoakPart);
            document = document with { Figures = onlyParts ? [] : CommandLine.MeasureFigures(stage, seconds, only) };
            Save(output, document);
            Partner.PinThread(last: false);
            if (Wants(ChartPart))
            {
                document = document with { Bandwidth = Sweep.Bandwidth(stage, seconds * ChartShare), Latency = Sweep.Latency(stage, seconds * ChartShare) };
                Save(output, document);
            }
        }
        FigureTable.Write(document.Figures);
        if (Wants(SoakPart))
            Save(output, document with { Soak = SoakRun.Run(soakSeconds) });
        Console.Error.WriteLine($"written: {Path.Combine(output.FullName, document.Machine.FileName)}*");
        CommandLine.ThrowIfAnyFailed(document.Figures);
    }

    /// <summary>Writes what is there so far: a failure later on loses nothing of it.</summary>
    private static void Save(DirectoryInfo output, ReportDocument document)
    {
        string stem = Path.Combine(output.FullName, document.Machine.FileName);
        File.WriteAllText($"{stem}.json", JsonSerializer.Serialize(document, ReportJson.Default.ReportDocument) + "\n");
        if (document.Bandwidth.Count > 0)
        {
            string subtitle = $"{document.Machine.Date}, {document.Machine.Processor}, {document.Machine.Used} cores";
            File.WriteAllText($"{stem}-bandwidth.svg", Chart.Draw("Bandwidth against message size", subtitle, "GB/s", document.Bandwidth));
            File.WriteAllText($"{stem}-latency.svg", Chart.Draw("Half round trip against message size", subtitle, "µs", document.Latency));
        }
        File.WriteAllText($"{stem}.md", Markdown(document));
    }

    private static string Markdown(ReportDocument document)
    {
        string stem = document.Machine.FileName;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# Side by side\n\n{document.Machine.Summary}. Written by `SideBySide report`.\n");
        if (document.Figures.Count > 0)
        {
            text.Append("\nBoth sides of a line by turns, medians. A ratio is the engine's value divided by the other side's; of times and counts less is better.\n\n");
            FigureTable.AppendMarkdown(text, document.Figures);
        }
        if (document.Bandwidth.Count > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## Against message size\n\n![bandwidth]({stem}-bandwidth.svg)\n\n![latency]({stem}-latency.svg)\n");
            AppendCurves(text, "GB/s", document.Bandwidth);
            AppendCurves(text, "µs, half round trip", document.Latency);
        }
        if (document.Soak is { } soak)
        {
            text.Append("\n## Tails and garbage collections\n\n");
            SoakCommand.AppendMarkdown(text, soak);
        }
        return text.ToString();
    }

    private static void AppendCurves(StringBuilder into, string unit, IReadOnlyList<Curve> curves)
    {
        into.Append(CultureInfo.InvariantCulture, $"\n| {unit} | {string.Join(" | ", curves.Select(curve => curve.Name))} |\n|---|{string.Concat(Enumerable.Repeat("---|", curves.Count))}\n");
        foreach (int bytes in Sweep.Sizes)
        {
            into.Append(CultureInfo.InvariantCulture, $"| {SizeText.Spaced(bytes)} |");
            foreach (Curve curve in curves)
                into.Append(CultureInfo.InvariantCulture, $" {Value(curve, bytes)} |");
            into.Append('\n');
        }
    }

    private static string Value(Curve curve, int bytes) =>
        FigureTable.Number(curve.Points.FirstOrDefault(point => point.Bytes == bytes)?.Value);
}
