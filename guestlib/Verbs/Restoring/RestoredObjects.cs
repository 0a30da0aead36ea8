namespace RoceEngine.Verbs;

/// <summary>
/// What a process finds on a restored device (<see cref="RdmaContext.AttachRestored"/>): all objects of the process that was saved, each in the order in
/// which they were made unless handles were used again, with their keys, numbers, sizes and tags. Queues are as full as they were.
/// </summary>
public sealed class RestoredObjects
{
    internal RestoredObjects()
    {
    }

    /// <summary>Allocated memory, by address; the first is what the process allocated first, unless it freed memory before. Content and addresses are as they were.</summary>
    public IReadOnlyList<GuestMemory> Memories { get; internal init; } = [];

    /// <summary>Protection domains.</summary>
    public IReadOnlyList<ProtectionDomain> ProtectionDomains { get; internal init; } = [];

    /// <summary>Completion channels. One that a completion queue with completions belongs to has a notification of it, which may be a second one.</summary>
    public IReadOnlyList<CompletionChannel> CompletionChannels { get; internal init; } = [];

    /// <summary>Completion queues, with the completions that were not polled.</summary>
    public IReadOnlyList<CompletionQueue> CompletionQueues { get; internal init; } = [];

    /// <summary>Shared receive queues.</summary>
    public IReadOnlyList<SharedReceiveQueue> SharedReceiveQueues { get; internal init; } = [];

    /// <summary>Queue pairs, in the state that they are in; in error when the device is an older one than what its peers know.</summary>
    public IReadOnlyList<QueuePair> QueuePairs { get; internal init; } = [];

    /// <summary>Memory regions.</summary>
    public IReadOnlyList<MemoryRegion> MemoryRegions { get; internal init; } = [];

    /// <summary>Regions for fast registration.</summary>
    public IReadOnlyList<FastMemoryRegion> FastRegions { get; internal init; } = [];

    /// <summary>Memory windows.</summary>
    public IReadOnlyList<MemoryWindow> MemoryWindows { get; internal init; } = [];

    /// <summary>Address handles.</summary>
    public IReadOnlyList<AddressHandle> AddressHandles { get; internal init; } = [];
}
