using System.Globalization;
using RoceEngine.Vrdma.Output;

namespace RoceEngine.Vrdma.Demo;

/// <summary>What a step measured. It is only there when every byte was verified.</summary>
/// <param name="Step">Operation and size.</param>
/// <param name="Messages">Messages sent and verified.</param>
/// <param name="LatencyMicroseconds">Median time from a post to its completion, one message outstanding.</param>
/// <param name="BytesPerSecond">Payload bandwidth of the median run, many messages outstanding.</param>
internal readonly record struct StepResult(DemoStep Step, int Messages, double LatencyMicroseconds, double BytesPerSecond);

/// <summary>The steps over one path.</summary>
internal sealed record SectionResult(string Title, IReadOnlyList<StepResult> Steps);

/// <summary>Prints the tables at the end of the demo.</summary>
internal static class Report
{
    public static void Write(IReadOnlyList<SectionResult> sections, TimeSpan elapsed)
    {
        foreach (SectionResult section in sections)
        {
            Console.Out.WriteLine();
            Console.Out.WriteLine(section.Title);
            TextTable table = new(
                new("operation"), new("bytes", true), new("messages", true), new("latency (us)", true), new("bandwidth", true), new("verified"));
            foreach (StepResult result in section.Steps)
            {
                table.AddRow(
                    OperationNames.Of(result.Step.Operation),
                    Readable.Bytes(result.Step.Bytes),
                    result.Messages.ToString(CultureInfo.InvariantCulture),
                    Readable.Microseconds(result.LatencyMicroseconds),
                    Readable.Bandwidth(result.BytesPerSecond),
                    "yes");
            }

            table.Write();
        }

        Console.Out.WriteLine();
        Console.Out.WriteLine("latency: median from post to completion, one message outstanding; bandwidth: payload of the median run, up to 16 outstanding");
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"all {sections.Sum(s => s.Steps.Sum(r => r.Messages))} messages verified in {elapsed.TotalSeconds:F1} s"));
    }
}
