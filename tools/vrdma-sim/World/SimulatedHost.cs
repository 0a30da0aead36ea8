using RoceEngine.Host;

namespace RoceEngine.Simulation.World;

/// <summary>A host of a world: a worker without a thread, served by the world's turns.</summary>
internal sealed class SimulatedHost : IHostReporter, IDisposable
{
    public SimulatedHost(int index)
    {
        Index = index;
        Worker = new Worker(index, this);
    }

    public int Index { get; }

    public Worker Worker { get; }

    /// <summary>Until then the host does nothing.</summary>
    public long StalledUntilNs { get; set; }

    /// <summary>What a device threw; null while all is well.</summary>
    public string? Defect { get; private set; }

    /// <summary>When the host wants to be called although nothing arrives, ns.</summary>
    public long NextDeadlineNs => Math.Max(Worker.NextDeadlineNs, StalledUntilNs);

    /// <summary>Serves everything once; false when there was nothing to do.</summary>
    public bool Turn(long nowNs)
    {
        if (nowNs < StalledUntilNs)
            return false;

        return Worker.Turn(nowNs) > 0;
    }

    /// <summary>Guests' mistakes are part of the game; errors are the engine's own.</summary>
    public void Report(ReportLevel level, string message)
    {
        if (level == ReportLevel.Error)
            Defect ??= message;
    }

    public void Dispose() => Worker.Dispose();
}
