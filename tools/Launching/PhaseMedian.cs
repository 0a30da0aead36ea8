namespace RoceEngine.Launching;

/// <summary>A phase of some moves.</summary>
/// <param name="Name">One word, as the daemon says.</param>
/// <param name="MedianMs">Over all of the moves.</param>
public sealed record PhaseMedian(string Name, double MedianMs)
{
    /// <summary>Every phase that one of the moves had, in the order in which they came up.</summary>
    public static IReadOnlyList<PhaseMedian> Of(IEnumerable<MoveRecord> moves) =>
    [
        .. moves.SelectMany(move => move.Report.Phases).GroupBy(phase => phase.Name)
            .Select(phase => new PhaseMedian(phase.Key, Spread.Of(phase.Select(time => time.Milliseconds)).Median)),
    ];
}
