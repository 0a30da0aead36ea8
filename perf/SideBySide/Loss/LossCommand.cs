using System.CommandLine;
using System.Globalization;
using System.Text.Json;

namespace RoceEngine.SideBySide.Loss;

/// <summary><c>loss</c>: what random loss costs, as a Markdown table.</summary>
internal static class LossCommand
{
    private const int MessageBytesDefault = 64 << 10;
    private const int MessageBytesMax = 8 << 20;

    public static Command Create(Option<double> seconds, Option<FileInfo?> json)
    {
        var size = new Option<int>("--size") { Description = "Bytes of a WRITE.", DefaultValueFactory = _ => MessageBytesDefault };
        size.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > MessageBytesMax)
                result.AddError($"--size {result.Tokens[0].Value}: must be 1 to {MessageBytesMax}");
        });
        var messages = new Option<long>("--messages") { Description = "Rates up to 5 % go on until so many WRITEs are complete." };
        var command = new Command("loss", "Goodput of RC WRITEs under random loss of 0 to 20 %, in one interleaved run.") { seconds, json, size, messages };
        command.SetAction(parsed => CommandLine.Guard(
            () => Execute(parsed.GetValue(size), parsed.GetValue(seconds), parsed.GetValue(messages), parsed.GetValue(json))));
        return command;
    }

    private static void Execute(int messageBytes, double seconds, long messages, FileInfo? json)
    {
        Partner.PinThread(last: false);
        LossDocument document = LossRun.Run(messageBytes, seconds, messages);
        Console.WriteLine("| loss | goodput, GB/s | ÷ without loss | messages | errors |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (LossFigure figure in document.Figures)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {figure.LossRate * 100:0.#} % | {figure.Goodput:0.000} | {figure.Ratio:0.00} | {figure.Messages} | {figure.Errors} |"));
        }
        if (json != null)
            File.WriteAllText(json.FullName, JsonSerializer.Serialize(document, LossJson.Default.LossDocument) + "\n");
    }
}
