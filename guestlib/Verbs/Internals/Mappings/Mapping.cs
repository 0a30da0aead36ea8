using System.Globalization;

namespace RoceEngine.Verbs.Internals.Mappings;

/// <summary>Device and inode number of a file.</summary>
internal readonly record struct FileIdentity(string Device, long Inode);

/// <summary>A mapping of this process. proc_pid_maps(5).</summary>
internal sealed record Mapping(ulong Start, ulong End, string Permissions, long FileOffset, FileIdentity File, string Path)
{
    public long Bytes => (long)(End - Start);

    public bool IsReadable => Permissions[0] == 'r';

    public bool IsWritable => Permissions[1] == 'w';

    public bool IsPrivate => Permissions[3] == 'p';

    /// <summary>All mappings, in the order of their addresses.</summary>
    public static List<Mapping> ReadAll()
    {
        var all = new List<Mapping>();
        foreach (string line in System.IO.File.ReadLines("/proc/self/maps"))
        {
            all.Add(Parse(line));
        }

        return all;
    }

    /// <summary>The mapping that an address lies in; null when there is none.</summary>
    public static Mapping? At(List<Mapping> mappings, ulong address) => mappings.Find(mapping => mapping.Start <= address && address < mapping.End);

    /// <summary>Reads a line: start-end permissions offset device inode path.</summary>
    public static Mapping Parse(string line)
    {
        string[] words = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
        int dash = words[0].IndexOf('-', StringComparison.Ordinal);
        return new Mapping(
            Hex(words[0][..dash]),
            Hex(words[0][(dash + 1)..]),
            words[1],
            (long)Hex(words[2]),
            new FileIdentity(words[3], long.Parse(words[4], CultureInfo.InvariantCulture)),
            words.Length > 5 ? words[5] : "anonymous");
    }

    /// <summary>Where in its file an address lies.</summary>
    public long OffsetOf(ulong address) => FileOffset + (long)(address - Start);

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
