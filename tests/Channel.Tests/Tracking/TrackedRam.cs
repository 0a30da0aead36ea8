using System.Numerics;
using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

/// <summary>A guest's RAM mapped twice: as the guest has it, which is tracked, and as the host does, which is not.</summary>
internal sealed unsafe class TrackedRam : IDisposable
{
    public TrackedRam(long bytes)
        : this(SharedMemory.CreateMemfd("tracked\0"u8, bytes), bytes) =>
        SharedMemory.AddSeals(Descriptor, SharedMemory.F_SEAL_SHRINK);

    /// <summary>Takes over a descriptor.</summary>
    public TrackedRam(int descriptor, long bytes)
    {
        Descriptor = descriptor;
        Bytes = bytes;
        Ram = SharedMemory.MapShared(descriptor, bytes);
        Host = SharedMemory.MapShared(descriptor, bytes);
        Bitmap = new ulong[WrittenPages.Words(PageCount)];
    }

    /// <summary>The guest's mapping.</summary>
    public byte* Ram { get; }

    /// <summary>The host's mapping of the same memory.</summary>
    public byte* Host { get; private set; }

    public int Descriptor { get; private set; }

    public long Bytes { get; }

    public long PageCount => Bytes / SharedMemory.PageBytes;

    /// <summary>What the last <see cref="Collect"/> found.</summary>
    public ulong[] Bitmap { get; }

    /// <summary>Tracking of the guest's mapping; ends the test by name where the kernel does not permit it.</summary>
    public GuestWriteTracker Track()
    {
        GuestWriteTracker? tracker = GuestWriteTracker.TryStart(Ram, Bytes, out string? whyNot);
        Assert.SkipWhen(tracker is null, $"writes cannot be tracked here: {whyNot}");
        Assert.Null(whyNot);
        return tracker!;
    }

    /// <summary>The pages written since the last time.</summary>
    public int[] Collect(GuestWriteTracker tracker)
    {
        Array.Clear(Bitmap);
        tracker.Collect(Bitmap);
        return [.. Enumerable.Range(0, (int)PageCount).Where(page => (Bitmap[page / 64] >> (page % 64) & 1) != 0)];
    }

    /// <summary>The guest's mapping now shows another memfd, which this object takes over.</summary>
    public void Adopt(int descriptor)
    {
        _ = SharedMemory.Unmap(Host, (nuint)Bytes);
        _ = Events.Close(Descriptor);
        Descriptor = descriptor;
        Host = SharedMemory.MapShared(descriptor, Bytes);
    }

    public static void CopyPages(byte* from, byte* to, ReadOnlySpan<ulong> bitmap)
    {
        for (int word = 0; word < bitmap.Length; word++)
        {
            for (ulong bits = bitmap[word]; bits != 0; bits &= bits - 1)
            {
                long at = (word * 64L + BitOperations.TrailingZeroCount(bits)) * SharedMemory.PageBytes;
                Buffer.MemoryCopy(from + at, to + at, SharedMemory.PageBytes, SharedMemory.PageBytes);
            }
        }
    }

    public void Dispose()
    {
        _ = SharedMemory.Unmap(Ram, (nuint)Bytes);
        _ = SharedMemory.Unmap(Host, (nuint)Bytes);
        _ = Events.Close(Descriptor);
    }
}
