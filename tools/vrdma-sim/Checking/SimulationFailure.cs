namespace RoceEngine.Simulation.Checking;

/// <summary>Something happened in a world that must never happen. The message says what, to whom.</summary>
internal sealed class SimulationFailure(string message) : Exception(message)
{
    /// <summary>Throws unless the condition holds.</summary>
    public static void Unless(bool condition, Func<string> message)
    {
        if (!condition)
            throw new SimulationFailure(message());
    }
}
