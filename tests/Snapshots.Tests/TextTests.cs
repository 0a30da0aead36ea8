using System.Globalization;

namespace RoceEngine.Snapshots.Tests;

public class TextTests
{
    private static SnapshotManifest Manifest => Sample.Describe(stateBytes: 3 << 19, controlBytes: 0x7000, ramBytes: 64 << 20) with
    {
        UsedRamBytes = 10 << 20,
        TakenAt = new DateTimeOffset(2025, 3, 4, 7, 6, 7, TimeSpan.FromHours(2)),
        Note = "before the upgrade",
        Objects = [new SnapshotObjectCount { Name = "pd", Count = 1 }, new SnapshotObjectCount { Name = "mr", Count = 1200 }],
        QueuePairs =
        [
            new SnapshotQueuePair
            {
                Number = 17, Type = "RC", State = "RTS", Destination = "192.0.2.2", DestinationNumber = 12345, SendsOutstanding = 3,
                ReceivesOutstanding = 128,
            },
            new SnapshotQueuePair { Number = 4711, Type = "UD", State = "INIT" },
        ],
    };

    [Fact]
    public void A_snapshot_is_described_in_aligned_lines() => Assert.Equal(
        """
        snapshot        aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee, format 1
        taken           2025-03-04 05:06:07 UTC on host-a by vRDMA 0.1.0
        device          vrdma0 at 192.0.2.1
        identity        11111111-2222-3333-4444-555555555555, epoch 7
        device after    stopped
        note            before the upgrade
        guest RAM       64.00 MiB, used 10.00 MiB
        control region  0.03 MiB
        device state    1.50 MiB
        file            4.00 MiB, compressed 2.9 to 1
        objects         1 pd, 1200 mr
        queue pairs     2
          number  type  state  peer       peer number  sends  receives
              17  RC    RTS    192.0.2.2        12345      3       128
            4711  UD    INIT   -                    -      0         0

        """, SnapshotText.Describe(Manifest, 4 << 20));

    [Fact]
    public void A_device_without_queue_pairs_objects_and_note_is_described_too()
    {
        SnapshotManifest manifest = Manifest with { Note = null, Objects = [], QueuePairs = [], IsSuspended = false };
        string text = SnapshotText.Describe(manifest, 0);
        Assert.EndsWith("file            0.00 MiB\nqueue pairs     none\n", text);
        Assert.Contains("\ndevice after    went on running\n", text);
        Assert.DoesNotContain("note", text);
        Assert.DoesNotContain("objects", text);
    }

    [Fact]
    public void The_culture_of_the_reader_does_not_matter()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        var commas = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        commas.NumberFormat.NumberDecimalSeparator = ",";
        commas.DateTimeFormat.TimeSeparator = ".";
        string expected = SnapshotText.Describe(Manifest, 4 << 20);
        try
        {
            CultureInfo.CurrentCulture = commas;
            Assert.Equal(expected, SnapshotText.Describe(Manifest, 4 << 20));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Nothing_in_a_manifest_commands_the_terminal_or_makes_lines()
    {
        SnapshotManifest manifest = Manifest with
        {
            Note = "\u001b[2Jgone\nqueue pairs 0",
            HostName = "a\u202Eb",
            QueuePairs = [new SnapshotQueuePair { Number = 1, Type = "R\u0007", State = "\u009bm", Destination = "\r" }],
        };
        string text = SnapshotText.Describe(manifest, 1);
        Assert.Contains("note            ?[2Jgone?queue pairs 0\n", text);
        Assert.Contains(" on a?b by ", text);
        Assert.DoesNotContain(text, c => c != '\n' && (char.IsControl(c) || c == '\u202E'));
    }
}
