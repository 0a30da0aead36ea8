using System.CommandLine;
using System.Globalization;
using System.Text;

namespace RoceEngine.SideBySide.Soak;

/// <summary><c>soak</c>: latency tails and garbage collections of a long run, as Markdown.</summary>
internal static class SoakCommand
{
    /// <summary>Length of a run where nothing else is asked for.</summary>
    public const double SecondsDefault = 60;

    public static Command Create()
    {
        Option<double> seconds = CommandLine.CreateSeconds("--seconds", "Length of the whole run.", SecondsDefault);
        var command = new Command("soak", "Latency tails and garbage collections of a long run, inline and through daemons.") { seconds };
        command.SetAction(parsed => CommandLine.Guard(() =>
        {
            var text = new StringBuilder();
            AppendMarkdown(text, SoakRun.Run(parsed.GetValue(seconds)));
            Console.Write(text);
        }));
        return command;
    }

    public static void AppendMarkdown(StringBuilder into, SoakResult soak)
    {
        into.Append("| half round trip, µs | samples | p50 | p99 | p99.9 | longest |\n|---|---|---|---|---|---|\n");
        foreach (TailFigure tail in soak.Tails)
            into.Append(CultureInfo.InvariantCulture, $"| {tail.What} | {tail.Samples} | {tail.P50:0.00} | {tail.P99:0.00} | {tail.P999:0.00} | {tail.Max:0.0} |\n");
        into.Append(
            CultureInfo.InvariantCulture,
            $"\n{soak.Messages} messages in {soak.Seconds:0} s. Garbage collections: {soak.Collections} where guests and inline hosts ran ");
        into.Append(CultureInfo.InvariantCulture, $"({soak.PauseMilliseconds:0.0} ms of pauses), {soak.DaemonCollections} in the daemons.\n");
    }
}
