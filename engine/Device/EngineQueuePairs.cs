using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>The engine's own queue pairs.</summary>
internal static class EngineQueuePairs
{
    public static bool TryCreate(IQueuePairHost host, in QueuePairConfig config, out QueuePair? queuePair)
    {
        queuePair = null;
        return false;
    }
}
