using RoceEngine.Launching;

namespace RoceEngine.PerfTool.Migrating;

/// <summary>A phase of the moves.</summary>
/// <param name="Name">One word, as the daemon says.</param>
/// <param name="MedianMs">Over all moves.</param>
internal sealed record PhaseMedian(string Name, double MedianMs);

/// <summary>What the moves of a run amounted to.</summary>
internal sealed record MigrationResult
{
    /// <summary>Those that came about, in order.</summary>
    public required IReadOnlyList<MoveRecord> Moves { get; init; }

    /// <summary>Why others did not.</summary>
    public required IReadOnlyList<string> Failures { get; init; }

    /// <summary>How long the device was served by nobody, as the daemons say, in ms.</summary>
    public required Spread Blackout { get; init; }

    /// <summary>The longest time between two completions of the stream at each move, in ms.</summary>
    public required Spread Gap { get; init; }

    /// <summary>The same in as long a time before each move.</summary>
    public required Spread SteadyGap { get; init; }

    public required IReadOnlyList<PhaseMedian> Phases { get; init; }

    /// <summary>Messages per second while the device moved, from the order to the report.</summary>
    public required double MovingRate { get; init; }

    /// <summary>Messages per second in the times between.</summary>
    public required double SteadyRate { get; init; }

    /// <summary>Takes stock.</summary>
    /// <param name="moves">In order.</param>
    /// <param name="failures">Why others did not come about.</param>
    /// <param name="samples">Of the stream, in order.</param>
    /// <param name="beginSeconds">When the stream began.</param>
    public static MigrationResult From(
        IReadOnlyList<MoveRecord> moves, IReadOnlyList<string> failures, IReadOnlyList<StreamSample> samples, double beginSeconds)
    {
        (double movingRate, double steadyRate) = Rates(moves, samples, beginSeconds);
        return new MigrationResult
        {
            Moves = moves,
            Failures = failures,
            Blackout = Spread.Of(moves.Select(move => move.Report.BlackoutMs)),
            Gap = Spread.Of(moves.Select(move => move.GapMs(samples))),
            SteadyGap = Spread.Of(moves.Select(move => move.SteadyGapMs(samples))),
            Phases =
            [
                .. moves.SelectMany(move => move.Report.Phases).GroupBy(phase => phase.Name)
                    .Select(phase => new PhaseMedian(phase.Key, Spread.Of(phase.Select(time => time.Milliseconds)).Median)),
            ],
            MovingRate = movingRate,
            SteadyRate = steadyRate,
        };
    }

    /// <summary>A sample's interval counts as one with a move when any part of it was.</summary>
    private static (double Moving, double Steady) Rates(IReadOnlyList<MoveRecord> moves, IReadOnlyList<StreamSample> samples, double beginSeconds)
    {
        double movingSeconds = 0;
        double steadySeconds = 0;
        long movingMessages = 0;
        long steadyMessages = 0;
        double before = beginSeconds;
        int move = 0;
        foreach (StreamSample sample in samples)
        {
            while (move < moves.Count && moves[move].EndSeconds < before)
                move++;
            double seconds = sample.Seconds - before;
            if (move < moves.Count && moves[move].BeginSeconds <= sample.Seconds)
                (movingSeconds, movingMessages) = (movingSeconds + seconds, movingMessages + sample.Amount);
            else
                (steadySeconds, steadyMessages) = (steadySeconds + seconds, steadyMessages + sample.Amount);
            before = sample.Seconds;
        }

        return (movingSeconds > 0 ? movingMessages / movingSeconds : 0, steadySeconds > 0 ? steadyMessages / steadySeconds : 0);
    }
}
