namespace RoceEngine.Device;

/// <summary>
/// Guest physical memory as this process sees it: one mapping, a guest physical address being an offset in it. The only place that turns
/// a guest's number into a pointer.
/// </summary>
public readonly unsafe struct GuestRam
{
    private readonly byte* _base;

    /// <summary>Memory of <paramref name="bytes"/> at <paramref name="start"/>, mapped for as long as the device lives.</summary>
    public GuestRam(byte* start, long bytes)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        _base = start;
        Bytes = bytes;
    }

    /// <summary>Bytes of guest memory.</summary>
    public long Bytes { get; }

    /// <summary>First byte.</summary>
    public byte* Start => _base;

    /// <summary>The bytes at a guest physical address; false when any of them is outside of guest memory. Sums cannot wrap: only a difference is compared.</summary>
    public bool TryResolve(ulong address, ulong bytes, out byte* pointer)
    {
        if (address <= (ulong)Bytes && bytes <= (ulong)Bytes - address)
        {
            pointer = _base + address;
            return true;
        }

        pointer = null;
        return false;
    }
}
