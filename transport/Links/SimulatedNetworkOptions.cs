namespace RoceEngine.Links;

/// <summary>What a <see cref="SimulatedNetwork"/> does to datagrams. Probabilities are per datagram, 0 … 1.</summary>
public sealed record SimulatedNetworkOptions
{
    /// <summary>Probability that a datagram is lost.</summary>
    public double LossRate { get; init; }

    /// <summary>Probability that a datagram arrives a second time, later.</summary>
    public double DuplicateRate { get; init; }

    /// <summary>Probability that a datagram is held back by up to <see cref="ReorderDelayNs"/>, so that later ones overtake it.</summary>
    public double ReorderRate { get; init; }

    /// <summary>Probability that one bit of a datagram is flipped.</summary>
    public double CorruptRate { get; init; }

    /// <summary>Probability that a datagram is cut off somewhere.</summary>
    public double TruncateRate { get; init; }

    /// <summary>Probability that a datagram arrives marked Congestion Experienced.</summary>
    public double MarkRate { get; init; }

    /// <summary>Time under way, at least.</summary>
    public long DelayMinNs { get; init; } = 5_000;

    /// <summary>Time under way, at most. Jitter alone does not reorder the datagrams from one address to another.</summary>
    public long DelayMaxNs { get; init; } = 5_000;

    /// <summary>How long a reordered or duplicated datagram is held back at most.</summary>
    public long ReorderDelayNs { get; init; } = 50_000;

    /// <summary>Datagrams with a larger UDP payload are dropped, as a path with a smaller MTU does.</summary>
    public int DatagramBytesMax { get; init; } = int.MaxValue;
}
