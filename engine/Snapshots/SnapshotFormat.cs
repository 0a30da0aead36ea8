namespace RoceEngine.Snapshots;

/// <summary>
/// The snapshot file: one device, in sections that each carry their own check, and a digest over everything at the end.
/// All numbers are little-endian; a page has 4096 bytes.
/// <code>
/// file            file header, sections with sequence numbers 0, 1, 2 ..., trailer; nothing behind it
///
/// file header      0   8  magic "VRDMASNP"
///  (16 bytes)      8   2  format version of the writer
///                 10   2  min-reader version: the oldest reader that understands this file
///                 12   2  bytes of the file header, 16 or more; a reader skips what it does not know
///                 14   2  zero
///
/// section          0   2  type
///  (24 bytes       2   2  flags: 1 = compressed (Brotli), 2 = may be skipped by a reader that does not know the type
///   and the        4   4  sequence number
///   stored         8   4  bytes of the content
///   bytes)        12   4  stored bytes: those of the content, or fewer when compressed
///                 16   8  XXH3-64 over the 16 bytes above and the stored bytes
///                 24   .  stored bytes
///
/// trailer          0   8  magic "VRDMAEND" (so type 0x5256 is never given to a section)
///  (48 bytes)      8   4  number of sections
///                 12   4  zero
///                 16  32  SHA-256 over every byte of the file before this field
///
/// type  section       order, number    content, at most
///  1    manifest      the first, one   UTF-8 JSON, never compressed, 16 MiB: see SnapshotManifest
///  2    device state  any number       the next part of the state, 1 MiB; all parts 256 MiB
///  3    control       any number       the next part of the control region, 1 MiB; all parts 16 MiB
///  4    guest RAM     any number       runs of pages, 1 MiB
///
/// guest RAM        0   4  number of runs, 1 to 255
///  content         4   4  number of pages, 1 to 255
///                  8   8  for each run: first page (4), pages (4); ascending through the whole file, not overlapping
///                  .   .  the pages' bytes, in the order of the runs
/// </code>
/// A page that no run names is all zero. Sections come in the order of their types; skippable ones of other types may stand anywhere
/// behind the manifest. The lengths of state, control region and RAM are the manifest's, and the sections must add up to them.
/// </summary>
public static class SnapshotFormat
{
    /// <summary>The format version that this code writes, and the newest that it is sure to read.</summary>
    public const int Version = 1;

    /// <summary>The oldest reader that understands what this code writes.</summary>
    public const int MinReaderVersion = 1;

    /// <summary>The most bytes of a manifest.</summary>
    public const int ManifestBytesMax = 16 << 20;

    /// <summary>The most bytes of a device's state.</summary>
    public const int DeviceStateBytesMax = 256 << 20;

    /// <summary>The most bytes of a control region.</summary>
    public const int ControlBytesMax = 16 << 20;

    /// <summary>The most bytes of guest RAM: page numbers have 32 bits.</summary>
    public const long GuestRamBytesMax = 1L << 44;

    internal const int PageBytes = 4096;
    internal const int FileHeaderBytes = 16;
    internal const int FileHeaderBytesMax = 4096;
    internal const int TrailerBytes = 48;
    internal const int TrailerHeadBytes = 16;
    internal const int DigestBytes = 32;

    /// <summary>The most content bytes of a section other than the manifest.</summary>
    internal const int PartBytesMax = 1 << 20;

    internal static ReadOnlySpan<byte> FileMagic => "VRDMASNP"u8;

    internal static ReadOnlySpan<byte> TrailerMagic => "VRDMAEND"u8;
}
