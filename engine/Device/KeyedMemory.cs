using System.Runtime.CompilerServices;
using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>
/// What a key names: a range of guest virtual addresses, the pages behind it, and what may be done there. A memory region, or a memory
/// window that looks at a part of one. While it is closed it has no bytes and no rights, and its key opens nothing.
/// </summary>
internal abstract unsafe class KeyedMemory
{
    /// <summary>The most that one piece of a translation holds; a message may be longer than a piece's length field can say.</summary>
    private const uint PieceBytesMax = 1u << 30;

    private GuestPages? _pages;
    private byte* _linear;
    private long _firstOffset;

    protected KeyedMemory(ProtectionDomain domain) => Domain = domain;

    public ProtectionDomain Domain { get; set; }

    public uint Handle { get; set; }

    /// <summary>
    /// The number by which it is found. The upper 24 bits are its own for life, the low 8 are a tag that binds and fast registrations
    /// change; a key is good only when all 32 match.
    /// </summary>
    public uint Key { get; set; }

    /// <summary>First address.</summary>
    public ulong Start { get; private set; }

    public ulong Bytes { get; private set; }

    public AccessFlags Access { get; private set; }

    /// <summary>True while the key opens something.</summary>
    public bool IsOpen => Bytes != 0;

    /// <summary>Turns a range into pieces of memory, when it lies inside and what is needed is allowed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public AccessVerdict Translate(ulong address, uint bytes, AccessFlags need, ref SegmentList into)
    {
        // No sum of guest numbers is formed: address below Start wraps to a huge offset, which the first comparison rejects.
        ulong offset = address - Start;
        if (offset > Bytes || bytes > Bytes - offset || (Access & need) != need)
        {
            return AccessVerdict.Denied;
        }

        if (_linear != null && bytes <= PieceBytesMax)
        {
            return into.TryAdd(_linear + offset, (int)bytes) ? AccessVerdict.Granted : AccessVerdict.TooManyPieces;
        }

        return _linear != null ? AddLongLinear(_linear + offset, bytes, ref into) : AddScattered((long)offset, bytes, ref into);
    }

    /// <summary>Opens the range over pages; the first byte is at <paramref name="start"/>'s offset in the first page.</summary>
    protected void Open(ulong start, ulong bytes, AccessFlags access, GuestPages pages)
    {
        _pages = pages;
        _firstOffset = (long)(start & (PvrdmaPageDirectory.PageBytes - 1));
        _linear = pages.Linear == null ? null : pages.Linear + _firstOffset;
        Set(start, bytes, access);
    }

    /// <summary>Opens the range over memory in a row.</summary>
    protected void Open(ulong start, ulong bytes, AccessFlags access, byte* memory)
    {
        _pages = null;
        _firstOffset = 0;
        _linear = memory;
        Set(start, bytes, access);
    }

    /// <summary>Opens a part of another range, which begins at <paramref name="offset"/> in it and holds all of the bytes.</summary>
    protected void Open(KeyedMemory below, ulong offset, ulong start, ulong bytes, AccessFlags access)
    {
        _pages = below._pages;
        _firstOffset = below._firstOffset + (long)offset;
        _linear = below._linear == null ? null : below._linear + offset;
        Set(start, bytes, access);
    }

    /// <summary>The key opens nothing any more.</summary>
    protected void CloseRange()
    {
        _pages = null;
        _linear = null;
        Set(0, 0, AccessFlags.None);
    }

    /// <summary>Where in another range, which it was opened over, this one begins.</summary>
    protected ulong OffsetIn(KeyedMemory below) => (ulong)(_firstOffset - below._firstOffset);

    /// <summary>The pages that the range was opened over itself; null for a closed range and for one without pages.</summary>
    protected GuestPages? Pages => _pages;

    /// <summary>Changes the rights alone.</summary>
    protected void SetAccess(AccessFlags access) => Access = access;

    private void Set(ulong start, ulong bytes, AccessFlags access)
    {
        Start = start;
        Bytes = bytes;
        Access = access;
    }

    private static AccessVerdict AddLongLinear(byte* pointer, uint bytes, ref SegmentList into)
    {
        while (bytes > 0)
        {
            uint piece = Math.Min(bytes, PieceBytesMax);
            if (!into.TryAdd(pointer, (int)piece))
            {
                return AccessVerdict.TooManyPieces;
            }

            pointer += piece;
            bytes -= piece;
        }

        return AccessVerdict.Granted;
    }

    private AccessVerdict AddScattered(long offset, uint bytes, ref SegmentList into)
    {
        long at = _firstOffset + offset;
        while (bytes > 0)
        {
            uint piece = Math.Min(bytes, (uint)(PvrdmaPageDirectory.PageBytes - (at & (PvrdmaPageDirectory.PageBytes - 1))));
            if (!into.TryAdd(_pages!.At(at), (int)piece))
            {
                return AccessVerdict.TooManyPieces;
            }

            at += piece;
            bytes -= piece;
        }

        return AccessVerdict.Granted;
    }
}
