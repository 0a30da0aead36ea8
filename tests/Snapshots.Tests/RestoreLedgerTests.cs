namespace RoceEngine.Snapshots.Tests;

public class RestoreLedgerTests
{
    private static readonly Guid s_device = new("11111111-2222-3333-4444-555555555555");
    private static readonly Guid s_snapshot = new("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");

    [Fact]
    public void A_snapshot_is_claimed_once_also_by_another_process()
    {
        using var directory = new TemporaryDirectory();
        Assert.Equal(RestoreClaim.First, new RestoreLedger(directory.Path).TryClaim(s_device, s_snapshot, 5));
        Assert.Equal(RestoreClaim.AlreadyRestored, new RestoreLedger(directory.Path).TryClaim(s_device, s_snapshot, 5));
        Assert.Equal(RestoreClaim.First, new RestoreLedger(directory.Path).TryClaim(Guid.NewGuid(), s_snapshot, 5));
    }

    [Fact]
    public void A_snapshot_older_than_a_life_of_the_device_is_told_apart()
    {
        using var directory = new TemporaryDirectory();
        var ledger = new RestoreLedger(directory.Path);
        ledger.Record(s_device, 8);
        ledger.Record(s_device, 6);
        Assert.Equal(RestoreClaim.OlderThanKnown, ledger.TryClaim(s_device, s_snapshot, 7));
        Assert.Equal(RestoreClaim.First, ledger.TryClaim(s_device, s_snapshot, 8));
        Assert.Equal(RestoreClaim.AlreadyRestored, ledger.TryClaim(s_device, s_snapshot, 8));
        Assert.Equal(RestoreClaim.First, ledger.TryClaim(s_device, Guid.NewGuid(), ulong.MaxValue));
        Assert.Equal(RestoreClaim.OlderThanKnown, ledger.TryClaim(s_device, Guid.NewGuid(), ulong.MaxValue - 1));
        Assert.Equal(RestoreClaim.First, ledger.TryClaim(Guid.NewGuid(), Guid.NewGuid(), 0));
    }

