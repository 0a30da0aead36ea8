using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace RoceEngine.SideBySide.Loss;

/// <summary><c>loss</c>: what random loss costs, as a Markdown table.</summary>
internal static class LossCommand
{
    private const int MessageBytes = 64 << 10;

    public static Command Create(Option<double> seconds, Option<FileInfo?> json)
    {
        var command = new Command("loss", "Goodput of RC WRITEs of 64 KiB under random loss of 0 to 20 %, in one interleaved run.") { seconds, json };
        command.SetAction(parsed => CommandLine.Guard(() => Execute(parsed.GetValue(seconds), parsed.GetValue(json))));
        return command;
    }

    private static void Execute(double seconds, FileInfo? json)
    {
        Partner.PinThread(last: false);
        LossDocument document = LossRun.Run(MessageBytes, seconds);
        Console.WriteLine("| loss | goodput, GB/s | ÷ without loss | errors |");
        Console.WriteLine("|---|---|---|---|");
        foreach (LossFigure figure in document.Figures)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"| {figure.LossRate * 100:0.#} % | {figure.Goodput:0.000} | {figure.Ratio:0.00} | {figure.Errors} |"));
        }
        if (json != null)
            File.WriteAllText(json.FullName, JsonSerializer.Serialize(document, LossJson.Default.LossDocument) + "\n");
    }
}
