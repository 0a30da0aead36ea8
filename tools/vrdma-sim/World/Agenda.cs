namespace RoceEngine.Simulation.World;

/// <summary>What the applications of a world will do, by virtual time; in the order of planning where times are equal.</summary>
internal sealed class Agenda
{
    private readonly PriorityQueue<Action, (long TimeNs, long Order)> _plans = new();
    private long _order;

    /// <summary>When the next plan is due, ns; <see cref="long.MaxValue"/> for never.</summary>
    public long NextNs => _plans.TryPeek(out _, out var key) ? key.TimeNs : long.MaxValue;

    /// <summary>Plans something.</summary>
    public void At(long timeNs, Action action) => _plans.Enqueue(action, (timeNs, _order++));

    /// <summary>Does one thing that is due; false when none is.</summary>
    public bool TryRunNext(long nowNs)
    {
        if (NextNs > nowNs)
            return false;
        _plans.Dequeue()();
        return true;
    }
}