    [Fact]
    public async Task Of_many_who_claim_at_once_one_succeeds()
    {
        using var directory = new TemporaryDirectory();
        Guid[] snapshots = [.. Enumerable.Range(0, 10).Select(_ => Guid.NewGuid())];
        var firsts = new int[snapshots.Length];
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            var ledger = new RestoreLedger(directory.Path, report: null, TimeSpan.FromSeconds(60), RestoreLedger.EntriesMax);
            for (int i = 0; i < snapshots.Length; i++)
            {
                if (ledger.TryClaim(s_device, snapshots[i], 5) == RestoreClaim.First)
                    Interlocked.Increment(ref firsts[i]);
            }
        })));
        Assert.All(firsts, count => Assert.Equal(1, count));
    }

    [Fact]
    public void A_lock_that_another_holds_too_long_is_a_sentence()
    {
        using var directory = new TemporaryDirectory();
        var ledger = new RestoreLedger(directory.Path, report: null, TimeSpan.FromMilliseconds(30), RestoreLedger.EntriesMax);
        ledger.Record(s_device, 1);
        string path = directory.File(RestoreLedger.FileName);
        using (new FileStream(path + ".lock", FileMode.Open, FileAccess.Write, FileShare.None))
        {
            Assert.Equal($"The restore ledger {path} is locked by another process.",
                Assert.Throws<SnapshotException>(() => ledger.Record(s_device, 2)).Message);
        }
        ledger.Record(s_device, 2);
    }

    [Fact]
    public void A_change_of_any_byte_sets_the_ledger_aside_with_a_sentence_and_begins_anew()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File(RestoreLedger.FileName);
        new RestoreLedger(directory.Path).TryClaim(s_device, s_snapshot, 5);
        byte[] good = File.ReadAllBytes(path);
        int versionAt = good.AsSpan().IndexOf((byte)' ') + 1;
        for (int at = 0; at < good.Length; at += at == versionAt - 1 ? 2 : 1)
        {
            byte[] bad = [.. good];
            bad[at] ^= 0x11;
            File.WriteAllBytes(path, bad);
            var reports = new List<string>();
            Assert.Equal(RestoreClaim.First, new RestoreLedger(directory.Path, reports.Add).TryClaim(s_device, s_snapshot, 5));
            string report = Assert.Single(reports);
            Assert.StartsWith($"The restore ledger {path} is damaged and was set aside as {path}.damaged-", report);
            string aside = report.Split(" as ")[1].Split(';')[0];
            Assert.Equal(bad, File.ReadAllBytes(aside));
            Assert.Equal(good, File.ReadAllBytes(path));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("vrdma-restore-ledger 1")]
    [InlineData("vrdma-restore-ledger 1 0000000000000000\n")]
    [InlineData("something else\nepoch 1 2\n")]
    public void A_file_that_is_no_ledger_is_set_aside(string content)
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File(RestoreLedger.FileName), content);
        var reports = new List<string>();
        var ledger = new RestoreLedger(directory.Path, reports.Add);
        ledger.Record(s_device, 3);
        Assert.Single(reports);
        Assert.Equal(RestoreClaim.OlderThanKnown, ledger.TryClaim(s_device, s_snapshot, 2));
    }

    [Fact]
    public void A_ledger_of_a_newer_version_is_left_alone()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File(RestoreLedger.FileName), "vrdma-restore-ledger 2 0123\n");
        var ledger = new RestoreLedger(directory.Path, _ => Assert.Fail("It was set aside."));
        Assert.Equal("The restore ledger has version 2, but this program reads version 1.",
            Assert.Throws<SnapshotException>(() => ledger.TryClaim(s_device, s_snapshot, 1)).Message);
        Assert.Equal("vrdma-restore-ledger 2 0123\n", File.ReadAllText(directory.File(RestoreLedger.FileName)));
    }

    [Fact]
    public void What_a_crash_left_before_the_rename_changes_nothing()
    {
        using var directory = new TemporaryDirectory();
        var ledger = new RestoreLedger(directory.Path, _ => Assert.Fail("It was set aside."));
        ledger.TryClaim(s_device, s_snapshot, 5);
        File.WriteAllText(directory.File(RestoreLedger.FileName + ".new"), "vrdma-rest");
        Assert.Equal(RestoreClaim.AlreadyRestored, ledger.TryClaim(s_device, s_snapshot, 5));
        ledger.Record(s_device, 9);
        Assert.Equal([RestoreLedger.FileName, RestoreLedger.FileName + ".lock"], directory.Names);
    }

    [Fact]
    public void The_oldest_entries_go_when_there_are_too_many()
    {
        using var directory = new TemporaryDirectory();
        var ledger = new RestoreLedger(directory.Path, report: null, TimeSpan.FromSeconds(5), entriesMax: 3);
        Guid[] ids = [.. Enumerable.Range(0, 4).Select(_ => Guid.NewGuid())];
        foreach (Guid id in ids)
            ledger.TryClaim(id, id, 5);
        Assert.All(ids[1..], id => Assert.Equal(RestoreClaim.AlreadyRestored, ledger.TryClaim(id, id, 5)));
        Assert.Equal(RestoreClaim.First, ledger.TryClaim(ids[0], ids[0], 5));
    }

    [Fact]
    public void A_device_that_is_recorded_again_is_among_the_newest()
    {
        using var directory = new TemporaryDirectory();
        var ledger = new RestoreLedger(directory.Path, report: null, TimeSpan.FromSeconds(5), entriesMax: 3);
        Guid[] ids = [.. Enumerable.Range(0, 4).Select(_ => Guid.NewGuid())];
        foreach (Guid id in ids[..3])
            ledger.Record(id, 5);
        ledger.Record(ids[0], 6);
        ledger.Record(ids[3], 5);
        Assert.Equal(RestoreClaim.OlderThanKnown, ledger.TryClaim(ids[0], s_snapshot, 5));
        Assert.Equal(RestoreClaim.First, ledger.TryClaim(ids[1], s_snapshot, 1));
    }

    [Fact]
    public void A_full_ledger_is_read_and_written()
    {
        var entries = new LedgerEntries(RestoreLedger.EntriesMax);
        for (int i = 0; i < RestoreLedger.EntriesMax; i++)
            entries.AddRestored(Guid.NewGuid(), Guid.NewGuid());
        for (int i = 0; i < 1000; i++)
            entries.RaiseEpoch(Guid.NewGuid(), ulong.MaxValue);
        using var directory = new TemporaryDirectory();
        File.WriteAllBytes(directory.File(RestoreLedger.FileName), entries.Write());
        var ledger = new RestoreLedger(directory.Path, _ => Assert.Fail("It was set aside."));
        Assert.Equal(RestoreClaim.First, ledger.TryClaim(s_device, s_snapshot, 5));
        Assert.Equal(RestoreClaim.AlreadyRestored, ledger.TryClaim(s_device, s_snapshot, 5));
    }

    [Fact]
    public void A_directory_that_cannot_be_used_is_a_sentence()
    {
        Assert.StartsWith("The restore ledger /dev/null/x/restore-ledger cannot be used: ",
            Assert.Throws<SnapshotException>(() => new RestoreLedger("/dev/null/x")).Message);
    }
}
