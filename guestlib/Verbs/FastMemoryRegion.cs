using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <summary>What <see cref="QueuePair.PostFastRegister"/> maps. <c>struct ib_reg_wr</c>.</summary>
public struct FastRegistration
{
    /// <summary>The memory.</summary>
    public GuestMemory? Memory;

    /// <summary>First byte in it.</summary>
    public long Offset;

    /// <summary>Length in bytes, at least 1.</summary>
    public long Bytes;

    /// <summary>Rights, as for <see cref="ProtectionDomain.RegisterMemory(GuestMemory, AccessFlags)"/>.</summary>
    public AccessFlags Access;

    /// <summary>
    /// The address by which requests name the first byte; its place in a page must be the byte's own. The byte's guest virtual address when null.
    /// </summary>
    public ulong? Address;

    /// <summary>Low 8 bits of the new keys; one more than the last ones when null.</summary>
    public byte? Tag;
}

/// <summary>
/// A region that is mapped by work requests of the send queue, in order with other sends and without a command. <c>ib_alloc_mr</c>
/// (IB_MR_TYPE_MEM_REG). It is mapped once <see cref="QueuePair.PostFastRegister"/> has run, until a <see cref="SendOpcode.LocalInvalidate"/> or a peer's
/// SEND with invalidate of its key.
/// </summary>
public sealed unsafe class FastMemoryRegion : IDisposable
{
    private readonly GuestPages _pages;
    private readonly uint _handle;
    private readonly LedgerEntry _entry;
    private bool _disposed;

    internal FastMemoryRegion(ProtectionDomain domain, int maxPages)
    {
        RdmaContext context = domain.Context;
        uint allowed = Math.Min(context.Driver.Caps.MaxFastRegisterPages, PvrdmaPageDirectory.FastRegisterPagesMax);
        if (maxPages < 1 || (uint)maxPages > allowed)
        {
            throw allowed == 0
                ? new VerbsException(Errno.NotSupported, "ib_alloc_mr: the device has no fast registration")
                : new VerbsException(Errno.Invalid, $"ib_alloc_mr: {maxPages} pages; the device allows 1 to {allowed}");
        }

        ProtectionDomain = domain;
        MaxPages = maxPages;
        lock (context.Driver.CommandLock)
        {
            domain.ThrowIfClosed();
            _pages = GuestPages.Describe(context.Driver.Allocator, context.Driver.Channel.GuestRam, 0, maxPages, "a region for fast registration");
            LedgerEntry? entry = null;
            try
            {
                entry = context.Driver.Ledger.Reserve();
                PvrdmaCreateMrResponse response = context.Driver.Execute<PvrdmaCreateMr, PvrdmaCreateMrResponse>(
                    PvrdmaCommand.CreateMr,
                    new PvrdmaCreateMr { PdHandle = domain.Handle, Flags = PvrdmaMrFlags.FastRegister, PageCount = (uint)maxPages },
                    "ib_alloc_mr");
                _handle = response.MrHandle;
                LocalKey = response.LocalKey;
                RemoteKey = response.RemoteKey;
            }
            catch
            {
                context.Driver.Ledger.Remove(entry);
                _pages.Dispose();
                throw;
            }

            _entry = entry;
            context.Driver.Ledger.Write(
                entry, GuestLedgerKind.FastRegion, new GuestLedgerEntry { Handle = _handle, Address = _pages.DirectoryAddress });
            domain.AddDependent();
        }
    }

    /// <summary>One that another process made.</summary>
    /// <param name="domain">The protection domain.</param>
    /// <param name="found">What the device says of it.</param>
    /// <param name="directory">Its page directory.</param>
    /// <param name="memory">What it is mapped to; null when it is not.</param>
    /// <param name="entry">Its entry.</param>
    internal FastMemoryRegion(ProtectionDomain domain, in PvrdmaNextObjectResponse found, GuestPages directory, GuestMemory? memory, LedgerEntry entry)
    {
        ProtectionDomain = domain;
        MaxPages = (int)found.PageCount;
        LocalKey = found.Number;
        RemoteKey = found.Number;
        Address = found.Start;
        Length = (long)found.Length;
        Memory = memory;
        memory?.AddRegion();
        _pages = directory;
        _handle = found.Handle;
        _entry = entry;
        domain.AddDependent();
    }

