using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using RoceEngine.Channel;
using RoceEngine.Launching;
using RoceEngine.MigrationBenchmark.Cost;

namespace RoceEngine.MigrationBenchmark;

/// <summary>The options, and what a run prints. A bad value gives one line and exit code 2, a failed run one line and exit code 1.</summary>
internal static class CommandLine
{
    private const int UsageError = 2;
    private const int RunError = 1;
    private const int QueuePairsMax = 8192;
    private const int MovesMax = 1000;
    private const int CostProcessesMax = 1000;
    private const int CostRoundsMax = 100_000;
    private const int CostMillisecondsMax = 10_000;

    private static readonly int[] s_counts = [1, 8, 64, 512, 1024, 4096];

    public static int Run(string[] args)
    {
        Option<int[]> counts = new("--qps")
        {
            Description = "Numbers of busy QPs, a row of the table each.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => s_counts,
        };
        counts.Validators.Add(result => Check(result, result.Tokens.Select(token => token.Value), QueuePairsMax));
        Option<int> moves = new("--moves") { Description = "Moves that are measured in each row; made even.", DefaultValueFactory = _ => 20 };
        moves.Validators.Add(result => Check(result, result.Tokens.Select(token => token.Value), MovesMax));
        Option<string> memory = new("--memory") { Description = "How guest memory gets there: share (it stays in place), copy or auto.", DefaultValueFactory = _ => "share" };
        memory.AcceptOnlyFromAmong("share", "copy", "auto");
        Option<FileInfo?> json = new("--json") { Description = "Also writes the figures to this file." };
        RootCommand root = new("Measures how long a device stands still when it moves, by the number of its busy QPs.") { counts, moves, memory, json };
        root.SetAction(parsed => Execute(parsed.GetValue(counts)!, parsed.GetValue(moves), parsed.GetValue(memory)!, parsed.GetValue(json)));
        root.Add(CostCommand());
        ParseResult parse = root.Parse(args);
        return parse.Errors.Count == 0
            ? parse.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null })
            : Fail(parse.Errors[0].Message, UsageError);
    }

    private static Command CostCommand()
    {
        Option<int> processes = Number("--processes", "Processes, in each of which all is measured.", 9, CostProcessesMax);
        Option<int> rounds = Number("--rounds", "Measurements of each engine in a process.", 600, CostRoundsMax);
        Option<int> milliseconds = Number("--milliseconds", "Of each measurement.", 3, CostMillisecondsMax);
        Option<bool> profile = new("--profile") { Description = "Lets the JIT compiler optimise by its profile, as usual: then chance weighs more than what is measured." };
        Option<DirectoryInfo> without = new("--without")
        {
            Description = "This program, built with -p:WithoutMigration=true.", DefaultValueFactory = _ => new DirectoryInfo(EngineCopy.TwinDirectory),
        };
        Command command = new("cost", "Measures what it costs an operation that its device can move, while it does not: beside an engine that is built without that.")
        {
            processes, rounds, milliseconds, profile, without,
        };
        command.SetAction(parsed => ExecuteCost(
            parsed.GetValue(processes), parsed.GetValue(rounds), parsed.GetValue(milliseconds), parsed.GetValue(profile), parsed.GetValue(without)!));
        return command;
    }

    private static Option<int> Number(string name, string description, int otherwise, int maximum)
    {
        Option<int> option = new(name) { Description = description, DefaultValueFactory = _ => otherwise };
        option.Validators.Add(result => Check(result, result.Tokens.Select(token => token.Value), maximum));
        return option;
    }

    private static int ExecuteCost(int processes, int rounds, int milliseconds, bool profile, DirectoryInfo without)
    {
        using TerminationSignals signals = new();
        try
        {
            CostFigure figure = CostRun.MeasureAsync(without.FullName, processes, rounds, milliseconds / 1e3, profile, signals.Token).GetAwaiter().GetResult();
            Console.WriteLine("| rate of 64-byte WRITEs ÷ rate without what moving takes | median | least | greatest |");
            Console.WriteLine("|---|---|---|---|");
            WriteCost("as it is", figure.Shipped);
            WriteCost("without it, once more", figure.Control);
            Console.Error.WriteLine($"{Text(figure.ShippedNs)} ns per WRITE as it is, {Text(figure.WithoutNs)} without; {processes} processes");
            return 0;
        }
        catch (Exception failure) when (signals.ExitCode != 0 || failure is LaunchException or IOException or OperationCanceledException)
        {
            return signals.ExitCode != 0 ? Fail("interrupted; everything that it started has ended", signals.ExitCode) : Fail(failure.Message, RunError);
        }
    }

    private static void WriteCost(string name, CostRatio ratio) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"| {name} | {ratio.Median:F3} | {ratio.Least:F3} | {ratio.Greatest:F3} |"));

    private static void Check(OptionResult result, IEnumerable<string> values, int maximum)
    {
        foreach (string text in values)
        {
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) || value < 1 || value > maximum)
                result.AddError($"{result.Option.Name} {text}: must be a whole number from 1 to {maximum}");
        }
    }

    private static int Execute(int[] counts, int moves, string memory, FileInfo? json)
    {
        using TerminationSignals signals = new();
        try
        {
            bool hasHead = false;
            MoveDocument document = MoveRun.RunAsync(counts, moves + (moves % 2), memory, Tell, signals.Token).GetAwaiter().GetResult();
            if (json is not null)
                File.WriteAllText(json.FullName, JsonSerializer.Serialize(document, MoveJson.Default.MoveDocument) + "\n");
            return 0;

            void Tell(MoveFigure figure)
            {
                if (!hasHead)
                    WriteHead(figure);
                hasHead = true;
                WriteRow(figure);
            }
        }
        catch (Exception failure) when (signals.ExitCode != 0 || failure is LaunchException or ChannelException or IOException or OperationCanceledException)
        {
            return signals.ExitCode != 0 ? Fail("interrupted; everything that it started has ended", signals.ExitCode) : Fail(failure.Message, RunError);
        }
    }

    private static void WriteHead(MoveFigure figure)
    {
        string phases = string.Concat(figure.Phases.Select(phase => $" {phase.Name} |"));
        Console.WriteLine($"| QPs | gap at peer, ms: median | max | without move: median | raw pause, ms: median | max |{phases} state, KiB | messages/s |");
        Console.WriteLine($"|---|---|---|---|---|---|{string.Concat(figure.Phases.Select(_ => "---|"))}---|---|");
    }

    private static void WriteRow(MoveFigure figure)
    {
        string phases = string.Concat(figure.Phases.Select(phase => $" {Text(phase.MedianMs)} |"));
        Console.WriteLine(
            $"| {figure.QueuePairs} | {Text(figure.GapAtPeer.Median)} | {Text(figure.GapAtPeer.Max)} | {Text(figure.SteadyGapAtPeer.Median)} | "
            + $"{Text(figure.RawPause.Median)} | {Text(figure.RawPause.Max)} |{phases} {Text(figure.DeviceStateBytes / 1024.0)} | {figure.MessagesPerSecond.ToString("F0", CultureInfo.InvariantCulture)} |");
    }

    private static string Text(double value) => value.ToString("F2", CultureInfo.InvariantCulture);

    private static int Fail(string message, int exitCode)
    {
        Console.Error.WriteLine($"Migration: {message.ReplaceLineEndings(" ")}");
        return exitCode;
    }
}
