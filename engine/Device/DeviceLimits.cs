using RoceEngine.Abi;

namespace RoceEngine.Device;

/// <summary>What one guest may have: each number bounds memory or work that the guest can make the host spend.</summary>
public sealed record DeviceLimits
{
    /// <summary>QP handles; handle 0 names nobody, so one less can be made. At most <see cref="ControlRegion.HandlesMax"/>, which is what the doorbell bitmap holds.</summary>
    public int QueuePairs { get; init; } = ControlRegion.HandlesMax;

    /// <summary>CQ handles, handle 0 unused.</summary>
    public int CompletionQueues { get; init; } = 32768;

    /// <summary>MR handles, handle 0 unused.</summary>
    public int MemoryRegions { get; init; } = 65536;

    /// <summary>MW handles, handle 0 unused.</summary>
    public int MemoryWindows { get; init; } = 65536;

    /// <summary>SRQ handles, handle 0 unused.</summary>
    public int SharedReceiveQueues { get; init; } = 4096;

    /// <summary>PD handles, handle 0 unused.</summary>
    public int ProtectionDomains { get; init; } = 4096;

    /// <summary>User context handles, handle 0 being the driver's own.</summary>
    public int UserContexts { get; init; } = 1024;

    /// <summary>Work requests of a send or receive queue.</summary>
    public int WorkRequestsPerQueue { get; init; } = 32768;

    /// <summary>Scatter/gather entries of a work request; at most what a fetched work request can hold.</summary>
    public int SgesPerWorkRequest { get; init; } = Protocol.ScatterGatherList.Capacity;

    /// <summary>Inline data of a send, bytes; at most what a fetched work request can hold.</summary>
    public int InlineBytes { get; init; } = Protocol.ScatterGatherList.InlineCapacityBytes;

    /// <summary>Entries of a CQ.</summary>
    public int EntriesPerCompletionQueue { get; init; } = 1 << 20;

    /// <summary>Bytes of one MR.</summary>
    public long BytesPerMemoryRegion { get; init; } = (long)PvrdmaPageDirectory.PagesMax * PvrdmaPageDirectory.PageBytes;

    /// <summary>Pages that all MRs and queues of the device may name together; the host keeps up to 8 bytes for each.</summary>
    public long PinnedPages { get; init; } = 4L << 20;

    /// <summary>READs and atomics outstanding of a QP, on each side.</summary>
    public int RdAtomicPerQueuePair { get; init; } = 16;

    /// <summary>Multicast groups that QPs of the device belong to.</summary>
    public int MulticastGroups { get; init; } = 256;

    /// <summary>QPs of the device that belong to one group.</summary>
    public int QueuePairsPerMulticastGroup { get; init; } = 256;

    /// <summary>Entries of the GID table.</summary>
    public int Gids { get; init; } = 16;

    /// <summary>Pages of a device ring (asynchronous events, completion notifications), header included.</summary>
    public int RingPages { get; init; } = 64;

    /// <summary>Asynchronous events kept while the guest's ring is full; later ones are dropped and counted.</summary>
    public int PendingEvents { get; init; } = 1024;

    /// <summary>Throws ArgumentOutOfRangeException for a number that the structures cannot hold.</summary>
    public void Validate()
    {
        Check(QueuePairs, 2, ControlRegion.HandlesMax, nameof(QueuePairs));
        Check(CompletionQueues, 2, 1 << 20, nameof(CompletionQueues));
        Check(MemoryRegions, 2, 1 << 20, nameof(MemoryRegions));
        Check(MemoryWindows, 2, 1 << 20, nameof(MemoryWindows));
        Check(SharedReceiveQueues, 2, 1 << 20, nameof(SharedReceiveQueues));
        Check(ProtectionDomains, 2, 1 << 20, nameof(ProtectionDomains));
        Check(UserContexts, 1, 1 << 20, nameof(UserContexts));
        Check(WorkRequestsPerQueue, 1, 1 << 20, nameof(WorkRequestsPerQueue));
        Check(SgesPerWorkRequest, 1, Protocol.ScatterGatherList.Capacity, nameof(SgesPerWorkRequest));
        Check(InlineBytes, 0, Protocol.ScatterGatherList.InlineCapacityBytes, nameof(InlineBytes));
        Check(EntriesPerCompletionQueue, 1, 1 << 23, nameof(EntriesPerCompletionQueue));
        Check(BytesPerMemoryRegion, 1, long.MaxValue, nameof(BytesPerMemoryRegion));
        Check(PinnedPages, 0, long.MaxValue, nameof(PinnedPages));
        Check(RdAtomicPerQueuePair, 1, 255, nameof(RdAtomicPerQueuePair));
        Check(MulticastGroups, 0, 1 << 16, nameof(MulticastGroups));
        Check(QueuePairsPerMulticastGroup, 1, 1 << 16, nameof(QueuePairsPerMulticastGroup));
        Check(Gids, 1, 256, nameof(Gids));
        Check(RingPages, 2, PvrdmaPageDirectory.PagesMax, nameof(RingPages));
        Check(PendingEvents, 1, 1 << 20, nameof(PendingEvents));
    }

    private static void Check(long value, long least, long most, string name)
    {
        if (value < least || value > most)
        {
            throw new ArgumentOutOfRangeException(name, value, $"must be {least} … {most}");
        }
    }
}
