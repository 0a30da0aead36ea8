using System.CommandLine;
using System.CommandLine.Parsing;

namespace RoceEngine.PerfTool.Options;

/// <summary>What the command line asks for: a run, or something that has been answered already.</summary>
/// <param name="Options">The run, or null when help or the version was all.</param>
internal readonly record struct Request(PerfOptions? Options);

/// <summary>The command line of <c>vrdma-perf</c>: one subcommand per test, with perftest's flags.</summary>
internal static class CommandLine
{
    /// <summary>Parses and resolves; prints help or the version to <paramref name="output"/> when asked to.</summary>
    /// <exception cref="UsageException">The first thing that is wrong, in one line.</exception>
    public static Request Parse(IReadOnlyList<string> arguments, TextWriter output)
    {
        RootCommand root = new("Bandwidth and latency of RDMA operations, in the manner of perftest");
        Dictionary<Command, (PerfTest Test, TestOptionSet Options)> tests = [];
        foreach (PerfTest test in PerfTest.All)
        {
            Command command = new(test.Name, Describe(test));
            tests.Add(command, (test, new TestOptionSet(test, command)));
            root.Subcommands.Add(command);
        }

        Command? chosen = root.Subcommands.FirstOrDefault(command => arguments.Count > 0 && command.Name == arguments[0]);
        ParseResult parsed = root.Parse(chosen is null ? [.. arguments] : ArgumentSpelling.Normalize(arguments, chosen.Options));
        if (parsed.Action is not null && parsed.Errors.Count == 0)
        {
            parsed.Invoke(new InvocationConfiguration { Output = output });
            return default;
        }

        if (chosen is null)
        {
            throw new UsageException(arguments is [{ } first, ..] && !first.StartsWith('-')
                ? $"unknown test '{first}': choose one of {string.Join(", ", PerfTest.All.Select(test => test.Name))}"
                : arguments.Count > 0 ? $"unknown option '{arguments[0]}': the test comes first" : "which test? Choose one of " + string.Join(", ", PerfTest.All.Select(test => test.Name)));
        }

        (PerfTest test_, TestOptionSet options) = tests[chosen];
        if (parsed.GetResult(options.Version) is { Implicit: false })
        {
            output.WriteLine($"Version: {typeof(CommandLine).Assembly.GetName().Version?.ToString(3)}");
            return default;
        }

        RejectUnknown(parsed, options);
        return new Request(new OptionResolver(test_, options, parsed).Resolve());
    }

    /// <summary>An unknown flag lands among the operands or in the host: name it before anything else that it upset.</summary>
    private static void RejectUnknown(ParseResult parsed, TestOptionSet options)
    {
        ArgumentResult? host = parsed.GetResult(options.Host);
        string? unknown = parsed.UnmatchedTokens.Concat(host?.Tokens.Select(token => token.Value) ?? [])
            .FirstOrDefault(token => token.StartsWith('-'));
        if (unknown is not null)
            throw new UsageException($"unknown option '{unknown}'");
        if (parsed.UnmatchedTokens is [{ } extra, ..])
            throw new UsageException($"one host at most: '{extra}' is too many");
        if (parsed.Errors is [{ } error, ..])
            throw new UsageException(error.Message.TrimEnd('.'));
    }

    private static string Describe(PerfTest test) =>
        $"{(test.IsLatency ? "Latency" : "Bandwidth")} of {(test.Verb == PerfVerb.Atomic ? "atomic operations" : test.Verb.ToString().ToUpperInvariant())} over {Services(test)}";

    private static string Services(PerfTest test) => test.UsesReceives ? "RC, UC or UD" : test.IsResponse ? "RC" : "RC or UC";
}
