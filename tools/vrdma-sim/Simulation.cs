using RoceEngine.Simulation.Checking;
using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.Traffic;
using RoceEngine.Simulation.World;

namespace RoceEngine.Simulation;

/// <summary>What became of a world.</summary>
internal sealed record SimulationOutcome
{
    public required ulong Seed { get; init; }

    /// <summary>What must never happen and did; null when the world was clean.</summary>
    public required string? Failure { get; init; }

    /// <summary>Over everything that happened: equal for two runs of a seed.</summary>
    public required ulong Hash { get; init; }

    /// <summary>Virtual time that passed, ns.</summary>
    public required long EndNs { get; init; }

    public required long Events { get; init; }

    /// <summary>The last events, oldest first.</summary>
    public required IReadOnlyList<WorldEvent> Last { get; init; }

    public required Tally Tally { get; init; }

    public required Links.SimulatedNetworkStatistics Network { get; init; }

    public bool IsClean => Failure is null;
}

/// <summary>One world, from its seed to its verdict.</summary>
internal sealed class Simulation
{
    /// <summary>Virtual time after the last fault within which everything must have come to an end.</summary>
    private const long DrainNsMax = 30_000_000_000;

    private readonly SimulatedWorld _world;
    private readonly List<Connection> _connections = [];
    private readonly Tally _tally = new();

    private Simulation(WorldPlan plan, SimulationSettings settings) => _world = new SimulatedWorld(plan, settings);

    /// <summary>Runs the world of a seed.</summary>
    public static SimulationOutcome Run(ulong seed, SimulationSettings? settings = null)
    {
        var simulation = new Simulation(WorldDrawing.Draw(seed), settings ?? new SimulationSettings());
        using (simulation._world)
            return simulation.Run();
    }

    private SimulationOutcome Run()
    {
        string? failure = null;
        try
        {
            Live();
            _world.Log.Add(_world.NowNs, EventKind.Finished, "world");
        }
        catch (SimulationFailure found)
        {
            failure = found.Message;
        }
        catch (Exception unexpected)
        {
            failure = $"an exception that nobody provoked: {unexpected}";
        }
        return new SimulationOutcome
        {
            Seed = _world.Plan.Seed,
            Failure = failure,
            Hash = _world.Log.Hash,
            EndNs = _world.NowNs,
            Events = _world.Log.Count,
            Last = [.. _world.Log.Last],
            Tally = _tally,
            Network = _world.Network.Statistics,
        };
    }

    private void Live()
    {
        WorldPlan plan = _world.Plan;
        int completionsMax = CompletionsMax(plan);
        foreach (SimulatedGuest guest in _world.Guests)
            guest.Attach(completionsMax);
        foreach (ConnectionPlan each in plan.Connections)
            _connections.Add(new Connection(_world, each, _tally, _world.Dice.Fork()));
        foreach (Connection connection in _connections)
            _world.After(_world.Dice.Between(0, 10_000), connection.Open);
        new Disruptor(_world, _connections, completionsMax, _tally).Plan();
        new Mover(_world, _tally).Plan();

        long limitNs = _world.NowNs + plan.Faults.EndNs + DrainNsMax;
        bool isDone = _world.RunUntil(() => _connections.TrueForAll(each => each.IsDone), limitNs);
        SimulationFailure.Unless(isDone, () => $"not everything came to an end within {DrainNsMax / 1_000_000_000} s after the last fault: {Stuck()}");

        // Nothing has anything to do any more: every timer must run out, and the network fall silent.
        _ = _world.RunUntil(() => _world.IsQuiet, limitNs + DrainNsMax);
        SimulationFailure.Unless(_world.IsQuiet, () => "all work is done, but something goes on");
        foreach (Connection connection in _connections)
            connection.Finish();
        foreach (SimulatedGuest guest in _world.Guests)
            guest.Close();
    }

    private string Stuck() => string.Join(", ", _connections.Where(each => !each.IsDone).Select(each => each.Left.Name + "/right"));

    // As many as all queue pairs of one guest could have at a time: no completion queue overruns by accident.
    private static int CompletionsMax(WorldPlan plan) => 128 + plan.Connections.Sum(each => Depth(each.Left) + Depth(each.Right));

    private static int Depth(EndPlan end) => end.SendDepth + end.ReceiveDepth;
}
