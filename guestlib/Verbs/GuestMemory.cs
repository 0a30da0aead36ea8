using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <summary>
/// Memory that the device reaches directly: pages of guest RAM, returned to the allocator by Dispose, or (<see cref="RdmaContext.UseMemory"/>) memory of
/// the application itself, which Dispose leaves alone.
/// </summary>
public sealed unsafe class GuestMemory : IDisposable
{
    private readonly byte* _pointer;
    private readonly long _offset;
    private readonly LedgerEntry? _entry;
    private int _regionCount;
    private bool _disposed;

    internal GuestMemory(RdmaContext context, long bytes)
    {
        Context = context;
        Length = bytes;
        lock (context.Driver.CommandLock)
        {
            context.ThrowIfClosed();
            DeviceDriver driver = context.Driver;
            _entry = driver.Ledger.Reserve();
            try
            {
                _offset = bytes <= driver.Channel.GuestRamBytes
                    ? driver.Allocator.Allocate(bytes, "application memory")
                    : throw new VerbsException(Errno.NoMemory, $"{bytes} bytes are more than the guest RAM has ({driver.Channel.GuestRamBytes})");
            }
            catch
            {
                driver.Ledger.Remove(_entry);
                throw;
            }

            _pointer = driver.Channel.GuestRam + _offset;
            driver.Ledger.Write(_entry, GuestLedgerKind.Memory, new GuestLedgerEntry { Address = (ulong)_offset, Length = (ulong)bytes });
        }
    }

    /// <summary>Memory that another process allocated.</summary>
    internal GuestMemory(RdmaContext context, long offset, long bytes, LedgerEntry entry)
    {
        Context = context;
        Length = bytes;
        _offset = offset;
        _pointer = context.Driver.Channel.GuestRam + offset;
        _entry = entry;
    }

    internal GuestMemory(RdmaContext context, byte* pointer, long bytes)
    {
        Context = context;
        Length = bytes;
        IsOfProcess = true;
        _pointer = pointer;
    }

    /// <summary>The device.</summary>
    public RdmaContext Context { get; }

    /// <summary>
    /// A number of the application's own; 0 at first. It is kept with the device: a process that takes it over (<see cref="RdmaContext.AttachRestored"/>)
    /// knows the memory by it. Memory of the application itself has none.
    /// </summary>
    /// <exception cref="VerbsException">EINVAL: it is memory of the application itself.</exception>
    public ulong Tag
    {
        get => _entry?.Tag ?? 0;
        set => Context.Driver.Ledger.SetTag(
            _entry ?? throw new VerbsException(Errno.Invalid, "memory of the application itself stays with its process: it has no tag"), value);
    }

    /// <summary>True for memory of the application itself.</summary>
    public bool IsOfProcess { get; }

    /// <summary>First byte. Valid until Dispose of this object or its context.</summary>
    /// <exception cref="ObjectDisposedException">One of them was disposed.</exception>
    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed || Context.IsDisposed, this);
            return _pointer;
        }
    }

    /// <summary>The guest virtual address of the first byte: the pointer as a number.</summary>
    public ulong Address => (ulong)_pointer;

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <summary>The memory as a span.</summary>
    /// <exception cref="InvalidOperationException">It is longer than a span can be (2^31-1): use <see cref="AsSpan"/> or <see cref="Pointer"/>.</exception>
    public Span<byte> Span => Length <= int.MaxValue
        ? new Span<byte>(Pointer, (int)Length)
        : throw new InvalidOperationException($"{Length} bytes do not fit a span");

    /// <summary>A part as a span.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="bytes">Length in bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">It leaves the memory.</exception>
    public Span<byte> AsSpan(long offset, int bytes)
    {
        // The pointer arithmetic stays in bounds because of these two.
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)offset, (ulong)Length, nameof(offset));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)bytes, (ulong)(Length - offset), nameof(bytes));
        return new Span<byte>(Pointer + offset, bytes);
    }

    /// <summary>Gives the memory back.</summary>
    /// <exception cref="VerbsException">EBUSY: a region is still registered on it.</exception>
    public void Dispose()
    {
        lock (Context.Driver.CommandLock)
        {
            if (_disposed || Context.IsDisposed)
            {
                return;
            }

            if (_regionCount != 0)
            {
                throw new VerbsException(Errno.Busy, $"the memory still has {_regionCount} registered regions");
            }

            _disposed = true;
            if (!IsOfProcess)
            {
                Context.Driver.Ledger.Remove(_entry);
                Context.Driver.Allocator.Release(_offset, Length);
            }
        }
    }

    /// <summary>The pages of a range: guest physical address of the first, and their number.</summary>
    /// <exception cref="VerbsException">EINVAL: the range leaves the memory, or is empty, or the memory is not guest RAM.</exception>
    internal (long FirstPage, long PageCount) PagesOf(long offset, long bytes)
    {
        Check(offset, bytes);
        if (IsOfProcess)
        {
            throw new VerbsException(Errno.Invalid, "fast registration takes guest RAM only");
        }

        long first = (_offset + offset) & -GuestAllocator.PageBytes;
        return (first, (GuestAllocator.RoundUpToPages(_offset + offset + bytes) - first) / GuestAllocator.PageBytes);
    }

    /// <summary>
    /// A directory over the pages of a range; null for memory of the application itself, which has none. Under the command lock; each is paired with
    /// <see cref="RemoveRegion"/>.
    /// </summary>
    internal GuestPages? AddRegion(long offset, long bytes)
    {
        if (IsOfProcess)
        {
            Check(offset, bytes);
            GuestPages? shared = Context.Driver.SharesProcess ? null : SharePages(offset, bytes);
            AddRegion();
            return shared;
        }

        (long first, long pageCount) = PagesOf(offset, bytes);
        GuestPages pages = GuestPages.Describe(
            Context.Driver.Allocator, Context.Driver.Channel.GuestRam, first, pageCount, $"a region of {bytes} bytes");
        AddRegion();
        return pages;
    }

    /// <summary>A region holds the memory. Under the command lock.</summary>
    internal void AddRegion() => _regionCount++;

    internal void RemoveRegion() => _regionCount--;

    private GuestPages SharePages(long offset, long bytes)
    {
        DeviceDriver driver = Context.Driver;
        long[] pages = driver.ApplicationPages.Share(_pointer + offset, bytes, out List<object> holds);
        try
        {
            return GuestPages.Describe(
                driver.Allocator, driver.Channel.GuestRam, pages, $"a region of {bytes} bytes", () => driver.ApplicationPages.Release(holds));
        }
        catch
        {
            driver.ApplicationPages.Release(holds);
            throw;
        }
    }

    private void Check(long offset, long bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (offset < 0 || bytes < 1 || offset > Length - bytes)
        {
            throw new VerbsException(Errno.Invalid, $"{bytes} bytes at {offset} are not within the memory's {Length}");
        }
    }
}
