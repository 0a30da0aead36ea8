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

    /// <summary>Probability that a datagram of an ECN-capable sender (ECT) arrives marked Congestion Experienced. RFC 3168, 5.</summary>
    public double MarkRate { get; init; }

    /// <summary>Probability that a datagram takes up to <see cref="SpikeDelayNs"/> longer, and all that follow on its way behind it.</summary>
    public double SpikeRate { get; init; }

    /// <summary>How much longer a spike takes at most.</summary>
    public long SpikeDelayNs { get; init; } = 5_000_000;

    /// <summary>Bytes per second of the port to each address, headers included; 0 is without limit. What comes faster waits in a queue.</summary>
    public long PortBytesPerSecond { get; init; }

    /// <summary>Bytes that wait at a port at most; what comes then is dropped.</summary>
    public long QueueBytesMax { get; init; } = 1 << 20;

    /// <summary>Datagrams of ECN-capable senders that find more than this at a port are marked Congestion Experienced.</summary>
    public long MarkQueueBytes { get; init; } = long.MaxValue;

    /// <summary>Time under way, at least.</summary>
    public long DelayMinNs { get; init; } = 5_000;

    /// <summary>Time under way, at most. Jitter alone does not reorder the datagrams from one address to another.</summary>
    public long DelayMaxNs { get; init; } = 5_000;

    /// <summary>How long a reordered or duplicated datagram is held back at most.</summary>
    public long ReorderDelayNs { get; init; } = 50_000;

    /// <summary>Datagrams with a larger UDP payload are dropped, as a path with a smaller MTU does.</summary>
    public int DatagramBytesMax { get; init; } = int.MaxValue;
}
