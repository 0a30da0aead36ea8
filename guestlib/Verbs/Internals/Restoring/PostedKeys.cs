using RoceEngine.Abi;

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
    private readonly MemoryPlaces _places;

    public PostedKeys(List<MemoryWindow> windows, List<FastMemoryRegion> regions, MemoryPlaces places)
    {
        _places = places;
        windows.ForEach(window => _windows.TryAdd(window.RemoteKey >> TagBits, window));
        regions.ForEach(region => _regions.TryAdd(region.RemoteKey >> TagBits, region));
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
        ulong address = region.FirstPageInDirectory + (request.FastRegisterIova % (ulong)GuestAllocator.PageBytes);
        if (_places.Find(address, request.FastRegisterLength) is { } memory)
        {
            var registration = new FastRegistration { Memory = memory, Bytes = request.FastRegisterLength };
            region.OnPosted(in registration, request.FastRegisterIova, request.FastRegisterRemoteKey);
        }
    }
}
