namespace RoceEngine.Device;

/// <summary>The objects of one device by handle, by key and by QPN, and what they cost.</summary>
internal sealed class DeviceObjects
{
    public DeviceObjects(DeviceOptions options)
    {
        DeviceLimits limits = options.Limits;
        Contexts = new ResourceTable<UserContext>(limits.UserContexts);
        Domains = new ResourceTable<ProtectionDomain>(limits.ProtectionDomains);
        Regions = new ResourceTable<MemoryRegion>(limits.MemoryRegions);
        CompletionQueues = new ResourceTable<CompletionQueue>(limits.CompletionQueues);
        QueuePairs = new ResourceTable<DeviceQueuePair>(limits.QueuePairs);
        Keys = new NumberTable<MemoryRegion>(options.Random, bits: 32, reservedBelow: 1);

        // QPN 0 and 1 are the management QPs, all ones is the multicast address. IBTA vol. 1, 3.5.3, 10.5.
        QueuePairNumbers = new NumberTable<DeviceQueuePair>(options.Random, bits: 24, reservedBelow: 2);
    }

    public ResourceTable<UserContext> Contexts { get; }

    public ResourceTable<ProtectionDomain> Domains { get; }

    public ResourceTable<MemoryRegion> Regions { get; }

    public ResourceTable<CompletionQueue> CompletionQueues { get; }

    public ResourceTable<DeviceQueuePair> QueuePairs { get; }

    public NumberTable<MemoryRegion> Keys { get; }

    public NumberTable<DeviceQueuePair> QueuePairNumbers { get; }

    /// <summary>Pages that MRs and queues name.</summary>
    public long PinnedPages { get; set; }

    public void Clear()
    {
        Contexts.Clear();
        Domains.Clear();
        Regions.Clear();
        CompletionQueues.Clear();
        QueuePairs.Clear();
        Keys.Clear();
        QueuePairNumbers.Clear();
        PinnedPages = 0;
    }
}
