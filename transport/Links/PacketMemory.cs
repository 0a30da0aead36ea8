using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace RoceEngine.Links;

/// <summary>
/// Where packets are put together, or arrive. A stream passes through its first part again and again, so a link that turns out to be busy has that on a large
/// page. Not from the beginning: such a page takes a fraction of a millisecond to get, for which a device that has just moved has no time. The bytes are not
/// cleared. Made, used and freed by one owner.
/// </summary>
internal unsafe struct PacketMemory
{
    /// <summary>What a link has carried by the time it counts as busy, in bytes.</summary>
    public const long BusyBytes = 256 << 20;

    /// <summary>A large page of x86-64, and of arm64 with pages of 4 KiB.</summary>
    private const int LargePageBytes = 2 << 20;

    private readonly int _bytes;
    private bool _isSettled;

    /// <exception cref="OutOfMemoryException">No address space left.</exception>
    public PacketMemory(int bytes)
    {
        _bytes = bytes;
        Start = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, LargePageBytes);
    }

    /// <summary>The first byte; null after <see cref="Free"/>.</summary>
    public byte* Start { get; private set; }

    /// <summary>Moves the first part to a large page once the link has carried enough; what it holds stays.</summary>
    /// <param name="carriedBytes">Bytes that the link has carried this way.</param>
    public void Settle(long carriedBytes)
    {
        if (_isSettled || carriedBytes < BusyBytes)
            return;
        _isSettled = true;

        // A kernel that cannot, or has none, leaves everything as it is.
        if (_bytes >= LargePageBytes)
            _ = SharedMemory.Advise(Start, LargePageBytes, SharedMemory.MADV_COLLAPSE);
    }

    /// <summary>Gives it back.</summary>
    public void Free()
    {
        NativeMemory.AlignedFree(Start);
        Start = null;
    }
}
