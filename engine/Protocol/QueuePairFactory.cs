namespace RoceEngine.Protocol;

/// <summary>Makes the queue pair of a transport service.</summary>
public static class QueuePairFactory
{
    /// <summary>True for the services that <see cref="Create"/> knows.</summary>
    public static bool IsSupported(TransportService service) => service
        is TransportService.ReliableConnection or TransportService.UnreliableConnection or TransportService.UnreliableDatagram;

    /// <summary>
    /// A queue pair in the Reset state. <paramref name="resources"/> is shared by the QPs of a device; without it the QP has its own.
    /// </summary>
    /// <exception cref="NotSupportedException">The service is none of those that <see cref="IsSupported"/> knows.</exception>
    public static QueuePair Create(IQueuePairHost host, in QueuePairConfig config, ProtocolResources? resources = null) => config.Service switch
    {
        TransportService.ReliableConnection => new RcQueuePair(host, config, resources ?? new ProtocolResources()),
        TransportService.UnreliableConnection => new UcQueuePair(host, config, resources ?? new ProtocolResources()),
        TransportService.UnreliableDatagram => new UdQueuePair(host, config, resources ?? new ProtocolResources()),
        _ => throw new NotSupportedException($"the transport service {config.Service} is not supported"),
    };
}
