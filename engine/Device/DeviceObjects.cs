using System.Runtime.CompilerServices;
using RoceEngine.Abi;

namespace RoceEngine.Device;

/// <summary>The objects of one device by handle, by key and by QPN, and what they cost.</summary>
internal sealed class DeviceObjects
{
    /// <summary>The number of the QP for general services, which every port has. IBTA vol. 1, 3.9.5, 13.5.1.</summary>
    public const uint ServicesQpn = 1;

    /// <summary>Low bits of a key that a bind or a fast registration may change.</summary>
    private const int KeyTagBits = 8;

    private readonly IRandomSource _random;
    private readonly long _pinnedPagesMax;
    private readonly NumberTable<KeyedMemory> _keys;

    public DeviceObjects(DeviceOptions options)
    {
        DeviceLimits limits = options.Limits;
        _pinnedPagesMax = limits.PinnedPages;
        Contexts = new ResourceTable<UserContext>(limits.UserContexts);
        Domains = new ResourceTable<ProtectionDomain>(limits.ProtectionDomains);
        Regions = new ResourceTable<MemoryRegion>(limits.MemoryRegions);
        CompletionQueues = new ResourceTable<CompletionQueue>(limits.CompletionQueues);
        QueuePairs = new ResourceTable<DeviceQueuePair>(limits.QueuePairs);
        Windows = new ResourceTable<MemoryWindow>(limits.MemoryWindows);
        SharedReceiveQueues = new ResourceTable<SharedReceiveQueue>(limits.SharedReceiveQueues);
        _random = options.Random;
        _keys = new NumberTable<KeyedMemory>(options.Random, bits: 24, reservedBelow: 1);

        // QPN 0 and 1 are the management QPs, all ones is the multicast address. IBTA vol. 1, 3.5.3, 10.5.
        QueuePairNumbers = new NumberTable<DeviceQueuePair>(options.Random, bits: 24, reservedBelow: 2);
    }

    public ResourceTable<UserContext> Contexts { get; }

    public ResourceTable<ProtectionDomain> Domains { get; }

    public ResourceTable<MemoryRegion> Regions { get; }

    public ResourceTable<MemoryWindow> Windows { get; }

    public ResourceTable<CompletionQueue> CompletionQueues { get; }

    public ResourceTable<SharedReceiveQueue> SharedReceiveQueues { get; }

    public ResourceTable<DeviceQueuePair> QueuePairs { get; }

    public NumberTable<DeviceQueuePair> QueuePairNumbers { get; }

    /// <summary>Pages that MRs and queues name.</summary>
    public long PinnedPages { get; set; }

    /// <summary>Pages that one more object may name.</summary>
    public int PinnedPagesLeft => (int)Math.Clamp(_pinnedPagesMax - PinnedPages, 0, PvrdmaPageDirectory.PagesMax);

    /// <summary>What a key opens, or null when no key with these 32 bits is in force.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KeyedMemory? FindKey(uint key)
    {
        KeyedMemory? memory = _keys.Find(key >> KeyTagBits);
        return memory is not null && memory.Key == key ? memory : null;
    }

    /// <summary>What the upper 24 bits of a key name, whatever its tag.</summary>
    public KeyedMemory? FindKeyNumber(uint key) => _keys.Find(key >> KeyTagBits);

    /// <summary>Gives it a key that nobody can guess.</summary>
    public void AddKey(KeyedMemory memory)
    {
        uint number = _keys.Add(memory);
        byte tag = 0;
        _random.Fill(new Span<byte>(ref tag));
        memory.Key = (number << KeyTagBits) | tag;
    }

    /// <summary>Gives it the key that it had elsewhere; false when that is none, or taken.</summary>
    public bool TryPutKey(KeyedMemory memory, uint key)
    {
        memory.Key = key;
        return _keys.TryPut(key >> KeyTagBits, memory);
    }

    /// <summary>Its key is no more.</summary>
    public void RemoveKey(KeyedMemory memory) => _keys.Remove(memory.Key >> KeyTagBits);

    public void Clear()
    {
        Contexts.Clear();
        Domains.Clear();
        Regions.Clear();
        Windows.Clear();
        CompletionQueues.Clear();
        SharedReceiveQueues.Clear();
        QueuePairs.Clear();
        _keys.Clear();
        QueuePairNumbers.Clear();
        PinnedPages = 0;
    }
}
