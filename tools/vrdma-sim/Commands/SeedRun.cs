using System.Globalization;
using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.Traffic;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Commands;

/// <summary>Runs many seeds, some at a time. Worlds share nothing, so what each does depends on its seed alone.</summary>
internal sealed class SeedRun(ulong first, ulong count, int jobs, Func<Interference>? interference = null)
{
    /// <summary>Failed worlds whose story is kept.</summary>
    private const int KeptFailures = 5;

    private readonly Lock _lock = new();
    private readonly List<SimulationOutcome> _failures = [];
    private readonly Tally _tally = new();
    private long _datagrams;
    private long _dropped;

    /// <summary>Worlds that ran.</summary>
    public long Finished { get; private set; }

    public long FailureCount { get; private set; }

    /// <summary>What all worlds did together.</summary>
    public Tally Tally => _tally;

    /// <summary>Datagrams that the networks carried.</summary>
    public long Datagrams => _datagrams;

    /// <summary>Datagrams that the networks lost or spoiled.</summary>
    public long Dropped => _dropped;

    /// <summary>The first failed worlds, by seed.</summary>
    public IEnumerable<SimulationOutcome> Failures => _failures.OrderBy(each => each.Seed);

    /// <summary>Runs all; calls back after each.</summary>
    public void Run(Action? onFinished)
    {
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = jobs };
        Parallel.For(0L, (long)count, parallel, i =>
        {
            SimulationOutcome outcome = Simulation.Run(first + (ulong)i, new SimulationSettings { Interference = interference?.Invoke() });
            lock (_lock)
                Take(outcome);
            onFinished?.Invoke();
        });
    }

    /// <summary>One line about what happened in all worlds.</summary>
    public string Summary()
    {
        long requests = 0;
        foreach (long each in _tally.ByOperation)
            requests += each;
        var failed = new List<string>();
        for (int status = 1; status < _tally.SendsByStatus.Length; status++)
        {
            if (_tally.SendsByStatus[status] > 0)
                failed.Add(string.Create(CultureInfo.InvariantCulture, $"{(CompletionStatus)status} {_tally.SendsByStatus[status]}"));
        }
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{requests} requests succeeded, {_datagrams} datagrams of which {_dropped} were lost or spoiled, {_tally.Reopened} connections "
            + $"made anew, {string.Join(", ", failed)}");
    }

    /// <summary>What devices were moved or saved, and what they were in the middle of, with work under way.</summary>
    public string MovesInWords()
    {
        IEnumerable<string> kinds = Enum.GetValues<MoveKind>().Select(kind => Counted(kind.ToString(), _tally.ByMoveUnderWay[(int)kind]));
        IEnumerable<string> situations = Enum.GetValues<MoveSituation>().Select(kind => Counted(kind.ToString(), _tally.BySituation[(int)kind]));
        return $"{_tally.Migrations} migrations and {_tally.Snapshots} snapshots with work under way ({string.Join(", ", kinds)}), of queue pairs in "
            + string.Join(", ", situations);
    }

    private static string Counted(string name, long count) => string.Create(CultureInfo.InvariantCulture, $"{name} {count}");

    private void Take(SimulationOutcome outcome)
    {
        Finished++;
        _tally.Add(outcome.Tally);
        _datagrams += outcome.Network.Sent;
        _dropped += outcome.Network.Lost + outcome.Network.Corrupted + outcome.Network.Truncated + outcome.Network.Partitioned;
        if (outcome.IsClean)
            return;
        FailureCount++;
        if (_failures.Count < KeptFailures)
            _failures.Add(outcome);
    }
}
