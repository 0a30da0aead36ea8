using System.Globalization;
using RoceEngine.Launching;
using RoceEngine.PerfTool.Migrating;
using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Report;

/// <summary>What came of the device's moves, below the columns of the test.</summary>
internal static class MigrationTable
{
    private const int NameColumns = 40;
    private const int ValueColumns = 12;

    /// <summary>The table's lines, the separator below them included.</summary>
    public static IEnumerable<string> Lines(MigrationResult result, PerfOptions options)
    {
        yield return $" Moves of the client's device: {result.Moves.Count} done, {result.Failures.Count} failed, one every {Text(options.Migration!.Period.TotalSeconds)} s{Memory(result)}";
        foreach (IGrouping<string, string> failure in result.Failures.GroupBy(failure => failure))
            yield return $" FAILED {failure.Count()} times: {failure.Key}";
        if (result.Moves.Count > 0)
        {
            yield return new string(' ', NameColumns) + "median".PadLeft(ValueColumns) + "max".PadLeft(ValueColumns);
            yield return Row("blackout[msec]", result.Blackout);
            yield return Row("longest gap at a move[msec]", result.Gap);
            yield return Row("longest gap in as long without[msec]", result.SteadyGap);
            foreach (PhaseMedian phase in result.Phases)
                yield return Row($"  {phase.Name}[msec]", phase.MedianMs);
            yield return Row($"{RateName(options, ' ')} without moves[{Unit(options)}]", Rate(result.SteadyRate, options));
            yield return Row($"{RateName(options, ' ')} during moves[{Unit(options)}]", Rate(result.MovingRate, options));
        }

        yield return TextColumns.Separator;
    }

    /// <summary>A rate of messages in the unit of the test's own columns: MiB/s or Gb/s, or exchanges per second.</summary>
    public static double Rate(double messagesPerSecond, PerfOptions options) => options.Test.IsBandwidth
        ? TextColumns.InUnit(messagesPerSecond * options.SizeBytes, options.Gigabits)
        : messagesPerSecond;

    /// <summary>What the test's own columns call the rate.</summary>
    /// <param name="options">The run.</param>
    /// <param name="separator">Between its words.</param>
    public static string RateName(PerfOptions options, char separator) => options.Test.IsBandwidth ? $"BW{separator}average" : "tps";

    private static string Unit(PerfOptions options) => !options.Test.IsBandwidth ? "1/sec" : options.Gigabits ? "Gb/sec" : "MiB/sec";

    private static string Memory(MigrationResult result) =>
        result.Moves.Count == 0 ? "" : $", guest memory: {string.Join(" or ", result.Moves.Select(move => move.Report.Memory).Distinct())}";

    private static string Row(string name, Spread spread) => Row(name, spread.Median) + Value(spread.Largest);

    private static string Row(string name, double value) => $" {name}".PadRight(NameColumns) + Value(value);

    private static string Value(double value) => CFormat.Fixed(value, 2).PadLeft(ValueColumns);

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
