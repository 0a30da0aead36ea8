using RoceEngine.Channel;

namespace RoceEngine.Vrdma.Demo.Moving;

/// <summary>One move of the demo.</summary>
/// <param name="From">The daemon that had the device: "A" or "B".</param>
/// <param name="To">The other one.</param>
/// <param name="BeginSeconds">When it was asked for.</param>
/// <param name="EndSeconds">When it was done.</param>
/// <param name="Report">What the daemon says of it.</param>
internal sealed record MoveRecord(string From, string To, double BeginSeconds, double EndSeconds, MigrationReport Report)
{
    /// <summary>Completions that wait for the move show this much later at most.</summary>
    private const double SettlingSeconds = 0.2;

    /// <summary>The longest time without a completion at the peer while the device moved, in ms.</summary>
    public double GapMs(IEnumerable<StreamSample> peer) => peer
        .Where(sample => sample.Seconds >= BeginSeconds && sample.Seconds - (sample.GapMs / 1000) <= EndSeconds && sample.Seconds <= EndSeconds + SettlingSeconds)
        .Select(sample => sample.GapMs)
        .DefaultIfEmpty(0)
        .Max();
}
