using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>
/// Tells which pages of guest RAM the guest's own process writes, and replaces guest RAM by other memory under the feet of its threads.
/// </summary>
/// <remarks>
/// <para>
/// Tracking: each page is write-protected, and the kernel takes the protection away at the first write (userfaultfd's asynchronous
/// mode, Linux 6.7). No thread of ours is needed and none waits. Counted is what this process writes through this mapping, by its own
/// instructions or by the kernel on its behalf (read(2), recv(2)); what others write through mappings of their own is theirs to tell.
/// Not seen is what devices write into pages that the kernel pinned for them (O_DIRECT). Memory may not be given back by madvise while it
/// is tracked.
/// </para>
/// <para>
/// The hazard: a managed thread that waits at a page fault is, to the garbage collector, busy in managed code. A collection that begins
/// then waits for it, every other managed thread waits for the collection, and so would the one that was to end the freeze. Hence
/// freeze, exchange and thaw are one call, <see cref="Exchange"/>, which runs as one native program from freeze to thaw
/// (<see cref="SystemCallProgram"/>); there is no way to run managed code of this process in between, and the answer must come from
/// another process (or lie in the socket before). A collection that begins meanwhile takes as long as the freeze.
/// </para>
/// <para>All methods are for any thread; they wait for each other.</para>
/// </remarks>
public sealed unsafe class GuestWriteTracker : IDisposable
{
    private const int RegionsPerScan = 1024;

    private readonly Lock _gate = new();
    private readonly WriteProtectedRange _range;
    private readonly int _cancelDescriptor;
    private readonly int _writtenMax;
    private readonly long _writtenBytes;
    private readonly PageRegion* _scanned;
    private PageRegion* _written;
    private int _writtenCount;
    private bool _allWritten;
    private int _disposed;

    private GuestWriteTracker(WriteProtectedRange range)
    {
        _range = range;
        PageCount = (long)range.Range.Bytes / SharedMemory.PageBytes;
        // Every other page, and an empty entry at the end.
        _writtenMax = checked((int)((PageCount + 1) / 2));
        _writtenBytes = RoundToPages((_writtenMax + 1L) * sizeof(PageRegion));
        WrittenDescriptor = SharedMemory.CreateMemfd("vrdma-written\0"u8, _writtenBytes);
        _cancelDescriptor = -1;
        try
        {
            SharedMemory.AddSeals(WrittenDescriptor, SharedMemory.F_SEAL_SHRINK | SharedMemory.F_SEAL_GROW | SharedMemory.F_SEAL_SEAL);
            _written = (PageRegion*)SharedMemory.MapShared(WrittenDescriptor, _writtenBytes);
            _cancelDescriptor = SystemCallException.Check(Events.Create(0, Events.EFD_CLOEXEC | Events.EFD_NONBLOCK), "eventfd");
            _scanned = (PageRegion*)NativeMemory.Alloc(RegionsPerScan, (nuint)sizeof(PageRegion));
        }
        catch
        {
            Release();
            throw;
        }
        IsTracking = true;
    }

    /// <summary>Pages of <see cref="SharedMemory.PageBytes"/> in the range.</summary>
    public long PageCount { get; }

    /// <summary>False once the memory was replaced, the tracker was disposed, or the kernel refused to go on after a freeze.</summary>
    public bool IsTracking { get; private set; }

    /// <summary>
    /// A sealed memfd, owned by the tracker, for the process that answers: when the message of an <see cref="Exchange"/> arrives, it is
    /// an array of <see cref="PageRegion"/> with the pages written since the last <see cref="Collect"/>, by address in this process,
    /// ascending, and an empty region behind the last. <see cref="WrittenPages.TryAdd"/> reads it.
    /// </summary>
    public int WrittenDescriptor { get; }

