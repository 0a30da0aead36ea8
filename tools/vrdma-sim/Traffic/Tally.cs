using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <summary>How often what happened: shows that a run was no empty one.</summary>
internal sealed class Tally
{
    private readonly long[] _operations = new long[Operations.Count];
    private readonly long[] _sendStatuses = new long[(int)CompletionStatus.GeneralError + 1];
    private readonly long[] _receiveStatuses = new long[(int)CompletionStatus.GeneralError + 1];

    /// <summary>Requests that succeeded, by operation.</summary>
    public ReadOnlySpan<long> ByOperation => _operations;

    /// <summary>Completions of sends, by status.</summary>
    public ReadOnlySpan<long> SendsByStatus => _sendStatuses;

    /// <summary>Completions of receives, by status.</summary>
    public ReadOnlySpan<long> ReceivesByStatus => _receiveStatuses;

    /// <summary>Disruptions, by kind.</summary>
    public long[] ByDisruption { get; } = new long[Enum.GetValues<Drawing.DisruptionKind>().Length];

    /// <summary>Devices that were moved or saved, by kind.</summary>
    public long[] ByMove { get; } = new long[Enum.GetValues<Drawing.MoveKind>().Length];

    /// <summary>Those of them that happened while work of the device's guest was under way.</summary>
    public long[] ByMoveUnderWay { get; } = new long[Enum.GetValues<Drawing.MoveKind>().Length];

    /// <summary>What the devices were in the middle of then.</summary>
    public long[] BySituation { get; } = new long[Enum.GetValues<MoveSituation>().Length];

    /// <summary>Devices that went to a host and ran there, with work under way.</summary>
    public long Migrations => Sum(ByMoveUnderWay, Drawing.MoveKinds.IsMigration);

    /// <summary>Devices that were saved, and came to life out of that, with work under way.</summary>
    public long Snapshots => Sum(ByMoveUnderWay, Drawing.MoveKinds.IsSnapshot);

    /// <summary>Connections that were made anew.</summary>
    public long Reopened { get; set; }

    /// <summary>Queue pairs that were reset and used again.</summary>
    public long Reused { get; set; }

    /// <summary>Send queues that were drained and went on.</summary>
    public long Drained { get; set; }

    /// <summary>Datagrams to groups that came to another member.</summary>
    public long FromGroups { get; private set; }

    /// <summary>Datagrams to groups that came to their sender.</summary>
    public long OwnFromGroups { get; private set; }

    public void CountGroup(bool isOwn)
    {
        FromGroups += isOwn ? 0 : 1;
        OwnFromGroups += isOwn ? 1 : 0;
    }

    public void Succeeded(Operation operation) => _operations[(int)operation]++;

    public void Count(bool isReceive, CompletionStatus status) => (isReceive ? _receiveStatuses : _sendStatuses)[(int)status]++;

    /// <summary>Takes in another's numbers.</summary>
    public void Add(Tally other)
    {
        Sum(_operations, other._operations);
        Sum(_sendStatuses, other._sendStatuses);
        Sum(_receiveStatuses, other._receiveStatuses);
        Sum(ByDisruption, other.ByDisruption);
        Sum(ByMove, other.ByMove);
        Sum(ByMoveUnderWay, other.ByMoveUnderWay);
        Sum(BySituation, other.BySituation);
        Reopened += other.Reopened;
        Reused += other.Reused;
        FromGroups += other.FromGroups;
        OwnFromGroups += other.OwnFromGroups;
        Drained += other.Drained;
    }

    private static long Sum(long[] byKind, Func<Drawing.MoveKind, bool> counts) =>
        Enum.GetValues<Drawing.MoveKind>().Where(counts).Sum(kind => byKind[(int)kind]);

    private static void Sum(long[] into, long[] from)
    {
        for (int i = 0; i < into.Length; i++)
            into[i] += from[i];
    }
}
