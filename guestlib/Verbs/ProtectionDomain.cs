using RoceEngine.Abi;

namespace RoceEngine.Verbs;

/// <summary>A protection domain: what QPs and memory have in common. <c>ibv_alloc_pd</c>, <c>ibv_dealloc_pd</c>.</summary>
public sealed class ProtectionDomain : IDisposable
{
    private int _dependents;
    private bool _disposed;

    internal ProtectionDomain(RdmaContext context)
    {
        Context = context;
        Handle = context.Driver.Execute<PvrdmaHandleCommand, PvrdmaHandleResponse>(
            PvrdmaCommand.CreatePd, default, "ibv_alloc_pd").Handle;
    }

    /// <summary>The device.</summary>
    public RdmaContext Context { get; }

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
        const AccessFlags known = AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead
            | AccessFlags.RemoteAtomic | AccessFlags.WindowBind;
        ArgumentNullException.ThrowIfNull(memory);
        Context.ThrowIfClosed();
        if (memory.Context != Context)
        {
            throw new VerbsException(Errno.Invalid, "the memory belongs to another device");
        }

        if ((access & ~known) != 0)
        {
            throw new VerbsException(Errno.Invalid, $"unknown access rights 0x{(int)(access & ~known):x}");
        }

        if ((access & (AccessFlags.RemoteWrite | AccessFlags.RemoteAtomic)) != 0 && (access & AccessFlags.LocalWrite) == 0)
        {
            throw new VerbsException(Errno.Invalid, $"access rights {access} need LocalWrite too");
        }

        return new MemoryRegion(this, memory, offset, bytes, access);
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

    /// <summary>Frees the domain. <c>ibv_dealloc_pd</c>.</summary>
    /// <exception cref="VerbsException">EBUSY: a QP or region still belongs to it.</exception>
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
                throw new VerbsException(Errno.Busy, $"ibv_dealloc_pd: {_dependents} queue pairs or memory regions still belong to the domain");
            }

            Context.DestroyInDevice(PvrdmaCommand.DestroyPd, Handle, "ibv_dealloc_pd");
            _disposed = true;
        }
    }

    internal void ThrowIfClosed()
    {
        Context.ThrowIfClosed();
        ObjectDisposedException.ThrowIf(_disposed, this);
    }

    internal void AddDependent() => _dependents++;

    internal void RemoveDependent() => _dependents--;
}
