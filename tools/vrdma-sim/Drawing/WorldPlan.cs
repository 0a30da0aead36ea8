using RoceEngine.Links;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Drawing;

/// <summary>Everything that a seed decides about a world before it begins.</summary>
internal sealed record WorldPlan
{
    public required ulong Seed { get; init; }

    /// <summary>True when all addresses are IPv6.</summary>
    public required bool IsIPv6 { get; init; }

    /// <summary>The host of each guest.</summary>
    public required IReadOnlyList<int> HostOfGuest { get; init; }

    public required int HostCount { get; init; }

    /// <summary>Completion queues of each guest.</summary>
    public required int CompletionQueues { get; init; }

    /// <summary>Bytes under way to one destination at most.</summary>
    public required long WindowBytes { get; init; }

    /// <summary>What a turn of a worker takes at most, ns.</summary>
    public required long TurnNsMax { get; init; }

    /// <summary>Longest time between two polls of a guest, ns.</summary>
    public required long PollNsMax { get; init; }

    /// <summary>Bytes of each guest's read-only source of messages.</summary>
    public required int SourceBytes { get; init; }

    public required IReadOnlyList<ConnectionPlan> Connections { get; init; }

    public required FaultPlan Faults { get; init; }

    /// <summary>Devices that are moved or saved.</summary>
    public required IReadOnlyList<Move> Moves { get; init; }

    /// <summary>Guests whose devices do not understand a peer's notice that it is about to stand still.</summary>
    public required IReadOnlyList<bool> IsStock { get; init; }
}

/// <summary>Two queue pairs that talk to each other.</summary>
internal sealed record ConnectionPlan
{
    public required int Index { get; init; }

    public required QueuePairType Service { get; init; }

    /// <summary>UD: both ends are members of a multicast group, and send all to it; each hears itself as well.</summary>
    public required bool UsesGroup { get; init; }

    public required int MtuBytes { get; init; }

    /// <summary>Encoded local ACK timeout.</summary>
    public required byte Timeout { get; init; }

    public required byte RetryCount { get; init; }

    public required byte RnrRetry { get; init; }

    /// <summary>Encoded RNR NAK timer.</summary>
    public required byte RnrTimer { get; init; }

    /// <summary>READs and atomics outstanding of each end.</summary>
    public required byte RdAtomic { get; init; }

    public required EndPlan Left { get; init; }

    public required EndPlan Right { get; init; }
}

/// <summary>How an end opens its target to the peer for a time.</summary>
internal enum WindowKind
{
    None,

    /// <summary>A type-1 window, which its owner alone closes.</summary>
    Type1,

    /// <summary>A type-2 window, which owner and peer may invalidate.</summary>
    Type2,

    /// <summary>A fast registration, which owner and peer may invalidate; type 2 where the target is too big for it.</summary>
    FastRegistration,
}

/// <summary>One end of a connection.</summary>
internal sealed record EndPlan
{
    public required int Guest { get; init; }

    public required int SendDepth { get; init; }

    public required int ReceiveDepth { get; init; }

    public required int SendSges { get; init; }

    public required int ReceiveSges { get; init; }

    public required int InlineBytes { get; init; }

    public required int SendQueue { get; init; }

    public required int ReceiveQueue { get; init; }

    /// <summary>Requests that this end posts in all.</summary>
    public required int Requests { get; init; }

    public required int BurstMax { get; init; }

    /// <summary>Longest pause between bursts, ns.</summary>
    public required long ThinkNsMax { get; init; }

    public required double UnsignaledRate { get; init; }

    public required double FenceRate { get; init; }

    /// <summary>Bytes of each receive buffer: the longest SEND.</summary>
    public required int ReceiveBytes { get; init; }

    /// <summary>Bytes that the peer writes into.</summary>
    public required int TargetBytes { get; init; }

    /// <summary>Bytes that results of READs and atomics land in.</summary>
    public required int LandingBytes { get; init; }

    /// <summary>How long a used receive waits until it is posted again, at most; long values make RNR storms.</summary>
    public required long ReceiveDelayNsMax { get; init; }

    /// <summary>Weights of the operations, in the order of <see cref="Traffic.Operation"/>.</summary>
    public required int[] Weights { get; init; }

    /// <summary>Messages come into the guest's shared receive queue.</summary>
    public required bool UsesSharedReceives { get; init; }

    /// <summary>The peer reaches the target through keys as well that work requests open and close; how.</summary>
    public required WindowKind Window { get; init; }

    public bool UsesWindow => Window != WindowKind.None;

    /// <summary>Which of this end's requests breaks a rule; -1 for none.</summary>
    public required int ViolationAt { get; init; }
}

/// <summary>From a time on the network behaves so.</summary>
internal sealed record NetworkPhase(long FromNs, SimulatedNetworkOptions Options)
{
    /// <summary>Probability that a datagram does not arrive whole.</summary>
    public double DropRate => Options.LossRate + Options.CorruptRate + Options.TruncateRate;

    /// <summary>A datagram may come twice, or before one that was sent earlier.</summary>
    public bool Shuffles => Options.ReorderRate + Options.DuplicateRate > 0;

