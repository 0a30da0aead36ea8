using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>
/// Page faults in the hands of a process, and which pages were written: userfaultfd(2), ioctl_userfaultfd(2), and the ioctl
/// PAGEMAP_SCAN. Failures as in <see cref="Sockets"/>.
/// </summary>
public static unsafe partial class UserFaults
{
    public const ulong UFFD_API = 0xAA;

    public const ulong UFFD_FEATURE_PAGEFAULT_FLAG_WP = 1 << 0;
    public const ulong UFFD_FEATURE_MISSING_SHMEM = 1 << 5;
    public const ulong UFFD_FEATURE_MINOR_SHMEM = 1 << 10;
    public const ulong UFFD_FEATURE_WP_HUGETLBFS_SHMEM = 1 << 12;
    public const ulong UFFD_FEATURE_WP_UNPOPULATED = 1 << 13;
    public const ulong UFFD_FEATURE_WP_ASYNC = 1 << 15;

    public const ulong UFFDIO_REGISTER_MODE_MISSING = 1 << 0;
    public const ulong UFFDIO_REGISTER_MODE_WP = 1 << 1;
    public const ulong UFFDIO_REGISTER_MODE_MINOR = 1 << 2;

    public const ulong UFFDIO_WRITEPROTECT_MODE_WP = 1 << 0;

    public const uint UFFDIO_API = 0xC018_AA3F;
    public const uint UFFDIO_REGISTER = 0xC020_AA00;
    public const uint UFFDIO_UNREGISTER = 0x8010_AA01;
    public const uint UFFDIO_WAKE = 0x8010_AA02;
    public const uint UFFDIO_WRITEPROTECT = 0xC018_AA06;

    public const uint PAGEMAP_SCAN = 0xC060_6610;

    public const ulong PAGE_IS_WPALLOWED = 1 << 0;
    public const ulong PAGE_IS_WRITTEN = 1 << 1;
    public const ulong PAGE_IS_SWAPPED = 1 << 4;

    public const ulong PM_SCAN_WP_MATCHING = 1 << 0;
    public const ulong PM_SCAN_CHECK_WPASYNC = 1 << 1;

    private const uint USERFAULTFD_IOC_NEW = 0xAA00;
    private const int O_NONBLOCK = 0x800;
    private const int O_CLOEXEC = 0x80000;

    // syscall(2) and ioctl(2) are variadic in C; on Linux x86-64 and arm64 such an argument travels as for a plain function.
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint argument);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int descriptor, nuint request, void* argument);

    /// <summary>ioctl(2) with a pointer.</summary>
    public static int Control(int descriptor, uint request, void* argument) => Control(descriptor, (nuint)request, argument);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int Open(byte* path, int flags);

    /// <summary>
    /// A userfaultfd that is told of the kernel's own accesses too, close-on-exec and non-blocking: by the system call, or where
    /// that is not permitted by /dev/userfaultfd. Returns the descriptor, or -1.
    /// </summary>
    public static int Create()
    {
        const nint userfaultfd = 323; // x86-64
        const nint flags = O_CLOEXEC | O_NONBLOCK;
        int descriptor = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? (int)SystemCall(userfaultfd, flags) : -1;
        return descriptor >= 0 ? descriptor : CreateByDevice(flags);
    }

    /// <summary>/proc/self/pagemap, close-on-exec: what <see cref="PAGEMAP_SCAN"/> is asked of. The descriptor, or -1.</summary>
    public static int OpenPageMap()
    {
        fixed (byte* path = "/proc/self/pagemap\0"u8)
            return Open(path, O_CLOEXEC);
    }

    private static int CreateByDevice(nint flags)
    {
        int device;
        fixed (byte* path = "/dev/userfaultfd\0"u8)
            device = Open(path, 2 | O_CLOEXEC); // O_RDWR
        if (device < 0)
            return -1;
        int descriptor = Control(device, USERFAULTFD_IOC_NEW, (void*)flags);
        int errno = Marshal.GetLastPInvokeError();
        _ = Events.Close(device);
        Marshal.SetLastPInvokeError(errno);
        return descriptor;
    }
}
