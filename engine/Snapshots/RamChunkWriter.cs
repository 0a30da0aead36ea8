using System.Buffers.Binary;

namespace RoceEngine.Snapshots;

/// <summary>
/// Packs pages into guest RAM sections. Each page is copied once and judged by the copy: a guest that still runs may write meanwhile.
/// </summary>
internal sealed class RamChunkWriter(SectionWriter sections)
{
    private const int PageBytes = SnapshotFormat.PageBytes;

    private readonly byte[] _pages = new byte[RamChunk.PagesMax * PageBytes];
    private readonly byte[] _content = new byte[RamChunk.ContentBytesMax];
    private readonly (uint First, uint Count)[] _runs = new (uint First, uint Count)[RamChunk.PagesMax];
    private int _pageCount;
    private int _runCount;

    /// <summary>Adds a page unless it is all zero. Pages come in ascending order.</summary>
    public void Add(uint page, ReadOnlySpan<byte> bytes)
    {
        Span<byte> copy = _pages.AsSpan(_pageCount * PageBytes, PageBytes);
        bytes.CopyTo(copy);
        if (!copy.ContainsAnyExcept((byte)0))
            return;
        if (_runCount > 0 && _runs[_runCount - 1].First + _runs[_runCount - 1].Count == page)
            _runs[_runCount - 1].Count++;
        else
            _runs[_runCount++] = (page, 1);
        if (++_pageCount == RamChunk.PagesMax)
            Flush();
    }

    /// <summary>Writes what is packed.</summary>
    public void Flush()
    {
        if (_pageCount == 0)
            return;
        BinaryPrimitives.WriteUInt32LittleEndian(_content, (uint)_runCount);
        BinaryPrimitives.WriteUInt32LittleEndian(_content.AsSpan(4), (uint)_pageCount);
        int at = RamChunk.HeadBytes;
        foreach ((uint first, uint count) in _runs.AsSpan(0, _runCount))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_content.AsSpan(at), first);
            BinaryPrimitives.WriteUInt32LittleEndian(_content.AsSpan(at + 4), count);
            at += RamChunk.RunBytes;
        }
        _pages.AsSpan(0, _pageCount * PageBytes).CopyTo(_content.AsSpan(at));
        sections.Write(SectionType.GuestRam, _content.AsSpan(0, at + _pageCount * PageBytes), compress: true);
        _pageCount = 0;
        _runCount = 0;
    }
}