    /// <summary>More than retries with a generous timeout bridge for sure.</summary>
    public bool IsSevere => DropRate > 0.055 || Options.DelayMaxNs > 400_000;
}

/// <summary>The way between two hosts is cut for some time.</summary>
internal sealed record Partition(int From, int To, bool IsOneWay, long FromNs, long UntilNs);

/// <summary>A host does nothing for some time.</summary>
internal sealed record Stall(int Host, long FromNs, long UntilNs);

/// <summary>What an application or an operator does to a connection or a guest in the middle of its work.</summary>
internal enum DisruptionKind
{
    DestroyQueuePair,
    MoveToError,
    RevokeTarget,
    KillGuest,

    /// <summary>The send queue is drained, and goes on later.</summary>
    DrainSends,

    /// <summary>All completion queues of the guest get another size.</summary>
    ResizeCompletionQueues,
}

/// <summary>One of those, at a time, to the left or right end of a connection.</summary>
internal sealed record Disruption(DisruptionKind Kind, int Connection, bool IsRight, long AtNs);

/// <summary>What carries a guest's device from host to host, or keeps it.</summary>
internal enum MoveKind
{
    /// <summary>The device goes to a host (perhaps the same), its memory stays where it is.</summary>
    InPlace,

    /// <summary>The device and a copy of its memory go to a host.</summary>
    Copied,

    /// <summary>The device begins to go, and stays: before it stands still or after, when it was made elsewhere already.</summary>
    Dropped,

    /// <summary>The device is saved while it goes on; what was saved must load elsewhere.</summary>
    Snapshot,

    /// <summary>The device is saved while it goes on, and restored elsewhere as one that lives: it must say so and send nothing.</summary>
    SecondLife,

    /// <summary>The device is saved and ended, and restored later over a copy of its memory; what was sent to it meanwhile is lost.</summary>
    Restored,

    /// <summary>As <see cref="Restored"/>, out of a snapshot that was restored before: all its queue pairs are in error and say so.</summary>
    RestoredAgain,
}

internal static class MoveKinds
{
    /// <summary>True when the device stands still for a time, and its neighbours reach it by the network.</summary>
    public static bool StandsStill(this MoveKind kind) => kind is not (MoveKind.Snapshot or MoveKind.SecondLife);

    /// <summary>True for a device that goes to a host and runs there.</summary>
    public static bool IsMigration(this MoveKind kind) => kind is MoveKind.InPlace or MoveKind.Copied;

    /// <summary>True for a device that is saved, and comes out of what was saved.</summary>
    public static bool IsSnapshot(this MoveKind kind) => kind >= MoveKind.Snapshot;
}

/// <summary>One of those.</summary>
/// <param name="Kind">How.</param>
/// <param name="Guest">Whose device.</param>
/// <param name="ToHost">Where to; may be where it is.</param>
/// <param name="AtNs">When it begins.</param>
/// <param name="QuiesceNs">How long the device begins nothing new before it stands still; 0 to stop without a word to peers.</param>
/// <param name="BlackoutNs">How long it stands still.</param>
internal sealed record Move(MoveKind Kind, int Guest, int ToHost, long AtNs, long QuiesceNs, long BlackoutNs);

/// <summary>What goes wrong in a world, and when.</summary>
internal sealed record FaultPlan
{
    public required IReadOnlyList<NetworkPhase> Phases { get; init; }

    public required IReadOnlyList<Partition> Partitions { get; init; }

    public required IReadOnlyList<Stall> Stalls { get; init; }

    public required IReadOnlyList<Disruption> Disruptions { get; init; }

    /// <summary>From then on nothing goes wrong any more.</summary>
    public required long EndNs { get; init; }

    /// <summary>Whether what is sent between two hosts could have gone unanswered for long within a time.</summary>
    /// <param name="host">One end's host, as the world was planned.</param>
    /// <param name="other">The other's.</param>
    /// <param name="areApart">The network was between them.</param>
    /// <param name="fromNs">Since when there was silence.</param>
    /// <param name="untilNs">Until when.</param>
    public bool ExplainSilence(int host, int other, bool areApart, long fromNs, long untilNs)
    {
        foreach (Stall stall in Stalls)
        {
            if ((stall.Host == host || stall.Host == other) && stall.FromNs <= untilNs && stall.UntilNs >= fromNs)
                return true;
        }
        return areApart && (IsCut(host, other, fromNs, untilNs) || IsSevere(fromNs, untilNs));
    }

    private bool IsCut(int host, int other, long fromNs, long untilNs)
    {
        foreach (Partition each in Partitions)
        {
            bool between = (each.From == host && each.To == other) || (each.From == other && each.To == host);
            if (between && each.FromNs <= untilNs && each.UntilNs >= fromNs)
                return true;
        }
        return false;
    }

    private bool IsSevere(long fromNs, long untilNs)
    {
        for (int i = 0; i < Phases.Count; i++)
        {
            long endNs = i + 1 < Phases.Count ? Phases[i + 1].FromNs : EndNs;

            // What was held back at the end of a phase arrives after it.
            const long lateNs = 5_000_000;
            if (Phases[i].IsSevere && Phases[i].FromNs <= untilNs && endNs + lateNs >= fromNs)
                return true;
        }
        return false;
    }
}
