using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace RoceEngine.Simulation.Commands;

/// <summary>The command line of <c>vrdma-sim</c>.</summary>
internal sealed record SimulationOptions
{
    /// <summary>The first seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>How many, counting up.</summary>
    public required ulong Count { get; init; }

    /// <summary>Worlds that run at the same time, each in one thread.</summary>
    public required int Jobs { get; init; }

    public required bool IsVerbose { get; init; }

    /// <summary>A pcapng file for the packets of the one world; null for none.</summary>
    public required string? TraceFile { get; init; }

    /// <summary>The command, which runs <paramref name="run"/> with what was asked for.</summary>
    public static RootCommand CreateCommand(Func<SimulationOptions, int> run)
    {
        Option<ulong?> seed = Number("--seed", "SEED", "The world, or the first of several (default: 1).", least: 0, ulong.MaxValue);
        Option<ulong?> count = Number("--count", "COUNT", "How many worlds, counting up from the seed (default: 1).", least: 1, 1UL << 40);
        Option<ulong?> jobs = Number("--jobs", "COUNT", "Worlds at a time (default: one per processor).", least: 1, 1024);
        Option<bool> verbose = new("--verbose", "-v") { Description = "Print the plan and every event; for one world." };
        Option<string?> trace = new("--trace") { Description = "Write all packets as a pcapng file in virtual time; for one world.", HelpName = "FILE" };
        RootCommand command = new(
            "Runs whole hosts, devices and guests on a network that misbehaves, in one thread and virtual time. A seed decides everything. "
            + "Exit code 0: every world was clean; 1: one was not, and how to replay it is printed; 2: bad usage.")
        {
            seed, count, jobs, verbose, trace,
        };
        command.Validators.Add(result =>
        {
            if (IsMany(result.GetResult(count)) && (result.GetValue(verbose) || result.GetValue(trace) is not null))
                result.AddError("--verbose and --trace are for one world: leave --count away.");
        });
        command.SetAction(parsed => run(new SimulationOptions
        {
            Seed = parsed.GetValue(seed) ?? 1,
            Count = parsed.GetValue(count) ?? 1,
            Jobs = (int)(parsed.GetValue(jobs) ?? (ulong)Environment.ProcessorCount),
            IsVerbose = parsed.GetValue(verbose),
            TraceFile = parsed.GetValue(trace),
        }));
        return command;
    }

    // Looks at the token: asking for the value of a bad one would throw, before its own message is told.
    private static bool IsMany(OptionResult? count) => count?.Tokens is [Token token]
        && ulong.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) && value > 1;

    private static Option<ulong?> Number(string name, string help, string description, ulong least, ulong most) => new(name)
    {
        Description = description,
        HelpName = help,
        CustomParser = result => Parse(result, name, least, most),
    };

    private static ulong? Parse(ArgumentResult result, string name, ulong least, ulong most)
    {
        string token = result.Tokens.Single().Value;
        if (ulong.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) && value >= least && value <= most)
            return value;
        result.AddError($"{name}: '{token}' is not a whole number from {least} to {most}.");
        return null;
    }
}
