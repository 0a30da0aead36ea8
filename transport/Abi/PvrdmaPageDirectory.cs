namespace RoceEngine.Abi;

/// <summary>
/// Page directories: one page of up to 512 table addresses, each table one page of up to 512 page addresses, all guest physical and little-endian.
/// Page i stands in table i / 512 at i % 512.
/// </summary>
public static class PvrdmaPageDirectory
{
    public const int PageBytes = 4096;
    public const int PageShift = 12;

    /// <summary>Addresses in a directory or a table.</summary>
    public const int EntriesPerPage = 512;

    /// <summary>Pages of a directory at most: one gigabyte.</summary>
    public const int PagesMax = EntriesPerPage * EntriesPerPage;

    /// <summary>Pages of a fast registration at most.</summary>
    public const int FastRegisterPagesMax = 128;

    /// <summary>Tables that <paramref name="pages"/> need.</summary>
    public static int TablesFor(int pages) => (pages + EntriesPerPage - 1) / EntriesPerPage;
}
