namespace RoceEngine.SideBySide.Soak;

/// <summary>Half round trips of a ping-pong, each by itself, in µs.</summary>
/// <param name="What">What was sent, and how.</param>
/// <param name="Samples">Round trips.</param>
/// <param name="P50">The median.</param>
/// <param name="P99">The 99th percentile.</param>
/// <param name="P999">The 99.9th percentile.</param>
/// <param name="Max">The longest.</param>
internal sealed record TailFigure(string What, long Samples, double P50, double P99, double P999, double Max);

/// <summary>What a long run showed.</summary>
/// <param name="Seconds">Its length.</param>
/// <param name="Tails">Latencies.</param>
/// <param name="Messages">Messages that went, both ways.</param>
/// <param name="Collections">Garbage collections of this process, with its guests and inline hosts, while the datapath ran.</param>
/// <param name="DaemonCollections">Garbage collections of all daemons since they were started.</param>
/// <param name="PauseMilliseconds">Time for which collections stopped this process.</param>
internal sealed record SoakResult(
    double Seconds, IReadOnlyList<TailFigure> Tails, long Messages, long Collections, long DaemonCollections, double PauseMilliseconds);
