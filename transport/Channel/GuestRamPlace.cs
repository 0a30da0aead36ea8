using System.Security.Cryptography;
using RoceEngine.Abi;
using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>
/// Where a guest process has its RAM. Pointers into it and the addresses in work requests are only right there, so a process that takes it over must map it at
/// the same place. Kernels put programs, libraries, heaps and stacks at the lower and the upper end of the 128 TiB that a process has; guest RAM lies
/// between, at a place drawn from millions, so that another process, and another device in it, has nothing there.
/// </summary>
internal static unsafe class GuestRamPlace
{
    private const ulong First = 0x2000_0000_0000;
    private const ulong End = 0x4000_0000_0000;

    /// <summary>Huge pages begin at multiples of it.</summary>
    private const ulong Granule = 2 << 20;

    private const int DrawsMax = 8;

    /// <summary>Maps new guest RAM; where nothing between is to be had, wherever the kernel likes.</summary>
    /// <exception cref="SystemCallException">The kernel refused.</exception>
    public static byte* MapAnywhere(int descriptor, long bytes)
    {
        for (int draw = 0; draw < DrawsMax && (ulong)bytes < End - First; draw++)
        {
            byte* mapped = SharedMemory.TryMapSharedAt((byte*)Draw((ulong)bytes), descriptor, bytes);
            if (mapped != null)
                return mapped;
        }
        return SharedMemory.MapShared(descriptor, bytes);
    }

    /// <summary>Maps guest RAM where it says that it was.</summary>
    /// <exception cref="RestoredMemoryException">It does not say so, or something else is there.</exception>
    public static byte* MapAgain(int descriptor, long bytes)
    {
        ulong address = ReadAddress(descriptor);
        byte* mapped = SharedMemory.TryMapSharedAt((byte*)address, descriptor, bytes);
        return mapped != null
            ? mapped
            : throw new RestoredMemoryException(
                Errno.EADDRINUSE, $"guest RAM must be mapped at 0x{address:x}, where it was, and this process has something else within {bytes} bytes from there: try in another process");
    }

    private static ulong ReadAddress(int descriptor)
    {
        byte* page = SharedMemory.MapShared(descriptor, SharedMemory.PageBytes, SharedMemory.PROT_READ);
        try
        {
            GuestLedgerHead head = *(GuestLedgerHead*)page;
            if (head.Magic != GuestLedger.Magic)
                throw new RestoredMemoryException(Errno.EOPNOTSUPP, "the process that was saved left no notes for another one: its library is older than this, or it was saved before its device was up");
            if (head.Version != GuestLedger.Version)
                throw new RestoredMemoryException(Errno.EOPNOTSUPP, $"the process that was saved left notes of version {head.Version}; this library reads version {GuestLedger.Version}");
            if (head.RamAddress == 0 || head.RamAddress % SharedMemory.PageBytes != 0)
                throw new RestoredMemoryException(Errno.EOPNOTSUPP, $"the process that was saved cannot have had its memory at 0x{head.RamAddress:x}");
            return head.RamAddress;
        }
        finally
        {
            _ = SharedMemory.Unmap(page, SharedMemory.PageBytes);
        }
    }

    private static ulong Draw(ulong bytes)
    {
        ulong places = (End - First - bytes) / Granule;
        Span<byte> random = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(random);
        return First + (BitConverter.ToUInt64(random) % places * Granule);
    }
}
