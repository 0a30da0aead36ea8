using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace RoceEngine.Snapshots;

/// <summary>A range of guest RAM, in bytes from its start.</summary>
public readonly record struct GuestRamExtent(long Start, long Bytes);

/// <summary>
/// Which parts of guest RAM to look at. Reading a hole of a memfd through its mapping would have the kernel allocate the page, so a
/// snapshot of a sparse guest asks for the holes first.
/// </summary>
public sealed class GuestRamMap
{
    private const int SEEK_DATA = 3;
    private const int SEEK_HOLE = 4;
    private const int ENXIO = 6;

    private GuestRamMap(IReadOnlyList<GuestRamExtent> extents)
    {
        Extents = extents;
        AllocatedBytes = extents.Sum(e => e.Bytes);
    }

    /// <summary>The ranges, ascending, on page boundaries, not overlapping.</summary>
    public IReadOnlyList<GuestRamExtent> Extents { get; }

    /// <summary>Sum of the ranges: what the guest, or anybody, has touched.</summary>
    public long AllocatedBytes { get; }

    /// <summary>All of it.</summary>
    public static GuestRamMap Whole(long bytes) => new(bytes > 0 ? [new GuestRamExtent(0, bytes)] : []);

    /// <summary>
    /// What is allocated of the memfd behind guest RAM, in memory or swapped out: lseek(2) with SEEK_DATA and SEEK_HOLE. The whole of it
    /// where the file system cannot tell. Moves the descriptor's file offset, which mappings do not use.
    /// </summary>
    /// <param name="descriptor">The memfd.</param>
    /// <param name="bytes">Length of guest RAM, a multiple of 4096; it begins at the file's start.</param>
    public static GuestRamMap FromDescriptor(int descriptor, long bytes)
    {
        var extents = new List<GuestRamExtent>();
        for (long at = 0; at < bytes;)
        {
            long data = SharedMemory.Seek(descriptor, at, SEEK_DATA);
            if (data < 0)
                return Marshal.GetLastPInvokeError() == ENXIO ? new GuestRamMap(extents) : Whole(bytes);
            long hole = SharedMemory.Seek(descriptor, data, SEEK_HOLE);
            if (hole <= data)
                return Whole(bytes);
            data -= data % SnapshotFormat.PageBytes;
            hole = Math.Min(bytes, (hole + SnapshotFormat.PageBytes - 1) / SnapshotFormat.PageBytes * SnapshotFormat.PageBytes);
            if (data < hole)
                extents.Add(new GuestRamExtent(data, hole - data));
            at = hole;
        }
        return new GuestRamMap(extents);
    }
}
