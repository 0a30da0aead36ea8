using RoceEngine.Abi;
using RoceEngine.Channel;

namespace RoceEngine.Verbs.Internals.Restoring;

/// <summary>
/// Binds and fast registrations that were posted and not executed yet: the objects that they are about have the keys of the last one posted, as they had in
/// the process that posted them.
/// </summary>
internal sealed unsafe class PostedKeys
{
    private const int TagBits = 8;

    private readonly Dictionary<uint, MemoryWindow> _windows = [];
    private readonly Dictionary<uint, FastMemoryRegion> _regions = [];
    private readonly List<GuestMemory> _memories;
    private readonly DeviceChannel _channel;

    public PostedKeys(List<MemoryWindow> windows, List<FastMemoryRegion> regions, List<GuestMemory> memories, DeviceChannel channel)
    {
        _memories = memories;
        _channel = channel;
        windows.ForEach(window => _windows.TryAdd(window.RemoteKey >> TagBits, window));
        regions.ForEach(region => _regions.TryAdd(region.RemoteKey >> TagBits, region));
    }

    /// <summary>The memory that holds a range of addresses of this process; null when none does.</summary>
    public static GuestMemory? Find(List<GuestMemory> memories, ulong address, ulong bytes)
    {
        // In the order of their addresses: the last that begins at or before.
        int low = 0;
        int high = memories.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = memories[middle].Address <= address ? (middle + 1, high) : (low, middle);
        }

        GuestMemory? memory = low == 0 ? null : memories[low - 1];
        return memory is not null && address - memory.Address <= (ulong)memory.Length && bytes <= (ulong)memory.Length - (address - memory.Address)
            ? memory
            : null;
    }

    public void Apply(List<QueuePair> pairs)
    {
        if (_windows.Count == 0 && _regions.Count == 0)
        {
            return;
        }

        foreach (QueuePair pair in pairs)
        {
            foreach (nint slot in pair.UnfinishedSends)
            {
                // A copy: what it says is looked at once.
                PvrdmaSendWqe request = *(PvrdmaSendWqe*)slot;
                Apply(in request);
            }
        }
    }

    private void Apply(in PvrdmaSendWqe request)
    {
        switch ((PvrdmaWrOpcode)request.Opcode)
        {
            case PvrdmaWrOpcode.BindMemoryWindow when _windows.TryGetValue(request.BindKey >> TagBits, out MemoryWindow? window):
                window.RemoteKey = request.BindKey;
                break;
            case PvrdmaWrOpcode.FastRegisterMr when _regions.TryGetValue(request.FastRegisterRemoteKey >> TagBits, out FastMemoryRegion? region):
                Apply(in request, region);
                break;
            default:
                break;
        }
    }

    private void Apply(in PvrdmaSendWqe request, FastMemoryRegion region)
    {
        ulong first = region.FirstPageInDirectory;
        ulong offset = first + (request.FastRegisterIova % (ulong)GuestAllocator.PageBytes);
        GuestMemory? memory = offset < (ulong)_channel.GuestRamBytes ? Find(_memories, (ulong)_channel.GuestRam + offset, request.FastRegisterLength) : null;
        if (memory is not null)
        {
            var registration = new FastRegistration { Memory = memory, Bytes = request.FastRegisterLength };
            region.OnPosted(in registration, request.FastRegisterIova, request.FastRegisterRemoteKey);
        }
    }
}
