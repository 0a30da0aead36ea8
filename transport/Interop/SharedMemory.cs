using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>Memory shared between processes: memfd_create(2), fcntl(2) seals, mmap(2). Failures as in <see cref="Sockets"/>.</summary>
public static unsafe partial class SharedMemory
{
    public const uint MFD_CLOEXEC = 1;
    public const uint MFD_ALLOW_SEALING = 2;

    public const int F_DUPFD_CLOEXEC = 1030;
    public const int F_ADD_SEALS = 1033;
    public const int F_GET_SEALS = 1034;

    public const int F_SEAL_SEAL = 1;
    public const int F_SEAL_SHRINK = 2;
    public const int F_SEAL_GROW = 4;

    public const int PROT_NONE = 0;
    public const int PROT_READ = 1;
    public const int PROT_WRITE = 2;

    public const int MAP_SHARED = 1;
    public const int MAP_PRIVATE = 2;
    public const int MAP_FIXED = 0x10;
    public const int MAP_ANONYMOUS = 0x20;
    public const int MAP_NORESERVE = 0x4000;
    public const int MAP_POPULATE = 0x8000;
    public const int MAP_FIXED_NOREPLACE = 0x10_0000;

    public const int MADV_DONTNEED = 4;
    public const int MADV_REMOVE = 9;
    public const int MADV_DONTFORK = 10;
    public const int MADV_HUGEPAGE = 14;
    public const int MADV_POPULATE_READ = 22;
    public const int MADV_POPULATE_WRITE = 23;
    public const int MADV_COLLAPSE = 25;

    /// <summary>Linux's page on x86-64 and on the arm64 kernels that we serve.</summary>
    public const int PageBytes = 4096;

