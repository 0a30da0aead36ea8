using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>
/// Whether this kernel keeps the records that <see cref="GuestWriteTracker"/> lives by. A kernel that keeps them otherwise would lose
/// data in silence, so they are tried once per process on a few pages.
/// </summary>
internal static unsafe class WriteTrackingProbe
{
    private const long TableBytes = 2 << 20; // what one page table maps
    private const int TablePages = (int)(TableBytes / SharedMemory.PageBytes);
    private const int Pages = 3 * TablePages;

    private static readonly Lazy<string?> s_whyNot = new(Run);

    /// <summary>The reason why writes cannot be tracked here, or null.</summary>
    public static string? WhyNot => s_whyNot.Value;

    private static string? Run()
    {
        if (!SystemCallProgram.IsSupported)
            return "needs x86-64 and executable memory";
        const long bytes = (long)Pages * SharedMemory.PageBytes;
        int memfd = SharedMemory.CreateMemfd("vrdma-probe\0"u8, bytes);
        byte* start = null;
        WriteProtectedRange? range = null;
        try
        {
            start = SharedMemory.MapShared(memfd, bytes);
            range = WriteProtectedRange.TryOpen(start, bytes, out string? whyNot);
            return range is null ? whyNot : Try(range, start);
        }
        catch (SystemCallException e)
        {
            return e.Message;
        }
        finally
        {
            range?.Dispose();
            if (start != null)
                _ = SharedMemory.Unmap(start, (nuint)bytes);
            _ = Events.Close(memfd);
        }
    }

    private static string? Try(WriteProtectedRange range, byte* start)
    {
        // A whole page table that is written, and one page beside it; a page that is only read.
        byte* table = (byte*)(((nint)start + TableBytes - 1) & ~(nint)(TableBytes - 1));
        byte* beside = table + TableBytes == start + (long)Pages * SharedMemory.PageBytes ? start : table + TableBytes;
        for (int page = 0; page < TablePages; page++)
            table[page * SharedMemory.PageBytes] = 1;
        beside[0] = 1;
        _ = Volatile.Read(ref beside[SharedMemory.PageBytes]);
        if (CountBoth(range, WriteProtectedRange.WrittenPages, table, beside) is { } wrong)
            return $"this kernel reports {wrong} written pages instead of {TablePages + 1}";

        for (int page = 0; page < TablePages; page++)
            table[page * SharedMemory.PageBytes] = 2;
        beside[0] = 2;
        if (SharedMemory.Advise(start, (nuint)range.Range.Bytes, SharedMemory.MADV_DONTNEED) < 0)
            return $"madvise(MADV_DONTNEED): {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}";
        return CountBoth(range, WriteProtectedRange.UnmarkedPages, table, beside) is { } forgotten
            ? $"this kernel remembers {forgotten} written pages instead of {TablePages + 1} after madvise(MADV_DONTNEED)"
            : null;
    }

    private delegate PageScan Ask(PageRegion* regions, ulong regionsMax);

    // Null when all that was written is found and no more; otherwise how many pages were.
    private static long? CountBoth(WriteProtectedRange range, Ask ask, byte* table, byte* beside)
    {
        const int regionsMax = 16;
        PageRegion* regions = stackalloc PageRegion[regionsMax];
        PageScan scan = ask(regions, regionsMax);
        scan.Start = range.Range.Start;
        scan.End = range.Range.Start + range.Range.Bytes;
        int count = range.Scan(&scan);
        long found = 0;
        long expected = 0;
        for (int i = 0; i < count; i++)
        {
            for (ulong page = regions[i].Start; page < regions[i].End; page += SharedMemory.PageBytes, found++)
            {
                if (page >= (ulong)table && page < (ulong)table + TableBytes || page == (ulong)beside)
                    expected++;
            }
        }
        return found == TablePages + 1 && expected == found ? null : found;
    }
}
