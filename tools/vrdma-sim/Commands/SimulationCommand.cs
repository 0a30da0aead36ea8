using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using System.Globalization;
using RoceEngine.Capture;
using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.World;
using Spectre.Console;

namespace RoceEngine.Simulation.Commands;

/// <summary><c>vrdma-sim</c>: one world, or many with a progress bar.</summary>
internal static class SimulationCommand
{
    private const int Clean = 0;
    private const int Failed = 1;
    private const int Usage = 2;

    /// <summary>Runs the command line; returns its exit code.</summary>
    /// <param name="args">Its arguments.</param>
    /// <param name="interference">Makes the defect to put into each world, to see that it is told of; null for none.</param>
    public static int Run(string[] args, Func<Interference>? interference = null)
    {
        ParseResult parsed = SimulationOptions.CreateCommand(options => Run(options, interference)).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
            return Fail(parsed.Errors[0].Message, Usage);
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return Fail(failure.Message, Usage);
        }
    }

    private static int Run(SimulationOptions options, Func<Interference>? interference) =>
        options.Count == 1 ? RunOne(options, interference) : RunMany(options, interference);

    private static int RunOne(SimulationOptions options, Func<Interference>? interference)
    {
        using CaptureWriter? trace = options.TraceFile is { } file ? new CaptureWriter(File.Create(file), "vrdma-sim") : null;
        if (options.IsVerbose)
            Console.WriteLine(PlanText.Of(WorldDrawing.Draw(options.Seed)));
        var settings = new SimulationSettings
        {
            Listener = options.IsVerbose ? each => Console.WriteLine(each) : null,
            Tap = trace is null ? null : new TraceTap(trace),
            Interference = interference?.Invoke(),
        };
        SimulationOutcome outcome = Simulation.Run(options.Seed, settings);
        if (!outcome.IsClean)
            return Report(outcome, showEvents: !options.IsVerbose);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"seed {outcome.Seed} is clean: {outcome.Events} events in {outcome.EndNs / 1e6:F3} ms of virtual time, hash {outcome.Hash:x16}"));
        return Clean;
    }

    private static int RunMany(SimulationOptions options, Func<Interference>? interference)
    {
        long start = Stopwatch.GetTimestamp();
        var run = new SeedRun(options.Seed, options.Count, options.Jobs, interference);
        if (Console.IsOutputRedirected)
            run.Run(onFinished: null);
        else
            RunWithProgress(run, options.Count);
        foreach (SimulationOutcome outcome in run.Failures)
            Report(outcome, showEvents: true);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{run.Finished} worlds, {run.FailureCount} of them not clean, in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s; {run.Summary()}; {run.MovesInWords()}"));
        return run.FailureCount == 0 ? Clean : Failed;
    }

    private static void RunWithProgress(SeedRun run, ulong count) => AnsiConsole.Progress()
        .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
        .Start(context =>
        {
            ProgressTask task = context.AddTask("worlds", maxValue: count);
            run.Run(() => task.Increment(1));
        });

    private static int Report(SimulationOutcome outcome, bool showEvents)
    {
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"seed {outcome.Seed} is not clean, at {outcome.EndNs / 1e3:F3} us of virtual time:"));
        Console.WriteLine($"  {outcome.Failure}");
        Console.WriteLine($"  replay: vrdma-sim --seed {outcome.Seed} --verbose");
        if (!showEvents)
            return Failed;
        Console.WriteLine("  the last events:");
        foreach (WorldEvent each in outcome.Last)
            Console.WriteLine($"  {each}");
        return Failed;
    }

    private static int Fail(string message, int exitCode)
    {
        Console.Error.WriteLine($"vrdma-sim: {message}");
        return exitCode;
    }
}