    /// <summary>memfd_create(2); <paramref name="name"/> is a zero-terminated UTF-8 string for /proc.</summary>
    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true)]
    public static partial int MemfdCreate(byte* name, uint flags);

    /// <summary>ftruncate(2).</summary>
    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int Truncate(int descriptor, long bytes);

    /// <summary>lseek(2).</summary>
    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(int descriptor, long offset, int whence);

    // fcntl(2) is variadic in C; on Linux x86-64 and arm64 an integer argument travels as for a plain function.
    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, int argument);

    /// <summary>mmap(2): the address, or -1.</summary>
    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Map(void* address, nuint bytes, int protection, int flags, int descriptor, long offset);

    /// <summary>munmap(2).</summary>
    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(void* address, nuint bytes);

    /// <summary>mprotect(2).</summary>
    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    public static partial int Protect(void* address, nuint bytes, int protection);

    /// <summary>madvise(2).</summary>
    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    public static partial int Advise(void* address, nuint bytes, int advice);

    /// <summary>dup3(2).</summary>
    [LibraryImport("libc", EntryPoint = "dup3", SetLastError = true)]
    private static partial int DuplicateTo(int descriptor, int target, int flags);

    /// <summary>A zeroed memfd of the given size, close-on-exec, that can be sealed. The caller owns the descriptor.</summary>
    /// <exception cref="SystemCallException">No descriptor or memory left.</exception>
    public static int CreateMemfd(ReadOnlySpan<byte> zeroTerminatedName, long bytes)
    {
        int descriptor;
        fixed (byte* name = zeroTerminatedName)
            descriptor = SystemCallException.Check(MemfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create");
        if (Truncate(descriptor, bytes) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            Events.Close(descriptor);
            throw new SystemCallException($"ftruncate(memfd, {bytes})", errno);
        }
        return descriptor;
    }

    /// <summary>Seals a memfd: with F_SEAL_SHRINK a peer cannot take pages away from under our mapping.</summary>
    /// <exception cref="SystemCallException">Not a memfd, or already sealed against sealing.</exception>
    public static void AddSeals(int descriptor, int seals) =>
        SystemCallException.Check(Control(descriptor, F_ADD_SEALS, seals), "fcntl(F_ADD_SEALS)");

    /// <summary>The seals of a memfd, or -1 for a descriptor that cannot have any.</summary>
    public static int GetSeals(int descriptor) => Control(descriptor, F_GET_SEALS, 0);

    /// <summary>A close-on-exec duplicate, owned by the caller.</summary>
    /// <exception cref="SystemCallException">A bad descriptor, or none left.</exception>
    public static int Duplicate(int descriptor) =>
        SystemCallException.Check(Control(descriptor, F_DUPFD_CLOEXEC, 0), "fcntl(F_DUPFD_CLOEXEC)");

    /// <summary>
    /// Makes <paramref name="target"/> mean what <paramref name="descriptor"/> means, close-on-exec, in one step: nobody sees the number
    /// closed in between. Both then are the caller's to close.
    /// </summary>
    /// <exception cref="SystemCallException">A bad descriptor, or both are the same.</exception>
    public static void DuplicateOver(int descriptor, int target)
    {
        const int closeOnExec = 0x80000; // O_CLOEXEC
        SystemCallException.Check(DuplicateTo(descriptor, target, closeOnExec), "dup3");
    }

    /// <summary>Size in bytes of the file behind a descriptor.</summary>
    /// <exception cref="SystemCallException">Not a file.</exception>
    public static long GetBytes(int descriptor)
    {
        const int seekEnd = 2;
        long bytes = Seek(descriptor, 0, seekEnd);
        if (bytes < 0)
            SystemCallException.ThrowLast("lseek");
        return bytes;
    }

    /// <summary>Maps a descriptor shared, readable and writable; undo with <see cref="Unmap"/>.</summary>
    /// <exception cref="SystemCallException">The kernel refused.</exception>
    public static byte* MapShared(int descriptor, long bytes) => MapShared(descriptor, bytes, PROT_READ | PROT_WRITE);

    /// <summary>Maps a descriptor shared with the given protection; undo with <see cref="Unmap"/>.</summary>
    /// <exception cref="SystemCallException">The kernel refused.</exception>
    public static byte* MapShared(int descriptor, long bytes, int protection)
    {
        nint address = Map(null, (nuint)bytes, protection, MAP_SHARED, descriptor, 0);
        return (byte*)SystemCallException.Check(address, $"mmap({bytes})");
    }

    /// <summary>
    /// Maps a descriptor shared, readable and writable, at <paramref name="address"/>. Null when anything is mapped there, or the kernel has no such address.
    /// </summary>
    public static byte* TryMapSharedAt(byte* address, int descriptor, long bytes)
    {
        nint mapped = Map(address, (nuint)bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, descriptor, 0);
        if (mapped == -1 || mapped == (nint)address)
            return mapped == -1 ? null : address;

        // A kernel before 4.17 takes the address for a wish.
        _ = Unmap((void*)mapped, (nuint)bytes);
        return null;
    }

    /// <summary>
    /// Maps a descriptor shared, readable and writable, in place of what is mapped at <paramref name="address"/>. Other threads see the
    /// old memory or the new, never none.
    /// </summary>
    /// <exception cref="SystemCallException">The kernel refused.</exception>
    public static void MapSharedOver(byte* address, int descriptor, long bytes) =>
        SystemCallException.Check(
            Map(address, (nuint)bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0), $"mmap({bytes}, MAP_FIXED)");

    /// <summary>As above for a part of what the descriptor names, with the given protection.</summary>
    /// <exception cref="SystemCallException">The kernel refused.</exception>
    public static void MapSharedOver(byte* address, int descriptor, long offset, long bytes, int protection) =>
        SystemCallException.Check(
            Map(address, (nuint)bytes, protection, MAP_SHARED | MAP_FIXED, descriptor, offset), $"mmap({bytes}, MAP_FIXED)");

    /// <summary>
    /// The next range of a memfd, from an offset on, that was ever written; what lies between such ranges is zero. False when there is none. lseek(2),
    /// SEEK_DATA and SEEK_HOLE.
    /// </summary>
    public static bool TryFindUsed(int descriptor, long from, long bytes, out long start, out long length)
    {
        const int seekData = 3;
        const int seekHole = 4;
        length = 0;
        start = from < bytes ? Seek(descriptor, from, seekData) : -1;
        if (start < 0 || start >= bytes)
            return false;
        long end = Seek(descriptor, start, seekHole);
        length = Math.Min(end < 0 ? bytes : end, bytes) - start;
        return length > 0;
    }

    /// <summary>Maps private zeroed memory outside the garbage collector; undo with <see cref="Unmap"/>.</summary>
    /// <exception cref="SystemCallException">No memory left.</exception>
    public static byte* MapAnonymous(long bytes)
    {
        nint address = Map(null, (nuint)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return (byte*)SystemCallException.Check(address, $"mmap({bytes})");
    }
}
