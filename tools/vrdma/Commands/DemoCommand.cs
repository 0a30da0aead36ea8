using System.CommandLine;
using System.Diagnostics;
using System.Net;
using RoceEngine.Launching;
using RoceEngine.Vrdma.Demo;
using RoceEngine.Vrdma.Demo.Moving;
using RoceEngine.Vrdma.Output;
using Spectre.Console;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma demo</c>: daemons and guests as processes of their own exchange every RC operation, every byte verified.</summary>
internal static class DemoCommand
{
    private static readonly IPAddress DefaultFirstAddress = new([127, 0, 0, 2]);

    private const int DefaultMoves = 20;
    private const int MovesMax = 100;

    /// <summary>The whole demo takes a few seconds; after this long something hangs.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    public static Command Create()
    {
        Option<IPAddress?> address = CommonOptions.LoopbackAddress(
            "--address", $"The first of the loopback addresses to use (default: {DefaultFirstAddress}).");
        Option<bool> migrate = new("--migrate") { Description = "Instead, move the device of a streaming guest between two daemons, back and forth." };
        Option<long?> moves = CommonOptions.Count("--moves", "-n", $"With --migrate: how often the device moves (default: {DefaultMoves}, ten times there and back).");
        Option<string?> picture = new("--picture") { Description = "With --migrate: an SVG file to draw throughput over time into.", HelpName = "FILE", CustomParser = CommonOptions.Word };
        Command command = new("demo", "Starts two daemons and guests, runs every RC operation between them and verifies every byte.") { address, migrate, moves, picture };
        command.SetAction((parsed, _) =>
        {
            IPAddress first = parsed.GetValue(address) ?? DefaultFirstAddress;
            if (!parsed.GetValue(migrate))
                return RunAsync(stop => RunOperationsAsync(first, stop));
            int count = (int)Math.Min(parsed.GetValue(moves) ?? DefaultMoves, MovesMax);
            return RunAsync(stop => RunMigrationsAsync(first, count, parsed.GetValue(picture), stop));
        });
        return command;
    }

    private static async Task RunOperationsAsync(IPAddress firstAddress, CancellationToken stop)
    {
        long begin = Stopwatch.GetTimestamp();
        IReadOnlyList<SectionResult> sections = Console.IsOutputRedirected
            ? await new Orchestrator(firstAddress, new PlainProgress()).RunAsync(stop)
            : await AnsiConsole.Status().StartAsync("starting", status => new Orchestrator(firstAddress, new TerminalProgress(status)).RunAsync(stop));
        Report.Write(sections, Stopwatch.GetElapsedTime(begin));
    }

    private static async Task RunMigrationsAsync(IPAddress firstAddress, int moves, string? picture, CancellationToken stop)
    {
        ILiveView view = Console.IsOutputRedirected ? new PlainLiveView() : new TerminalLiveView();
        MigrationDemoResult result = await new MigrationDemo(firstAddress, moves, view).RunAsync(stop);
        view.Say("");
        string? problem = MigrationDemoReport.Write(result);
        if (picture is not null)
            await File.WriteAllTextAsync(picture, MigrationDemoReport.Draw(result), stop);
        if (problem is not null)
            throw new DemoException(problem);
    }

    private static async Task<int> RunAsync(Func<CancellationToken, Task> demo)
    {
        using TerminationSignals signals = new();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(signals.Token);
        stop.CancelAfter(Limit);
        try
        {
            await demo(stop.Token);
            return ExitCode.Success;
        }
        catch (Exception failure) when (failure is LaunchException or OperationCanceledException or IOException)
        {
            // Ctrl-C at a terminal reaches the children too: what they then say is no failure of theirs.
            if (signals.ExitCode == 0 && failure is not OperationCanceledException)
                await Task.Delay(SignalSettling);
            string message = signals.ExitCode != 0
                ? "demo: interrupted; everything that it started has ended"
                : failure is OperationCanceledException
                    ? $"demo: not finished within {Limit.TotalSeconds:F0} s; everything that it started has ended"
                    : $"demo: {Readable.OneLine(failure.Message)}";
            throw new CommandException(message, signals.ExitCode != 0 ? signals.ExitCode : ExitCode.Failure, failure);
        }
    }

    /// <summary>A child that shares the terminal can end by Ctrl-C before this process has seen its own signal.</summary>
    private static readonly TimeSpan SignalSettling = TimeSpan.FromMilliseconds(100);
}
