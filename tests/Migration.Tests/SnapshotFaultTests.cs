using System.Buffers.Binary;
using RoceEngine.Snapshots;

namespace Migration.Tests;

/// <summary>Snapshots that fail, files that are damaged, processes that are killed: a sentence says why, and the device goes on.</summary>
public sealed class SnapshotFaultTests
{
    private const int FileHeaderBytes = 16;
    private const int SectionHeaderBytes = 24;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_full_disk_leaves_the_device_as_it_was(bool stops)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root may mount a small file system");
        using var scene = new SnapshotScene("127.15.91", "mixed");
        using var disk = new TemporaryDirectory();
        for (int i = 0; i < 3; i++)
        {
            Vrdma run = Vrdma.RunOnFullDisk(disk.Path, ["snapshot", "mover", disk.File("full"), "--socket", scene.Home.SocketPath, .. stops ? ["--stop"] : Array.Empty<string>()]);
            Assert.Contains("cannot be written", run.Complaint, StringComparison.Ordinal);
            scene.AwaitProgress();
        }
        scene.ExpectAllRight();
    }

    [Fact]
    public void A_process_that_is_stopped_is_neither_saved_nor_moved_and_can_be_once_it_goes_on()
    {
        using var scene = new SnapshotScene("127.15.98", "mixed");
        Daemon there = scene.AnotherDaemon();
        for (int i = 0; i < 3; i++)
        {
            scene.Guest.Signal("STOP");
            Vrdma saved = Vrdma.RunHere("snapshot", "mover", scene.File("no"), "--socket", scene.Home.SocketPath);
            Assert.Contains($"process {scene.Guest.Id} is stopped", saved.Complaint, StringComparison.Ordinal);
            foreach (string memory in new[] { "copy", "share" })
            {
                Vrdma moved = Vrdma.RunHere("migrate", "mover", "--to", $"127.0.0.1:{there.Port}", "--insecure", "--memory", memory, "--socket", scene.Home.SocketPath);
                Assert.Contains($"process {scene.Guest.Id} is stopped", moved.Complaint, StringComparison.Ordinal);
            }
            scene.Guest.Signal("CONT");

            // The answers that it gives now belong to nobody.
            _ = scene.Save($"{i}");
            scene.AwaitProgress();
        }
        scene.Home.Send("mover", there.Port, cancellation: TestContext.Current.CancellationToken);
        scene.ExpectAllRight();
    }

    [Fact]
    public void A_directory_that_is_not_there_leaves_the_device_as_it_was()
    {
        using var scene = new SnapshotScene("127.15.92", "mixed");
        Assert.Contains("cannot be written", Vrdma.RunHere("snapshot", "mover", "/nowhere/file", "--stop", "--socket", scene.Home.SocketPath).Complaint, StringComparison.Ordinal);
        scene.ExpectAllRight();
    }

    [Fact]
    public void A_damaged_file_is_refused_with_a_reason_and_the_whole_one_still_goes_on()
    {
        using var scene = new SnapshotScene("127.15.93");
        string file = scene.StopInTheMiddle("stopped");
        Daemon daemon = scene.AnotherDaemon();
        byte[] whole = File.ReadAllBytes(file);
        string damaged = scene.File("damaged");

        foreach (int at in OneByteOfEachSection(whole))
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= 0x10;
            Assert.Matches("^vrdma: The snapshot|^vrdma: Section", Refusal(flipped));
        }
        foreach (int bytes in new[] { 0, 15, 40, whole.Length / 2, whole.Length - 1 })
            Assert.Matches("too short|cut short", Refusal(whole[..bytes]));
        byte[] ofAnotherDay = [.. whole];
        BinaryPrimitives.WriteUInt16LittleEndian(ofAnotherDay.AsSpan(8), 99);
        BinaryPrimitives.WriteUInt16LittleEndian(ofAnotherDay.AsSpan(10), 98);
        Assert.Contains("format version 99 and needs a reader of version 98", Refusal(ofAnotherDay), StringComparison.Ordinal);
        Assert.Contains("not a vRDMA snapshot", Refusal("PK\x03\x04 and so on and so forth"u8.ToArray()), StringComparison.Ordinal);
        Assert.Contains("cannot be opened", Vrdma.RunHere("restore", scene.File("missing"), "--socket", daemon.SocketPath).Complaint, StringComparison.Ordinal);

        Assert.Empty(daemon.Devices());
        Assert.DoesNotContain("error", SnapshotScene.Restore(file, daemon), StringComparison.Ordinal);
        scene.ExpectPeerIsServed();

        string Refusal(byte[] content)
        {
            File.WriteAllBytes(damaged, content);
            string complaint = Vrdma.RunHere("snapshot", "inspect", damaged).Complaint;
            Assert.Equal(complaint, Vrdma.RunHere("restore", damaged, "--socket", daemon.SocketPath).Complaint);
            return complaint;
        }
    }

    [Fact]
    public void A_state_that_belongs_to_another_device_is_refused_and_costs_the_image_nothing()
    {
        using var scene = new SnapshotScene("127.15.94");
        string peers = scene.File("peer");
        Vrdma.Succeed("snapshot", "peer", peers, "--socket", scene.PeerHome.SocketPath);
        string file = scene.StopInTheMiddle("stopped");
        Daemon daemon = scene.AnotherDaemon("--max-memory", "16M");
        string mixed = scene.File("mixed");
        Mix(file, peers, mixed);
        Assert.Contains(
            "it is the state of 127.15.94.2 and not of 127.15.94.1", Vrdma.RunHere("restore", mixed, "--socket", scene.Home.SocketPath).Complaint, StringComparison.Ordinal);
        Assert.Contains("not enough memory", Vrdma.RunHere("restore", file, "--socket", daemon.SocketPath).Complaint, StringComparison.Ordinal);
        using (var taken = new Daemon("127.15.94.9"))
        using (TrafficTests.Guest(taken, "127.15.94.9", "squatter"))
        {
            // Its peer has the address of the peer; nobody has the device's.
            Assert.Contains("127.15.94.2", Vrdma.RunHere("restore", peers, "--socket", taken.SocketPath).Complaint, StringComparison.Ordinal);
        }
        Assert.DoesNotContain("error", SnapshotScene.Restore(file, scene.Home), StringComparison.Ordinal);
        scene.ExpectPeerIsServed();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_killed_command_leaves_a_whole_file_or_none_and_the_device_once(bool stops)
    {
        using var scene = new SnapshotScene("127.15.95", "mixed");
        using var files = new TemporaryDirectory();
        int whole = 0;
        const int attempts = 12;
        for (int i = 0; i < attempts; i++)
        {
            string file = files.File($"{i}");
            using var command = new Child("vrdma", ["snapshot", "mover", file, "--socket", scene.Home.SocketPath, .. stops ? ["--stop"] : Array.Empty<string>()]);

            // Somewhere, while it writes, and at last when the file is there already.
            if (i < attempts / 3)
                Thread.Sleep(90 + (20 * i));
            else
                WaitFor(() => i >= attempts * 2 / 3 ? File.Exists(file) : command.HasExited || Directory.GetFiles(files.Path, $"{i}.partial-*").Length > 0);
            command.Kill();
            if (File.Exists(file))
            {
                whole++;
                Vrdma.Succeed("snapshot", "inspect", file);
            }
            SnapshotScene.Await(() => stops || scene.Home.Devices().Length == 1, "the device is gone");
            if (scene.Home.Devices().Length == 0)
            {
                // It was quick enough to end the device: then its file is all there is of it.
                Assert.True(File.Exists(file));
                return;
            }
            scene.AwaitProgress();
        }
        scene.ExpectAllRight();
        TestContext.Current.TestOutputHelper?.WriteLine($"{whole} of {attempts} files were whole");
    }

    [Fact]
    public void A_killed_restore_leaves_the_device_or_the_image()
    {
        using var scene = new SnapshotScene("127.15.96");
        string file = scene.StopInTheMiddle("stopped");
        Daemon daemon = scene.AnotherDaemon();
        for (int delayMs = 60; daemon.Devices().Length == 0; delayMs += delayMs / 2)
        {
            using var command = new Child("vrdma", "restore", file, "--socket", daemon.SocketPath);
            Thread.Sleep(delayMs);
            command.Kill();
            Thread.Sleep(100);
        }

        // Whenever it was killed: the first time that the device came, it came whole.
        Assert.All(daemon.Report("mover").QueuePairs, pair => Assert.Equal("RTS", pair.State));
        scene.ExpectPeerIsServed();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_daemon_killed_during_a_snapshot_leaves_no_half_file(bool stops)
    {
        using var files = new TemporaryDirectory();
        int whole = 0;
        const int attempts = 6;
        for (int i = 0; i < attempts; i++)
        {
            using var scene = new SnapshotScene("127.15.97", "mixed");
            string file = files.File($"{i}");
            using var command = new Child("vrdma", ["snapshot", "mover", file, "--socket", scene.Home.SocketPath, .. stops ? ["--stop"] : Array.Empty<string>()]);
            if (i % 3 == 0)
                Thread.Sleep(100 + (20 * i));
            else
                WaitFor(() => command.HasExited || (i % 3 == 1 ? Directory.GetFiles(files.Path, $"{i}.partial-*").Length > 0 : File.Exists(file)));
            scene.Home.Process.Kill();
            _ = command.ReadToEnd();
            int exitCode = command.AwaitExit();
            Assert.True(exitCode == 0 || !File.Exists(file) || command.Errors.Contains("is whole", StringComparison.Ordinal), command.Errors);
            Assert.DoesNotContain("   at ", command.Errors, StringComparison.Ordinal);
            if (File.Exists(file))
            {
                whole++;
                Vrdma.Succeed("snapshot", "inspect", file);
            }
            Assert.Empty(Directory.GetFiles(files.Path, "*.partial-*"));
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{whole} of {attempts} files were whole");
    }

    private static void WaitFor(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, 20_000), "nothing happens");

    /// <summary>In the file header, in each kind of section its header and its middle, and in the trailer.</summary>
    private static List<int> OneByteOfEachSection(byte[] file)
    {
        List<int> places = [9];
        ushort last = 0;
        int at = FileHeaderBytes;
        while (file.Length - at > 48)
        {
            ushort type = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(at));
            int stored = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at + 12));
            if (type != last)
                places.AddRange([at + 2, at + 16, at + SectionHeaderBytes + (stored / 2)]);
            last = type;
            at += SectionHeaderBytes + stored;
        }
        Assert.Equal(4, last);
        places.AddRange([file.Length - 40, file.Length - 1]);
        return places;
    }

    private static unsafe void Mix(string manifestOf, string stateOf, string into)
    {
        using SnapshotFileReader one = SnapshotFileReader.Open(manifestOf);
        using SnapshotFileReader other = SnapshotFileReader.Open(stateOf);
        byte[] state = other.ReadDeviceState();
        using SnapshotFileWriter writer = SnapshotFileWriter.Create(into);
        writer.WriteManifest(one.Manifest with { DeviceStateBytes = state.Length });
        writer.WriteDeviceState(state);
        writer.WriteControl(one.ReadControl());
        byte[] ram = GC.AllocateArray<byte>((int)one.Manifest.GuestRamBytes, pinned: true);
        fixed (byte* start = ram)
        {
            one.ReadRam(start, ram.Length);
            writer.WriteRam(start, ram.Length);
        }
        writer.Complete();
    }
}
