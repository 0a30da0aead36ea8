using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using RoceEngine.SideBySide.Daemons;
using RoceEngine.SideBySide.Loss;
using RoceEngine.SideBySide.Output;
using RoceEngine.SideBySide.Report;
using RoceEngine.SideBySide.Scale;
using RoceEngine.SideBySide.Soak;

namespace RoceEngine.SideBySide;

/// <summary>The options, and what a run prints. A bad value gives one line and exit code 2, a failed run one line and exit code 1.</summary>
internal static class CommandLine
{
    private const int UsageError = 2;
    private const int RunError = 1;

    /// <summary>Seconds of a measurement's side where nothing else is asked for.</summary>
    private const double SecondsDefault = 2;

    public static int Run(string[] args)
    {
        // The parts that this program's own children play.
        if (args.FirstOrDefault() == FarGuestProgram.CommandName)
            return FarGuestProgram.Run();
        if (args.FirstOrDefault() == DaemonProgram.CommandName)
            return DaemonProgram.Run(args[1..]);

        Option<double> seconds = CreateSeconds("--seconds", "Seconds for which each side of a comparison is measured.", SecondsDefault);
        var json = new Option<FileInfo?>("--json") { Description = "Also writes the figures to this file." };
        json.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<FileInfo?>()?.Directory is { Exists: false } directory)
                result.AddError($"--json {result.Tokens[0].Value}: no directory {directory.FullName}");
        });
        Option<string[]> only = CreateOnly([]);

        var root = new RootCommand("Measures the engine, the physical limits that it runs against and its peers, all in one interleaved run.") { seconds, json, only };
        root.SetAction(parsed => Guard(() => Compare(parsed.GetValue(seconds), parsed.GetValue(json), parsed.GetValue(only) ?? [])));
        root.Subcommands.Add(ReportCommand.Create(seconds));
        root.Subcommands.Add(SoakCommand.Create());
        root.Subcommands.Add(LossCommand.Create(seconds, json));
        root.Subcommands.Add(ScaleCommand.Create(seconds, json));
        ParseResult parse = root.Parse(args);
        if (parse.Errors.Count == 0)
            return parse.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        return Fail(parse.Errors[0].Message, UsageError);
    }

    /// <summary>An option that takes seconds.</summary>
    public static Option<double> CreateSeconds(string name, string description, double byDefault) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => byDefault,
        CustomParser = result => ParseSeconds(name, result),
    };

    /// <summary>An option that takes names of figures, or of other parts of a run.</summary>
    public static Option<string[]> CreateOnly(string[] otherParts)
    {
        var only = new Option<string[]>("--only") { Description = "Measures only these figures.", AllowMultipleArgumentsPerToken = true };
        only.Validators.Add(result =>
        {
            using var stage = new Stage();
            string[] names = [.. Comparisons.For(stage).Select(comparison => comparison.Name), .. otherParts];
            foreach (Token token in result.Tokens)
            {
                if (!names.Contains(token.Value))
                    result.AddError($"--only {token.Value}: no such figure; there are {string.Join(", ", names)}");
            }
        });
        return only;
    }

    private static double ParseSeconds(string name, ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) || !(seconds is >= 0.05 and <= 3600))
            result.AddError($"{name} {text}: must be a number between 0.05 and 3600");
        return seconds;
    }

    /// <summary>Runs, and turns what may go wrong into one line and an exit code.</summary>
    internal static int Guard(Action run)
    {
        try
        {
            run();
            return 0;
        }
        catch (Exception failure) when (InterleavedRun.IsOfMeasurement(failure) || failure is UnauthorizedAccessException)
        {
            return Fail(failure.Message, RunError);
        }
    }

    private static void Compare(double seconds, FileInfo? json, string[] only)
    {
        using var stage = new Stage();
        List<Figure> figures = MeasureFigures(stage, seconds, only);
        FigureTable.Write(figures);
        if (json != null)
            File.WriteAllText(json.FullName, JsonSerializer.Serialize(new FigureDocument(figures), FigureJson.Default.FigureDocument) + "\n");
        ThrowIfAnyFailed(figures);
    }

    /// <summary>Measures the figures of those names, or all.</summary>
    internal static List<Figure> MeasureFigures(Stage stage, double seconds, string[] only)
    {
        var figures = new List<Figure>();
        Partner.PinThread(last: false);
        foreach (Comparison comparison in Comparisons.For(stage).Where(comparison => only.Length == 0 || only.Contains(comparison.Name)))
        {
            Console.Error.WriteLine($"{comparison.Name} …");
            figures.Add(InterleavedRun.Run(comparison, seconds));
        }
        return figures;
    }

    /// <summary>A run in which something failed is a failed run, after everything that did not fail is written.</summary>
    internal static void ThrowIfAnyFailed(IEnumerable<Figure> figures)
    {
        if (figures.FirstOrDefault(figure => figure.Failure is not null) is { } failed)
            throw new InvalidOperationException($"{failed.Name}: {failed.Failure}");
    }

    private static int Fail(string message, int exitCode)
    {
        Console.Error.WriteLine($"SideBySide: {message.ReplaceLineEndings(" ")}");
        return exitCode;
    }
}
