using System.Runtime.CompilerServices;
using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>A memory region: a range of guest virtual addresses, the pages behind it, and what may be done there under its keys.</summary>
internal sealed unsafe class MemoryRegion
{
    /// <summary>The most that one piece of a translation holds; a message may be longer than a piece's length field can say.</summary>
    private const uint PieceBytesMax = 1u << 30;

    private readonly GuestPages? _pages;
    private readonly byte* _linear;
    private readonly long _firstOffset;

    /// <summary>A region over pages that a directory named; the first byte is at <paramref name="start"/>'s offset in the first page.</summary>
    public MemoryRegion(ProtectionDomain domain, ulong start, ulong bytes, AccessFlags access, GuestPages pages)
    {
        Domain = domain;
        Start = start;
        Bytes = bytes;
        Access = access;
        _pages = pages;
        _firstOffset = (long)(start & (PvrdmaPageDirectory.PageBytes - 1));
        _linear = pages.Linear == null ? null : pages.Linear + _firstOffset;
        PinnedPages = pages.Count;
    }

    /// <summary>A region over all of guest memory, addressed by guest physical address.</summary>
    public MemoryRegion(ProtectionDomain domain, in GuestRam ram, AccessFlags access)
    {
        Domain = domain;
        Bytes = (ulong)ram.Bytes;
        Access = access;
        _linear = ram.Start;
    }

    public ProtectionDomain Domain { get; }

    public uint Handle { get; set; }

    /// <summary>The number by which the region is found: the local and the remote key are the same.</summary>
    public uint Key { get; set; }

    /// <summary>First address.</summary>
    public ulong Start { get; }

    public ulong Bytes { get; }

    public AccessFlags Access { get; }

    /// <summary>Pages that count against the device's quota.</summary>
    public int PinnedPages { get; }

    /// <summary>Turns a range into pieces of memory, when it lies in the region and the region allows what is needed.</summary>
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
