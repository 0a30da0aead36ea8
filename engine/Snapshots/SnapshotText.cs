using System.Globalization;
using System.Text;

namespace RoceEngine.Snapshots;

/// <summary>A manifest in words, for a terminal: a snapshot may come from anybody, so none of its control characters get through.</summary>
public static class SnapshotText
{
    private const int LabelColumns = 16;

    /// <summary>Aligned lines in the invariant culture, each with a line feed: identity, sizes, objects, queue pairs.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="fileBytes">Length of the file.</param>
    public static string Describe(SnapshotManifest manifest, long fileBytes)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var text = new StringBuilder();
        DescribeIdentity(text, manifest);
        DescribeSizes(text, manifest, fileBytes);
        if (manifest.Objects.Count > 0)
            Line(text, "objects", string.Join(", ", manifest.Objects.Select(o => Invariant($"{o.Count} {o.Name}"))));
        DescribeQueuePairs(text, manifest.QueuePairs);
        return text.ToString();
    }

    /// <summary>The manifest as indented JSON.</summary>
    public static string Json(SnapshotManifest manifest) => Encoding.UTF8.GetString(SnapshotJson.Write(manifest)).Trim();

    /// <summary>The text on one line, with a question mark for each character that a terminal might obey.</summary>
    internal static string Printable(string text) =>
        string.Create(text.Length, text, static (to, from) =>
        {
            for (int i = 0; i < to.Length; i++)
                to[i] = IsPlain(from[i]) ? from[i] : '?';
        });

    /// <summary>A message as the end of a sentence: on one line, with one full stop.</summary>
    internal static string Sentence(string message) => Printable(message.TrimEnd()).TrimEnd('.') + ".";

    private static void DescribeIdentity(StringBuilder text, SnapshotManifest manifest)
    {
        Line(text, "snapshot", Invariant($"{manifest.SnapshotId}, format {manifest.FormatVersion}"));
        string taken = Invariant($"{manifest.TakenAt.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC");
        Line(text, "taken", $"{taken} on {manifest.HostName} by {manifest.Product}");
        Line(text, "device", $"{manifest.Device} at {manifest.Address}");
        Line(text, "identity", Invariant($"{manifest.Identity}, epoch {manifest.Epoch}"));
        Line(text, "device after", manifest.IsSuspended ? "stopped" : "went on running");
        if (manifest.Note is { Length: > 0 } note)
            Line(text, "note", note);
    }

    private static void DescribeSizes(StringBuilder text, SnapshotManifest manifest, long fileBytes)
    {
        long heldBytes = manifest.UsedRamBytes + manifest.ControlBytes + manifest.DeviceStateBytes;
        Line(text, "guest RAM", $"{MiB(manifest.GuestRamBytes)}, used {MiB(manifest.UsedRamBytes)}");
        Line(text, "control region", MiB(manifest.ControlBytes));
        Line(text, "device state", MiB(manifest.DeviceStateBytes));
        string ratio = fileBytes > 0 && heldBytes > 0 ? Invariant($", compressed {(double)heldBytes / fileBytes:0.0} to 1") : "";
        Line(text, "file", MiB(fileBytes) + ratio);
    }

    private static void DescribeQueuePairs(StringBuilder text, IReadOnlyList<SnapshotQueuePair> queuePairs)
    {
        Line(text, "queue pairs", queuePairs.Count == 0 ? "none" : Invariant($"{queuePairs.Count}"));
        if (queuePairs.Count == 0)
            return;
        string[][] rows =
        [
            ["number", "type", "state", "peer", "peer number", "sends", "receives"],
            .. queuePairs.Select(Row),
        ];
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        foreach (string[] row in rows)
        {
            for (int column = 0; column < row.Length; column++)
            {
                bool isNumber = column is not (1 or 2 or 3);
                text.Append("  ").Append(isNumber ? row[column].PadLeft(widths[column]) : row[column].PadRight(widths[column]));
            }
            text.Append('\n');
        }
    }

    private static string[] Row(SnapshotQueuePair pair) =>
    [
        Invariant($"{pair.Number}"), Printable(pair.Type), Printable(pair.State), Printable(pair.Destination ?? "-"),
        pair.Destination is null ? "-" : Invariant($"{pair.DestinationNumber}"),
        Invariant($"{pair.SendsOutstanding}"), Invariant($"{pair.ReceivesOutstanding}"),
    ];

    private static void Line(StringBuilder text, string label, string value) =>
        text.Append(label.PadRight(LabelColumns)).Append(Printable(value)).Append('\n');

    private static string MiB(long bytes) => Invariant($"{bytes / (double)(1 << 20):0.00} MiB");

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    private static bool IsPlain(char c) => char.GetUnicodeCategory(c) is not (UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse);
}
