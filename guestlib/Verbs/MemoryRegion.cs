namespace RoceEngine.Verbs;

/// <summary>Registered memory. <c>ibv_reg_mr</c>, <c>ibv_dereg_mr</c>, <c>struct ibv_mr</c>.</summary>
public sealed class MemoryRegion : IDisposable
{
    /// <summary>Key for scatter/gather entries of the own QPs in the same protection domain.</summary>
    public uint LocalKey => throw new NotSupportedException();

    /// <summary>Key to hand to the peer.</summary>
    public uint RemoteKey => throw new NotSupportedException();

    /// <summary>Guest virtual address of the first byte: what scatter/gather entries and peers name.</summary>
    public ulong Address => throw new NotSupportedException();

    /// <summary>Bytes.</summary>
    public long Length => throw new NotSupportedException();

    /// <summary>The rights it was registered with.</summary>
    public AccessFlags Access => throw new NotSupportedException();

    /// <summary>The memory that it covers.</summary>
    public GuestMemory Memory => throw new NotSupportedException();

    /// <summary>A scatter/gather entry for all of it, or a part.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="bytes">Length in bytes; the rest of the region when omitted.</param>
    /// <exception cref="ArgumentOutOfRangeException">It leaves the region, or is longer than an entry can be.</exception>
    public ScatterGatherEntry Entry(long offset = 0, long? bytes = null) => throw new NotSupportedException();

    /// <summary>Takes the registration away; both keys die at once. <c>ibv_dereg_mr</c>.</summary>
    public void Dispose() => throw new NotSupportedException();
}
