using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>
/// Shared memory whose pages the kernel write-protects, and unprotects by itself at the first write (userfaultfd's asynchronous
/// mode): a protected page is a page that was not written. No thread waits for anybody.
/// </summary>
internal sealed unsafe class WriteProtectedRange : IDisposable
{
    // A page table entry never used has no bit to be protected by: WP_UNPOPULATED and the shmem feature give it a marker instead.
    private const ulong Features = UserFaults.UFFD_FEATURE_PAGEFAULT_FLAG_WP | UserFaults.UFFD_FEATURE_MISSING_SHMEM
        | UserFaults.UFFD_FEATURE_MINOR_SHMEM | UserFaults.UFFD_FEATURE_WP_HUGETLBFS_SHMEM
        | UserFaults.UFFD_FEATURE_WP_UNPOPULATED | UserFaults.UFFD_FEATURE_WP_ASYNC;

    private int _faultDescriptor = -1;
    private int _pageMapDescriptor = -1;

    private WriteProtectedRange(byte* start, long bytes) =>
        Range = new UserFaultRange { Start = (ulong)start, Bytes = (ulong)bytes };

    public UserFaultRange Range { get; }

    /// <summary>The userfaultfd; -1 once disposed.</summary>
    public int FaultDescriptor => _faultDescriptor;

    public int PageMapDescriptor => _pageMapDescriptor;

    /// <summary>Protects a mapping of shared memory; null, with the reason, where the kernel cannot or may not.</summary>
    public static WriteProtectedRange? TryOpen(byte* start, long bytes, out string? whyNot)
    {
        var range = new WriteProtectedRange(start, bytes);
        whyNot = range.Open();
        if (whyNot is null)
            return range;
        range.Dispose();
        return null;
    }

    /// <summary>What to ask PAGEMAP_SCAN for: the pages written since they were protected last, which protects them again.</summary>
    public static PageScan WrittenPages(PageRegion* regions, ulong regionsMax) => new()
    {
        StructBytes = (ulong)sizeof(PageScan),
        Flags = UserFaults.PM_SCAN_WP_MATCHING | UserFaults.PM_SCAN_CHECK_WPASYNC,
        Regions = regions,
        RegionsMax = regionsMax,
        CategoriesAll = UserFaults.PAGE_IS_WRITTEN,
        CategoriesReturned = UserFaults.PAGE_IS_WRITTEN,
    };

    /// <summary>
    /// What to ask PAGEMAP_SCAN for after all page table entries were taken away by madvise(MADV_DONTNEED): a protected page leaves a
    /// marker, which counts as swapped, a written one leaves nothing, possibly not even its page table. Asked for as "not swapped", what
    /// the kernel has no record of counts as written.
    /// </summary>
    public static PageScan UnmarkedPages(PageRegion* regions, ulong regionsMax) => new()
    {
        StructBytes = (ulong)sizeof(PageScan),
        Flags = UserFaults.PM_SCAN_CHECK_WPASYNC,
        Regions = regions,
        RegionsMax = regionsMax,
        CategoriesInverted = UserFaults.PAGE_IS_SWAPPED,
        CategoriesAll = UserFaults.PAGE_IS_SWAPPED,
        CategoriesReturned = UserFaults.PAGE_IS_WPALLOWED,
    };

    /// <summary>
    /// Registers for tracking and protects every page. False with the error number in <see cref="Marshal.GetLastPInvokeError"/>.
    /// </summary>
    public bool TryProtectAll()
    {
        var register = new UserFaultRegister { Range = Range, Mode = UserFaults.UFFDIO_REGISTER_MODE_WP };
        if (UserFaults.Control(_faultDescriptor, UserFaults.UFFDIO_REGISTER, &register) < 0)
            return false;
        var protect = new UserFaultWriteProtect { Range = Range, Mode = UserFaults.UFFDIO_WRITEPROTECT_MODE_WP };
        int status;
        do
        {
            status = UserFaults.Control(_faultDescriptor, UserFaults.UFFDIO_WRITEPROTECT, &protect);
        }
        while (status < 0 && Marshal.GetLastPInvokeError() is Errno.EAGAIN or Errno.EINTR);
        return status >= 0;
    }

    /// <summary>
    /// One PAGEMAP_SCAN from <paramref name="scan"/>'s start to its end: how many regions it found, or minus the error number.
    /// </summary>
    public int Scan(PageScan* scan)
    {
        int count = UserFaults.Control(_pageMapDescriptor, UserFaults.PAGEMAP_SCAN, scan);
        return count < 0 ? -Marshal.GetLastPInvokeError() : count;
    }

    /// <summary>The descriptor was closed by other means.</summary>
    public void ForgetFaultDescriptor() => _faultDescriptor = -1;

    /// <summary>Ends the protection; the memory is as before. Idempotent.</summary>
    public void Dispose()
    {
        if (_faultDescriptor >= 0)
        {
            UserFaultRange range = Range;
            _ = UserFaults.Control(_faultDescriptor, UserFaults.UFFDIO_UNREGISTER, &range);
            _ = Events.Close(_faultDescriptor);
        }
        if (_pageMapDescriptor >= 0)
            _ = Events.Close(_pageMapDescriptor);
        _faultDescriptor = _pageMapDescriptor = -1;
    }

    private string? Open()
    {
        _faultDescriptor = UserFaults.Create();
        if (_faultDescriptor < 0)
            return Reason("userfaultfd", "needs CAP_SYS_PTRACE, vm.unprivileged_userfaultfd=1 or access to /dev/userfaultfd");
        var api = new UserFaultApi { Api = UserFaults.UFFD_API, Features = Features };
        if (UserFaults.Control(_faultDescriptor, UserFaults.UFFDIO_API, &api) < 0)
            return Reason("userfaultfd", "asynchronous write protection needs Linux 6.7");
        _pageMapDescriptor = UserFaults.OpenPageMap();
        if (_pageMapDescriptor < 0)
            return Reason("/proc/self/pagemap", "cannot be opened");
        return TryProtectAll() ? null : Reason("userfaultfd", "cannot protect this memory");
    }

    private static string Reason(string what, string why) =>
        $"{what}: {why} ({Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())})";
}
