using System.Buffers.Binary;

namespace RoceEngine.Snapshots;

/// <summary>The content of a guest RAM section, see <see cref="SnapshotFormat"/>: its sizes, and whether it is in bounds.</summary>
internal static class RamChunk
{
    /// <summary>With their table they fill at most 1 MiB.</summary>
    public const int PagesMax = 255;

    public const int HeadBytes = 8;
    public const int RunBytes = 8;
    public const int ContentBytesMax = HeadBytes + PagesMax * (RunBytes + SnapshotFormat.PageBytes);

    /// <summary>Checks a chunk and copies its pages, unless <paramref name="into"/> is null.</summary>
    /// <param name="content">The section's content.</param>
    /// <param name="nextPage">The first page that a run may name.</param>
    /// <param name="pageCount">Pages of guest RAM.</param>
    /// <param name="into">Start of <paramref name="pageCount"/> pages, or null.</param>
    /// <returns>The page behind the last run.</returns>
    /// <exception cref="SnapshotException">It contradicts itself, the order or guest RAM's length; runs before are copied.</exception>
    public static unsafe long Unpack(ReadOnlySpan<byte> content, long nextPage, long pageCount, byte* into)
    {
        if (content.Length < HeadBytes)
            throw Bad("is too short");
        uint runs = BinaryPrimitives.ReadUInt32LittleEndian(content);
        uint pages = BinaryPrimitives.ReadUInt32LittleEndian(content[4..]);
        if (runs is 0 or > PagesMax || pages is 0 or > PagesMax)
            throw Bad($"claims {runs} runs and {pages} pages");
        if (content.Length != HeadBytes + runs * RunBytes + pages * SnapshotFormat.PageBytes)
            throw Bad($"has {content.Length} bytes for {runs} runs and {pages} pages");
        ReadOnlySpan<byte> table = content.Slice(HeadBytes, (int)runs * RunBytes);
        ReadOnlySpan<byte> rest = content[(HeadBytes + table.Length)..];
        for (; table.Length > 0; table = table[RunBytes..])
        {
            uint first = BinaryPrimitives.ReadUInt32LittleEndian(table);
            uint count = BinaryPrimitives.ReadUInt32LittleEndian(table[4..]);
            if (count == 0 || count * (long)SnapshotFormat.PageBytes > rest.Length)
                throw Bad($"names {count} pages at page {first} and does not hold them");
            if (first < nextPage)
                throw Bad($"names page {first} after page {nextPage - 1}");
            if (first + (long)count > pageCount)
                throw Bad($"names {count} pages at page {first} of {pageCount}");
            int bytes = (int)count * SnapshotFormat.PageBytes;
            // In bounds: first + count is at most pageCount, which is what the caller says that into has.
            if (into != null)
                rest[..bytes].CopyTo(new Span<byte>(into + first * (long)SnapshotFormat.PageBytes, bytes));
            rest = rest[bytes..];
            nextPage = first + (long)count;
        }
        return rest.Length == 0 ? nextPage : throw Bad("holds pages that no run names");
    }

    private static SnapshotException Bad(string what) => new($"A guest RAM section of the snapshot {what}.");
}
