namespace RoceEngine.Verbs;

/// <summary>Page-aligned memory in guest RAM, which the device reaches directly. Returned to the allocator by Dispose.</summary>
public sealed unsafe class GuestMemory : IDisposable
{
    /// <summary>First byte. Valid until Dispose of this object or its context.</summary>
    public byte* Pointer => throw new NotSupportedException();

    /// <summary>The guest virtual address of the first byte: the pointer as a number.</summary>
    public ulong Address => throw new NotSupportedException();

    /// <summary>Bytes.</summary>
    public long Length => throw new NotSupportedException();

    /// <summary>The memory as a span.</summary>
    /// <exception cref="InvalidOperationException">It is longer than a span can be (2^31-1): use <see cref="AsSpan"/> or <see cref="Pointer"/>.</exception>
    public Span<byte> Span => throw new NotSupportedException();

    /// <summary>A part as a span.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="bytes">Length in bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">It leaves the memory.</exception>
    public Span<byte> AsSpan(long offset, int bytes) => throw new NotSupportedException();

    /// <summary>Gives the memory back.</summary>
    /// <exception cref="VerbsException">EBUSY: a region is still registered on it.</exception>
    public void Dispose() => throw new NotSupportedException();
}
