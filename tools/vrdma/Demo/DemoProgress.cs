using System.Globalization;
using RoceEngine.Vrdma.Output;
using Spectre.Console;

namespace RoceEngine.Vrdma.Demo;

/// <summary>Shows how far the demo is.</summary>
internal interface IDemoProgress
{
    /// <summary>A line about what was started or decided.</summary>
    void Say(string line);

    void BeginSection(string title, int steps);

    void BeginStep(DemoStep step);

    void EndStep(StepResult result);

    void EndSection();
}

/// <summary>A line per step, for pipes and files.</summary>
internal sealed class PlainProgress : IDemoProgress
{
    public void Say(string line) => Console.Out.WriteLine(line);

    public void BeginSection(string title, int steps) => Console.Out.WriteLine(title);

    public void BeginStep(DemoStep step)
    {
    }

    public void EndStep(StepResult result) => Console.Out.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"  {OperationNames.Of(result.Step.Operation)}, {Readable.Bytes(result.Step.Bytes)}: {result.Messages} messages verified"));

    public void EndSection()
    {
    }
}

/// <summary>A status line that a terminal redraws.</summary>
internal sealed class TerminalProgress(StatusContext status) : IDemoProgress
{
    private int _steps;
    private int _done;

    public void Say(string line) => AnsiConsole.MarkupLineInterpolated($"[grey]{line}[/]");

    public void BeginSection(string title, int steps)
    {
        (_steps, _done) = (steps, 0);
        AnsiConsole.MarkupLineInterpolated($"{title}");
    }

    public void BeginStep(DemoStep step) => status.Status(string.Create(
        CultureInfo.InvariantCulture, $"{_done + 1}/{_steps}  {OperationNames.Of(step.Operation)}, {Readable.Bytes(step.Bytes)}"));

    public void EndStep(StepResult result) => _done++;

    public void EndSection() => AnsiConsole.MarkupLineInterpolated($"  [green]{_done} steps verified[/]");
}
