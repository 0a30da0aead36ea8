using System.CommandLine;
using System.Diagnostics;
using System.Net;
using RoceEngine.Vrdma.Demo;
using RoceEngine.Vrdma.Output;
using Spectre.Console;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma demo</c>: daemons and guests as processes of their own exchange every RC operation, every byte verified.</summary>
internal static class DemoCommand
{
    private static readonly IPAddress DefaultFirstAddress = new([127, 0, 0, 2]);

    /// <summary>The whole demo takes a few seconds; after this long something hangs.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    public static Command Create()
    {
        Option<IPAddress?> address = CommonOptions.LoopbackAddress(
            "--address", $"The first of the loopback addresses to use (default: {DefaultFirstAddress}).");
        Command command = new("demo", "Starts two daemons and guests, runs every RC operation between them and verifies every byte.") { address };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(address) ?? DefaultFirstAddress));
        return command;
    }

    private static async Task<int> RunAsync(IPAddress firstAddress)
    {
        using TerminationSignals signals = new();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(signals.Token);
        stop.CancelAfter(Limit);
        long begin = Stopwatch.GetTimestamp();
        try
        {
            IReadOnlyList<SectionResult> sections = Console.IsOutputRedirected
                ? await new Orchestrator(firstAddress, new PlainProgress()).RunAsync(stop.Token)
                : await AnsiConsole.Status().StartAsync(
                    "starting", status => new Orchestrator(firstAddress, new TerminalProgress(status)).RunAsync(stop.Token));
            Report.Write(sections, Stopwatch.GetElapsedTime(begin));
            return ExitCode.Success;
        }
        catch (Exception failure) when (failure is DemoException or OperationCanceledException or IOException)
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
