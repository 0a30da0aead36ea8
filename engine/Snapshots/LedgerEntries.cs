using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace RoceEngine.Snapshots;

/// <summary>
/// The ledger's content and its text: a first line <c>vrdma-restore-ledger 1 HASH</c>, XXH3-64 over the rest in hexadecimal, then lines
/// <c>epoch IDENTITY NUMBER</c> and <c>restored IDENTITY SNAPSHOT</c>, the oldest of each kind first.
/// </summary>
internal sealed class LedgerEntries
{
    private const string Name = "vrdma-restore-ledger";
    private const int Version = 1;

    private readonly int _entriesMax;
    private readonly List<(Guid Identity, ulong Epoch)> _epochs = [];
    private readonly List<(Guid Identity, Guid SnapshotId)> _restored = [];

    public LedgerEntries(int entriesMax) => _entriesMax = entriesMax;

    /// <summary>The highest epoch in which a device ran, or null.</summary>
    public ulong? EpochOf(Guid identity) => _epochs.FindIndex(e => e.Identity == identity) is >= 0 and int at ? _epochs[at].Epoch : null;

    public bool IsRestored(Guid identity, Guid snapshotId) => _restored.Contains((identity, snapshotId));

    public void AddRestored(Guid identity, Guid snapshotId)
    {
        _restored.Add((identity, snapshotId));
        DropOldest(_restored);
    }

    /// <summary>Remembers an epoch; the device's highest stays.</summary>
    public void RaiseEpoch(Guid identity, ulong epoch)
    {
        ulong highest = Math.Max(epoch, EpochOf(identity) ?? 0);
        _epochs.RemoveAll(e => e.Identity == identity);
        _epochs.Add((identity, highest));
        DropOldest(_epochs);
    }

    public byte[] Write()
    {
        var lines = new StringBuilder();
        foreach ((Guid identity, ulong epoch) in _epochs)
            lines.Append(CultureInfo.InvariantCulture, $"epoch {identity} {epoch}\n");
        foreach ((Guid identity, Guid snapshotId) in _restored)
            lines.Append(CultureInfo.InvariantCulture, $"restored {identity} {snapshotId}\n");
        byte[] body = Encoding.UTF8.GetBytes(lines.ToString());
        return [.. Encoding.UTF8.GetBytes($"{Name} {Version} {XxHash3.HashToUInt64(body):x16}\n"), .. body];
    }

    /// <summary>Reads a ledger; null when it is damaged.</summary>
    /// <exception cref="SnapshotException">It was written by a newer version, and must not be thrown away.</exception>
    public static LedgerEntries? TryRead(ReadOnlySpan<byte> file, int entriesMax)
    {
        int lineEnd = file.IndexOf((byte)'\n');
        if (lineEnd < 0)
            return null;
        string[] head = Encoding.UTF8.GetString(file[..lineEnd]).Split(' ');
        if (head is not [Name, _, _] || !int.TryParse(head[1], NumberStyles.None, CultureInfo.InvariantCulture, out int version))
            return null;
        if (version > Version)
            throw new SnapshotException($"The restore ledger has version {version}, but this program reads version {Version}.");
        ReadOnlySpan<byte> body = file[(lineEnd + 1)..];
        if (head[2] != XxHash3.HashToUInt64(body).ToString("x16", CultureInfo.InvariantCulture))
            return null;
        var entries = new LedgerEntries(entriesMax);
        foreach (string line in Encoding.UTF8.GetString(body).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!entries.TryAddLine(line.Split(' ')))
                return null;
        }
        DropOldest(entries._epochs, entriesMax);
        DropOldest(entries._restored, entriesMax);
        return entries;
    }

    private bool TryAddLine(string[] words)
    {
        if (words.Length != 3 || !Guid.TryParse(words[1], out Guid identity))
            return false;
        if (words[0] == "epoch" && ulong.TryParse(words[2], NumberStyles.None, CultureInfo.InvariantCulture, out ulong epoch))
            _epochs.Add((identity, epoch));
        else if (words[0] == "restored" && Guid.TryParse(words[2], out Guid snapshotId))
            _restored.Add((identity, snapshotId));
        else
            return false;
        return true;
    }

    private void DropOldest<T>(List<T> entries) => DropOldest(entries, _entriesMax);

    private static void DropOldest<T>(List<T> entries, int entriesMax)
    {
        if (entries.Count > entriesMax)
            entries.RemoveRange(0, entries.Count - entriesMax);
    }
}
