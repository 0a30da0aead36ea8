using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>The engine's own queue pairs.</summary>
internal static class EngineQueuePairs
{
    public static bool TryCreate(IQueuePairHost host, in QueuePairConfig config, ProtocolResources resources, out QueuePair? queuePair)
    {
        queuePair = QueuePairFactory.IsSupported(config.Service) ? QueuePairFactory.Create(host, config, resources) : null;
        return queuePair is not null;
    }
}
