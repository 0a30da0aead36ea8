using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <summary>A protection domain: what QPs and memory have in common. <c>ibv_alloc_pd</c>, <c>ibv_dealloc_pd</c>.</summary>
public sealed class ProtectionDomain : IDisposable
{
    private readonly LedgerEntry _entry;
    private int _dependents;
    private bool _disposed;

    internal ProtectionDomain(RdmaContext context)
    {
        Context = context;
        DeviceDriver driver = context.Driver;
        lock (driver.CommandLock)
        {
            context.ThrowIfClosed();
            _entry = driver.Ledger.Reserve();
            try
            {
                Handle = driver.Execute<PvrdmaHandleCommand, PvrdmaHandleResponse>(PvrdmaCommand.CreatePd, default, "ibv_alloc_pd").Handle;
            }
            catch
            {
                driver.Ledger.Remove(_entry);
                throw;
            }

            driver.Ledger.Write(_entry, GuestLedgerKind.ProtectionDomain, Handle);
        }
    }

    /// <summary>One that another process made.</summary>
    internal ProtectionDomain(RdmaContext context, uint handle, LedgerEntry entry)
    {
        Context = context;
        Handle = handle;
        _entry = entry;
    }

    /// <summary>The device.</summary>
    public RdmaContext Context { get; }

    /// <summary>
    /// A number of the application's own; 0 at first. It is kept with the device: a process that takes it over (<see cref="RdmaContext.AttachRestored"/>)
    /// knows the domain by it.
    /// </summary>
    public ulong Tag
    {
        get => _entry.Tag;
        set => Context.Driver.Ledger.SetTag(_entry, value);
    }

    internal uint Handle { get; }

