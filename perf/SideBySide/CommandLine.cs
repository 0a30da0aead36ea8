using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using RoceEngine.SideBySide.Loss;
using RoceEngine.SideBySide.Output;
using RoceEngine.SideBySide.Scale;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide;

/// <summary>The options, and what a run prints. A bad value gives one line and exit code 2, a failed run one line and exit code 1.</summary>
internal static class CommandLine
{
    private const int UsageError = 2;
    private const int RunError = 1;

    public static int Run(string[] args)
    {
        var seconds = new Option<double>("--seconds")
        {
            Description = "Seconds for which each side of a comparison is measured.",
            DefaultValueFactory = _ => 2,
            CustomParser = ParseSeconds,
        };
        var json = new Option<FileInfo?>("--json") { Description = "Also writes the figures to this file." };
        json.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<FileInfo?>()?.Directory is { Exists: false } directory)
                result.AddError($"--json {result.Tokens[0].Value}: no directory {directory.FullName}");
        });
        var only = new Option<string[]>("--only")
        {
            Description = "Measures only these figures.",
            AllowMultipleArgumentsPerToken = true,
        };
        only.Validators.Add(result =>
        {
            foreach (Token token in result.Tokens)
            {
                if (Comparisons.All.All(comparison => comparison.Name != token.Value))
                    result.AddError($"--only {token.Value}: no such figure; there are {string.Join(", ", Comparisons.All.Select(c => c.Name))}");
            }
        });

        var root = new RootCommand("Measures the engine and the physical limits that it runs against in one interleaved run.") { seconds, json, only };
        root.SetAction(parsed => Execute(parsed.GetValue(seconds), parsed.GetValue(json), parsed.GetValue(only) ?? []));
        root.Subcommands.Add(LossCommand.Create(seconds, json));
        root.Subcommands.Add(ScaleCommand.Create(seconds, json));
        ParseResult parse = root.Parse(args);
        if (parse.Errors.Count == 0)
            return parse.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        return Fail(parse.Errors[0].Message, UsageError);
    }

    private static double ParseSeconds(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) || !(seconds is >= 0.05 and <= 3600))
            result.AddError($"--seconds {text}: must be a number between 0.05 and 3600");
        return seconds;
    }

    private static int Execute(double seconds, FileInfo? json, string[] only)
    {
        return Guard(() => Compare(seconds, json, only));
    }

    /// <summary>Runs, and turns what may go wrong into one line and an exit code.</summary>
    internal static int Guard(Action run)
    {
        try
        {
            run();
            return 0;
        }
        catch (Exception failure) when (failure is IOException or InvalidOperationException or UnauthorizedAccessException or VerbsException)
        {
            return Fail(failure.Message, RunError);
        }
    }

    private static void Compare(double seconds, FileInfo? json, string[] only)
    {
        Comparison[] comparisons = [.. Comparisons.All.Where(comparison => only.Length == 0 || only.Contains(comparison.Name))];
        var figures = new List<Figure>();
        Partner.PinThread(last: false);
        foreach (Comparison comparison in comparisons)
        {
            Console.Error.WriteLine($"{comparison.Name} …");
            figures.Add(InterleavedRun.Run(comparison, seconds));
        }
        FigureTable.Write(comparisons, figures);
        if (json != null)
            File.WriteAllText(json.FullName, JsonSerializer.Serialize(new FigureDocument(figures), FigureJson.Default.FigureDocument) + "\n");
    }

    private static int Fail(string message, int exitCode)
    {
        Console.Error.WriteLine($"SideBySide: {message.ReplaceLineEndings(" ")}");
        return exitCode;
    }
}
