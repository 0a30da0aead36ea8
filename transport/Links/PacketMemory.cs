using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace RoceEngine.Links;

/// <summary>
/// Where packets are put together and arrive: on large pages where the kernel has some, since a stream passes through all of it again and again. The bytes
/// are not cleared. Made and freed by one owner.
/// </summary>
internal static unsafe class PacketMemory
{
    /// <summary>A large page of x86-64, and of arm64 with pages of 4 KiB.</summary>
    private const int AlignmentBytes = 2 << 20;

    /// <exception cref="OutOfMemoryException">No address space left.</exception>
    public static byte* Allocate(int bytes)
    {
        byte* memory = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, AlignmentBytes);

        // A kernel without large pages refuses; then the memory is as any other.
        _ = SharedMemory.Advise(memory, (nuint)bytes, SharedMemory.MADV_HUGEPAGE);
        return memory;
    }

    /// <summary>Gives it back; null is nothing to give back.</summary>
    public static void Free(byte* memory) => NativeMemory.AlignedFree(memory);
}
