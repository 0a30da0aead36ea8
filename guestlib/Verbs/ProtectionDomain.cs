namespace RoceEngine.Verbs;

/// <summary>A protection domain: what QPs and memory have in common. <c>ibv_alloc_pd</c>, <c>ibv_dealloc_pd</c>.</summary>
public sealed class ProtectionDomain : IDisposable
{
    /// <summary>The device.</summary>
    public RdmaContext Context => throw new NotSupportedException();

    /// <summary>Registers all of a memory. <c>ibv_reg_mr</c>.</summary>
    /// <param name="memory">Guest RAM of the same context.</param>
    /// <param name="access">Rights; RemoteWrite and RemoteAtomic need LocalWrite.</param>
    /// <exception cref="VerbsException">EINVAL: rights that contradict each other. ENOMEM: no more regions fit.</exception>
    public MemoryRegion RegisterMemory(GuestMemory memory, AccessFlags access) => throw new NotSupportedException();

    /// <summary>Registers a part of a memory, byte-exact. <c>ibv_reg_mr</c>.</summary>
    /// <param name="memory">Guest RAM of the same context.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="bytes">Length in bytes, at least 1.</param>
    /// <param name="access">Rights; RemoteWrite and RemoteAtomic need LocalWrite.</param>
    /// <exception cref="VerbsException">EINVAL: the range leaves the memory, or rights contradict each other. ENOMEM: no more regions fit.</exception>
    public MemoryRegion RegisterMemory(GuestMemory memory, long offset, long bytes, AccessFlags access) => throw new NotSupportedException();

    /// <summary>Makes a QP in the reset state. <c>ibv_create_qp</c>.</summary>
    /// <param name="options">Queues and sizes.</param>
    /// <exception cref="VerbsException">EINVAL: a size beyond the device's limits. EOPNOTSUPP: the service. ENOMEM: no more fit.</exception>
    public QueuePair CreateQueuePair(QueuePairOptions options) => throw new NotSupportedException();

    /// <summary>Frees the domain. <c>ibv_dealloc_pd</c>.</summary>
    /// <exception cref="VerbsException">EBUSY: a QP or region still belongs to it.</exception>
    public void Dispose() => throw new NotSupportedException();
}