    /// <summary>
    /// Starts to track. Pages written before this call are not reported: whoever copies the memory copies all of it afterwards.
    /// </summary>
    /// <param name="start">Of a shared mapping of a memfd; a page's address.</param>
    /// <param name="bytes">Whole pages.</param>
    /// <param name="whyNot">The reason why this kernel or this user cannot, for a log; null on success.</param>
    /// <returns>The tracker, or null. The memory then is as before.</returns>
    /// <exception cref="ArgumentException">Not whole pages.</exception>
    /// <exception cref="SystemCallException">No descriptors or memory left.</exception>
    public static GuestWriteTracker? TryStart(byte* start, long bytes, out string? whyNot)
    {
        if (start == null || bytes <= 0 || ((nint)start | bytes) % SharedMemory.PageBytes != 0)
            throw new ArgumentException($"0x{(nint)start:x} and {bytes} bytes are not whole pages");
        whyNot = WriteTrackingProbe.WhyNot;
        if (whyNot is not null)
            return null;
        WriteProtectedRange? range = WriteProtectedRange.TryOpen(start, bytes, out whyNot);
        if (range is null)
            return null;
        try
        {
            return new GuestWriteTracker(range);
        }
        catch
        {
            range.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Adds the pages that were written since the last call and protects them again, each in one step: a write is in this result or
    /// will be in the next one. Who copies a reported page after this call gets all writes that this call or an earlier one reported.
    /// After an <see cref="Exchange"/> that did not replace the memory, every page counts as written once.
    /// </summary>
    /// <param name="bitmap">A bit per page as in <see cref="WrittenPages"/>; at least <see cref="WrittenPages.Words"/> of
    /// <see cref="PageCount"/>.</param>
    /// <exception cref="ArgumentException">The bitmap is too short.</exception>
    /// <exception cref="InvalidOperationException">Not <see cref="IsTracking"/>.</exception>
    /// <exception cref="SystemCallException">The kernel refused; the next call reports every page.</exception>
    public void Collect(Span<ulong> bitmap)
    {
        if (bitmap.Length < WrittenPages.Words(PageCount))
            throw new ArgumentException($"a bitmap of {PageCount} pages has {WrittenPages.Words(PageCount)} words, not {bitmap.Length}");
        lock (_gate)
        {
            ThrowIfNotTracking();
            ulong start = _range.Range.Start;
            ulong end = start + _range.Range.Bytes;
            for (ulong from = start; from < end;)
            {
                PageScan scan = WriteProtectedRange.WrittenPages(_scanned, RegionsPerScan);
                scan.Start = from;
                scan.End = end;
                int count = _range.Scan(&scan);
                if (count < 0 || scan.WalkEnd <= from)
                {
                    _allWritten = true;
                    throw new SystemCallException("ioctl(PAGEMAP_SCAN)", -Math.Min(count, 0));
                }
                foreach (ref readonly PageRegion region in new ReadOnlySpan<PageRegion>(_scanned, count))
                {
                    WrittenPages.Add(
                        bitmap, (long)(region.Start - start) / SharedMemory.PageBytes,
                        (long)(region.End - region.Start) / SharedMemory.PageBytes);
                }
                from = scan.WalkEnd;
            }
            if (_allWritten)
                WrittenPages.Add(bitmap, 0, PageCount);
            _allWritten = false;
        }
    }

    /// <summary>
    /// Stops every access of this process to the range, writes down the pages written last (<see cref="WrittenDescriptor"/>), sends a
    /// message and waits for the answer. If it brings memory, that takes the range's place; then all go on. Who waited at an access
    /// makes it in the new memory (in the old one when there is none) and notices nothing but the time.
    /// </summary>
    /// <remarks>
    /// <para>
    /// Readers wait as well as writers. No other thread may read from <paramref name="socket"/> meanwhile, least of all into the range;
    /// SO_PASSCRED and SO_PASSSEC are switched off on it. A late answer stays in the socket.
    /// </para>
    /// <para>
    /// The first descriptor of the answer is the memory: a memfd of at least the range's size, sealed against shrinking, mapped from
    /// its offset 0. The caller gets this descriptor too, in every case. A replaced range has lost its madvise hints.
    /// </para>
    /// </remarks>
    /// <param name="message">Sent as it is, in one piece; not empty.</param>
    /// <param name="socket">A connected Unix stream socket.</param>
    /// <param name="answerTimeoutMs">Bounds the freeze; 0 takes only what waits already.</param>
    /// <param name="answer">Receives the bytes of the answer, which must come in one piece; at least one.</param>
    /// <param name="answerBytes">How many came.</param>
    /// <param name="descriptors">Receives the answer's descriptors, which the caller owns; the first one is the memory. Those beyond
    /// are closed.</param>
    /// <param name="descriptorCount">How many came.</param>
    /// <exception cref="ArgumentException">No message, no room for an answer, or a negative time.</exception>
    /// <exception cref="InvalidOperationException">Not <see cref="IsTracking"/>.</exception>
    /// <exception cref="SystemCallException">No descriptors or memory left to begin with; nothing was frozen.</exception>
    public FreezeOutcome Exchange(
        ReadOnlySpan<byte> message, int socket, int answerTimeoutMs, Span<byte> answer, out int answerBytes, Span<int> descriptors,
        out int descriptorCount)
    {
        if (message.IsEmpty || answer.IsEmpty || answerTimeoutMs < 0)
            throw new ArgumentException("a freeze needs a message, room for the answer and a time that is not negative");
        lock (_gate)
        {
            ThrowIfNotTracking();
            _ = Sockets.SetOption(socket, SocketConstants.SOL_SOCKET, SocketConstants.SO_PASSCRED, 0);
            _ = Sockets.SetOption(socket, SocketConstants.SOL_SOCKET, SocketConstants.SO_PASSSEC, 0);
            new Span<PageRegion>(_written, _writtenCount).Clear();
            int spareDescriptor = SharedMemory.Duplicate(_cancelDescriptor);
            byte* sparePage = null;
            try
            {
                sparePage = SharedMemory.MapAnonymous(SharedMemory.PageBytes);
                using var program = new FreezeProgram(
                    _range, _written, (ulong)_writtenMax, message, socket, _cancelDescriptor, spareDescriptor, sparePage, answerTimeoutMs,
                    answer.Length);

                // Most page table entries go while everybody still runs, so that few are left to take away during the freeze.
                _allWritten = true;
                _ = SharedMemory.Advise((void*)_range.Range.Start, (nuint)_range.Range.Bytes, SharedMemory.MADV_DONTNEED);
                program.Run();

                FreezeOutcome outcome = program.Outcome();
                _writtenCount = outcome.FailedCall is null ? outcome.WrittenRegions : _writtenMax;
                GoOn(program);
                program.AnswerSpan.CopyTo(answer);
                answerBytes = program.AnswerBytes;
                descriptorCount = program.TakeDescriptors(descriptors);
                return outcome;
            }
            finally
            {
                _ = Events.Close(spareDescriptor);
                if (sparePage != null)
                    _ = SharedMemory.Unmap(sparePage, SharedMemory.PageBytes);
            }
        }
    }

    /// <summary>
    /// Ends tracking; the memory stays mapped as it is. An <see cref="Exchange"/> that waits for its answer gives up, at the latest when its time is up:
    /// where managed code waits at the range and a collection begins, the caller of this does not run before. Idempotent.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        Events.Signal(_cancelDescriptor);
        lock (_gate)
        {
            IsTracking = false;
            Release();
        }
    }

    private void GoOn(FreezeProgram program)
    {
        if (program.IsAbandoned)
            _range.ForgetFaultDescriptor();
        if (!program.IsReplaced && !program.IsAbandoned && _range.TryProtectAll())
            return;
        IsTracking = false;
        _range.Dispose();
    }

    private void ThrowIfNotTracking()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        if (!IsTracking)
            throw new InvalidOperationException("the memory is not tracked any more");
    }

    private void Release()
    {
        _range.Dispose();
        if (_written != null)
            _ = SharedMemory.Unmap(_written, (nuint)_writtenBytes);
        _written = null;
        NativeMemory.Free(_scanned);
        _ = Events.Close(WrittenDescriptor);
        if (_cancelDescriptor >= 0)
            _ = Events.Close(_cancelDescriptor);
    }

    private static long RoundToPages(long bytes) => (bytes + SharedMemory.PageBytes - 1) & ~(long)(SharedMemory.PageBytes - 1);
}