    /// <summary>
    /// A number of the application's own; 0 at first. It is kept with the device: a process that takes it over (<see cref="RdmaContext.AttachRestored"/>)
    /// knows the region by it.
    /// </summary>
    public ulong Tag
    {
        get => _entry.Tag;
        set => ProtectionDomain.Context.Driver.Ledger.SetTag(_entry, value);
    }

    /// <summary>The protection domain.</summary>
    public ProtectionDomain ProtectionDomain { get; }

    /// <summary>Pages that it can map.</summary>
    public int MaxPages { get; }

    /// <summary>Key for scatter/gather entries: that of the last registration posted.</summary>
    public uint LocalKey { get; private set; }

    /// <summary>Key to hand to the peer: that of the last registration posted.</summary>
    public uint RemoteKey { get; private set; }

    /// <summary>Address of the first byte, by the last registration posted.</summary>
    public ulong Address { get; private set; }

    /// <summary>Bytes, by the last registration posted; 0 before the first.</summary>
    public long Length { get; private set; }

    /// <summary>The memory of the last registration posted. It cannot be freed while this region holds it.</summary>
    public GuestMemory? Memory { get; private set; }

    internal ulong DirectoryAddress => _pages.DirectoryAddress;

    /// <summary>The first page that the directory names.</summary>
    internal ulong FirstPageInDirectory => _pages.FirstEntry;

    /// <summary>A scatter/gather entry for all of it, or a part.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="bytes">Length in bytes; the rest of the region when omitted.</param>
    /// <exception cref="ArgumentOutOfRangeException">It leaves the region.</exception>
    public ScatterGatherEntry Entry(long offset = 0, long? bytes = null)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)offset, (ulong)Length, nameof(offset));
        long length = bytes ?? (Length - offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)length, (ulong)(Length - offset), nameof(bytes));
        return new ScatterGatherEntry(Address + (ulong)offset, (uint)length, LocalKey);
    }

    /// <summary>Frees the region, mapped or not: its keys die at once. <c>ib_dereg_mr</c>.</summary>
    /// <exception cref="VerbsException">EBUSY: a memory window is bound to it.</exception>
    public void Dispose()
    {
        RdmaContext context = ProtectionDomain.Context;
        lock (context.Driver.CommandLock)
        {
            if (_disposed || context.IsDisposed)
            {
                return;
            }

            context.DestroyInDevice(PvrdmaCommand.DestroyMr, _handle, "ib_dereg_mr");
            _disposed = true;
            context.Driver.Ledger.Remove(_entry);
            Memory?.RemoveRegion();
            _pages.Dispose();
            ProtectionDomain.RemoveDependent();
        }
    }

    /// <summary>Checks a registration, and says how many pages it needs from which on. Under the command lock.</summary>
    internal (long FirstPage, int PageCount, ulong Address) Check(in FastRegistration registration)
    {
        ProtectionDomain.ThrowIfClosed();
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (registration.Memory is not { } memory || memory.Context != ProtectionDomain.Context)
        {
            throw new VerbsException(Errno.Invalid, "fast registration: the memory belongs to another device, or there is none");
        }

        ProtectionDomain.CheckAccess(registration.Access);
        (long firstPage, long pageCount) = memory.PagesOf(registration.Offset, registration.Bytes);
        if (pageCount > MaxPages)
        {
            throw new VerbsException(Errno.Invalid, $"fast registration: {pageCount} pages; the region was made for {MaxPages}");
        }

        ulong own = memory.Address + (ulong)registration.Offset;
        ulong address = registration.Address ?? own;
        return (address ^ own) % PvrdmaPageDirectory.PageBytes == 0
            ? (firstPage, (int)pageCount, address)
            : throw new VerbsException(Errno.Invalid, "fast registration: the address has another place in its page than the first byte");
    }

    /// <summary>The directory names these pages from now on. Under the command lock.</summary>
    internal void SetPages(long firstPage, int pageCount) => _pages.Rewrite(firstPage, pageCount);

    /// <summary>A registration was posted. Under the command lock.</summary>
    internal void OnPosted(in FastRegistration registration, ulong address, uint key)
    {
        registration.Memory!.AddRegion();
        Memory?.RemoveRegion();
        Memory = registration.Memory;
        Address = address;
        Length = registration.Bytes;
        LocalKey = key;
        RemoteKey = key;
    }
}
