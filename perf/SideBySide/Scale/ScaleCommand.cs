using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace RoceEngine.SideBySide.Scale;

/// <summary><c>scale</c>: what connected QPs cost, as a Markdown table.</summary>
internal static class ScaleCommand
{
    public static Command Create(Option<double> seconds, Option<FileInfo?> json)
    {
        var command = new Command("scale", "Cost of 1 to 10,000 connected QPs: creation, memory, and the message rate of one busy QP beside them.") { seconds, json };
        command.SetAction(parsed => CommandLine.Guard(() => Execute(parsed.GetValue(seconds), parsed.GetValue(json))));
        return command;
    }

    private static void Execute(double seconds, FileInfo? json)
    {
        Partner.PinThread(last: false);
        ScaleDocument document = ScaleRun.Run(seconds);
        Console.WriteLine("| QPs | creation, µs per QP | memory, B per QP | rate alone, M/s | rate beside them, M/s | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (ScaleFigure figure in document.Figures)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {figure.QueuePairs} | {figure.CreateMicroseconds:0.0} | {figure.BytesPerQueuePair:0} | {figure.AloneRate:0.000} | {figure.BesideRate:0.000} | {figure.Ratio:0.00} |"));
        }
        if (json != null)
            File.WriteAllText(json.FullName, JsonSerializer.Serialize(document, ScaleJson.Default.ScaleDocument) + "\n");
    }
}