    /// <summary>Registers all of a memory. <c>ibv_reg_mr</c>.</summary>
    /// <param name="memory">Guest RAM of the same context.</param>
    /// <param name="access">Rights; RemoteWrite and RemoteAtomic need LocalWrite.</param>
    /// <exception cref="VerbsException">EINVAL: rights that contradict each other, more than 1 GiB, or another context's memory. ENOMEM: no more regions fit.</exception>
    public MemoryRegion RegisterMemory(GuestMemory memory, AccessFlags access)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return RegisterMemory(memory, 0, memory.Length, access);
    }

    /// <summary>Registers a part of a memory, byte-exact. <c>ibv_reg_mr</c>.</summary>
    /// <param name="memory">Guest RAM of the same context.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="bytes">Length in bytes, at least 1, at most 1 GiB.</param>
    /// <param name="access">Rights; RemoteWrite and RemoteAtomic need LocalWrite.</param>
    /// <exception cref="VerbsException">EINVAL: the range leaves the memory, rights contradict each other, or another context's memory. ENOMEM: no more regions fit.</exception>
    public MemoryRegion RegisterMemory(GuestMemory memory, long offset, long bytes, AccessFlags access)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return RegisterMemory(memory, offset, bytes, access, memory.Address + (ulong)offset);
    }

    /// <summary>Registers a part of a memory under addresses of the caller's choice. <c>ibv_reg_mr_iova</c>.</summary>
    /// <param name="memory">Memory of the same context.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="bytes">Length in bytes, at least 1.</param>
    /// <param name="access">Rights; RemoteWrite and RemoteAtomic need LocalWrite.</param>
    /// <param name="address">By what address work requests and peers name the first byte; for guest RAM, at the same offset in a page as the byte itself.</param>
    /// <exception cref="VerbsException">
    /// EINVAL: the range leaves the memory, rights contradict each other, the offsets in the page differ, or another context's memory. ENOMEM: no more
    /// regions fit.
    /// </exception>
    public MemoryRegion RegisterMemory(GuestMemory memory, long offset, long bytes, AccessFlags access, ulong address)
    {
        ArgumentNullException.ThrowIfNull(memory);
        Context.ThrowIfClosed();
        if (memory.Context != Context)
        {
            throw new VerbsException(Errno.Invalid, "the memory belongs to another device");
        }

        if (!(memory.IsOfProcess && Context.Driver.SharesProcess) && ((address ^ (memory.Address + (ulong)offset)) & (ulong)(GuestAllocator.PageBytes - 1)) != 0)
        {
            throw new VerbsException(Errno.Invalid, "ibv_reg_mr_iova: address and memory are at different offsets in their pages");
        }

        CheckAccess(access);
        return new MemoryRegion(this, memory, offset, bytes, access, address);
    }

    /// <summary>Makes a QP in the reset state. <c>ibv_create_qp</c>.</summary>
    /// <param name="options">Queues and sizes.</param>
    /// <exception cref="VerbsException">EINVAL: a size beyond the device's limits, or another context's CQ. EOPNOTSUPP: the service. ENOMEM: no more fit.</exception>
    public QueuePair CreateQueuePair(QueuePairOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Context.ThrowIfClosed();
        return new QueuePair(this, options);
    }

    /// <summary>Makes a shared receive queue. <c>ibv_create_srq</c>.</summary>
    /// <param name="options">Sizes.</param>
    /// <exception cref="VerbsException">EINVAL: a size beyond the device's limits. ENOMEM: no more fit. EOPNOTSUPP: the device has none.</exception>
    public SharedReceiveQueue CreateSharedReceiveQueue(SharedReceiveQueueOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Context.ThrowIfClosed();
        return new SharedReceiveQueue(this, options);
    }

    /// <summary>Makes a destination of datagrams. <c>ibv_create_ah</c>.</summary>
    /// <param name="attributes">The way there.</param>
    /// <exception cref="VerbsException">EINVAL: a value out of range. ENOMEM: no more fit.</exception>
    public AddressHandle CreateAddressHandle(AddressHandleAttributes attributes)
    {
        ArgumentNullException.ThrowIfNull(attributes);
        Context.ThrowIfClosed();
        return new AddressHandle(this, attributes);
    }

    /// <summary>
    /// Makes the way back to a datagram's sender, whose QP is <see cref="WorkCompletion.SourceQueuePair"/>. <c>ibv_create_ah_from_wc</c>.
    /// </summary>
    /// <param name="completion">The receive's completion.</param>
    /// <param name="globalRouteHeader">The first <see cref="AddressHandle.GlobalRouteHeaderBytes"/> bytes of the receive.</param>
    /// <exception cref="VerbsException">EINVAL: the receive has no such header, or came by a multicast group. ENOMEM: no more fit.</exception>
    public AddressHandle CreateAddressHandle(in WorkCompletion completion, ReadOnlySpan<byte> globalRouteHeader) =>
        (completion.Flags & CompletionFlags.GlobalRouteHeader) != 0 && GlobalRouteHeader.TryReadReturnPath(globalRouteHeader) is { } attributes
            ? CreateAddressHandle(attributes)
            : throw new VerbsException(Errno.Invalid, "ibv_create_ah_from_wc: the completion has no header of a datagram to this address");

    /// <summary>Makes a memory window, bound to nothing. <c>ibv_alloc_mw</c>.</summary>
    /// <param name="type">How it is shared and closed.</param>
    /// <exception cref="VerbsException">EINVAL: no such type. ENOMEM: no more fit. EOPNOTSUPP: the device has none.</exception>
    public MemoryWindow AllocateMemoryWindow(MemoryWindowType type)
    {
        Context.ThrowIfClosed();
        Context.Driver.Require(ExtensionBits.MemoryWindows, "ibv_alloc_mw");
        return new MemoryWindow(this, type);
    }

    /// <summary>Makes a region that work requests map. <c>ib_alloc_mr</c>.</summary>
    /// <param name="maxPages">Pages of 4 KiB that it can map, see <see cref="DeviceAttributes.MaxFastRegisterPages"/>.</param>
    /// <exception cref="VerbsException">EINVAL: more pages than the device allows, or none. ENOMEM: no more fit. EOPNOTSUPP: the device has none.</exception>
    public FastMemoryRegion AllocateFastRegion(int maxPages)
    {
        Context.ThrowIfClosed();
        return new FastMemoryRegion(this, maxPages);
    }

    /// <summary>Frees the domain. <c>ibv_dealloc_pd</c>.</summary>
    /// <exception cref="VerbsException">EBUSY: a QP, shared receive queue, region, window or address handle still belongs to it.</exception>
    public void Dispose()
    {
        lock (Context.Driver.CommandLock)
        {
            if (_disposed || Context.IsDisposed)
            {
                return;
            }

            if (_dependents != 0)
            {
                throw new VerbsException(Errno.Busy, $"ibv_dealloc_pd: {_dependents} objects still belong to the domain");
            }

            Context.DestroyInDevice(PvrdmaCommand.DestroyPd, Handle, "ibv_dealloc_pd");
            _disposed = true;
            Context.Driver.Ledger.Remove(_entry);
        }
    }

    internal void ThrowIfClosed()
    {
        Context.ThrowIfClosed();
        ObjectDisposedException.ThrowIf(_disposed, this);
    }

    /// <summary>Rights that memory can have.</summary>
    /// <exception cref="VerbsException">EINVAL: unknown ones, or some that contradict each other.</exception>
    internal static void CheckAccess(AccessFlags access)
    {
        const AccessFlags known = AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead
            | AccessFlags.RemoteAtomic | AccessFlags.WindowBind | AccessFlags.FlushGlobal | AccessFlags.FlushPersistent;
        if ((access & ~known) != 0)
        {
            throw new VerbsException(Errno.Invalid, $"unknown access rights 0x{(int)(access & ~known):x}");
        }

        if ((access & (AccessFlags.RemoteWrite | AccessFlags.RemoteAtomic)) != 0 && (access & AccessFlags.LocalWrite) == 0)
        {
            throw new VerbsException(Errno.Invalid, $"access rights {access} need LocalWrite too");
        }
    }

    internal void AddDependent() => _dependents++;

    internal void RemoveDependent() => _dependents--;
}
