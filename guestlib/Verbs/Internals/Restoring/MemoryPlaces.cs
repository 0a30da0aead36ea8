using RoceEngine.Channel;

namespace RoceEngine.Verbs.Internals.Restoring;

/// <summary>Which memory, of all that was allocated, holds a range of guest RAM.</summary>
/// <param name="channel">The device's.</param>
/// <param name="memories">In the order of their addresses.</param>
internal sealed unsafe class MemoryPlaces(DeviceChannel channel, List<GuestMemory> memories)
{
    private readonly ulong _ramBytes = (ulong)channel.GuestRamBytes;
    private readonly ulong _ram = (ulong)channel.GuestRam;

    /// <summary>The memory that holds all of a range; null when none does.</summary>
    /// <param name="physical">Guest physical address.</param>
    /// <param name="bytes">Length in bytes.</param>
    public GuestMemory? Find(ulong physical, ulong bytes)
    {
        if (physical >= _ramBytes)
        {
            return null;
        }

        // The last that begins at or before.
        ulong address = _ram + physical;
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
}
