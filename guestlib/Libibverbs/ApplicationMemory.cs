using System.Runtime.InteropServices;
using RoceEngine.Interop;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Libibverbs;

/// <summary>The program's memory, which it registers wherever it lies.</summary>
internal static unsafe class ApplicationMemory
{
    // IBV_ACCESS_HUGETLB and the optional rights (IBV_ACCESS_RELAXED_ORDERING is one) are hints: a device may ignore them.
    private const uint Hints = (1u << 7) | 0x3FF0_0000;

    // IBV_ACCESS_ZERO_BASED, IBV_ACCESS_ON_DEMAND.
    private const uint Unsupported = (1u << 5) | (1u << 6);

    /// <summary>Rights as the library has them.</summary>
    /// <exception cref="VerbsException">EOPNOTSUPP: zero based or on demand. EINVAL is found by whoever uses them.</exception>
    public static AccessFlags AccessOf(uint access) => (access & Unsupported) == 0
        ? (AccessFlags)(access & ~Hints)
        : throw new VerbsException(Errno.EOPNOTSUPP, $"ibv_reg_mr: zero-based and on-demand regions are not supported (access 0x{access:x})");

    /// <summary>
    /// Memory to be registered. All of it is touched now, as a device's driver does that pins it: what is not there, or cannot be written though it shall
    /// be, is found here and not when a packet comes.
    /// </summary>
    /// <exception cref="VerbsException">EFAULT: not all of it is mapped as the rights need it. EINVAL: no bytes, or more than there are addresses.</exception>
    public static GuestMemory Use(RdmaContext rdma, byte* address, nuint bytes, AccessFlags access)
    {
        if (bytes == 0 || bytes > long.MaxValue || (ulong)address + bytes < (ulong)address)
        {
            throw new VerbsException(Errno.EINVAL, $"ibv_reg_mr: {bytes} bytes at 0x{(ulong)address:x}");
        }

        Touch(address, bytes, (access & AccessFlags.LocalWrite) != 0);
        return rdma.UseMemory(address, (long)bytes);
    }

    private static void Touch(byte* address, nuint bytes, bool writes)
    {
        byte* first = (byte*)((ulong)address & ~(ulong)(SharedMemory.PageBytes - 1));
        nuint length = (nuint)(address + bytes - first);
        int advice = writes ? SharedMemory.MADV_POPULATE_WRITE : SharedMemory.MADV_POPULATE_READ;
        if (SharedMemory.Advise(first, length, advice) == 0)
        {
            return;
        }

        // EINVAL: memory that can be read only, where reading works; else a kernel before 5.14, or memory that cannot be populated, such as a
        // device's, and there is no telling then.
        int errno = Marshal.GetLastPInvokeError();
        bool isReadOnly = errno == Errno.EINVAL && writes && SharedMemory.Advise(first, length, SharedMemory.MADV_POPULATE_READ) == 0;
        if (errno is Errno.ENOMEM or Errno.EFAULT || isReadOnly)
        {
            throw new VerbsException(
                Errno.EFAULT, $"ibv_reg_mr: {bytes} bytes at 0x{(ulong)address:x} are not all {(writes ? "writable" : "readable")} memory of this process");
        }
    }
}
