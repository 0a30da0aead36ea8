using RoceEngine.Channel;
using RoceEngine.Verbs;

namespace Migration.Tests;

/// <summary>A new process goes on with a restored device where the one before was saved: its peer sees a pause, and both check all that comes.</summary>
public sealed class RestoredGuestTests
{
    [Theory]
    [InlineData("same")]
    [InlineData("another")]
    public void A_new_process_goes_on_where_the_saved_one_was_stopped(string where)
    {
        using var scene = new SnapshotScene("127.15.101", "mixed");
        string file = scene.StopInTheMiddle("stopped");
        Daemon daemon = where == "same" ? scene.Home : scene.AnotherDaemon();
        SnapshotScene.Restore(file, daemon);
        using Child successor = Successor(daemon);
        TakeUp(successor);
        Assert.Equal("running", successor.Ask("run"));
        ExpectAllRight(successor, scene.Peer);
    }

    [Fact]
    public void A_process_is_stopped_and_followed_by_another_many_times_over()
    {
        const int times = 10;
        using var scene = new SnapshotScene("127.15.102", "mixed", "--loss", "0.005");
        Daemon[] daemons = [scene.AnotherDaemon("--loss", "0.005"), scene.Home];
        string file = scene.Save("0", "--stop");
        scene.Guest.Kill();
        Child? successor = null;
        try
        {
            for (int i = 1; i <= times; i++)
            {
                Daemon daemon = daemons[i % 2];
                Assert.DoesNotContain("error", SnapshotScene.Restore(file, daemon), StringComparison.Ordinal);
                successor?.Dispose();
                successor = Successor(daemon);
                TestContext.Current.TestOutputHelper?.WriteLine(TakeUp(successor));
                TrafficTests.AwaitProgress(scene.Peer, $"peer after restoration {i}");
                TrafficTests.AwaitProgress(successor, $"process {i}");
                if (i == times)
                    break;
                file = scene.File($"{i}");

                // While it is at work, wherever it is.
                Vrdma.Succeed("snapshot", "mover", file, "--stop", "--socket", daemon.SocketPath);
                successor.Kill();
            }
            ExpectAllRight(successor!, scene.Peer);
        }
        finally
        {
            successor?.Dispose();
        }
    }

    [Theory]
    [InlineData("at work")]
    [InlineData("has not polled")]
    public void A_device_that_is_older_than_what_its_peers_know_comes_with_its_events_and_flushed_completions(string guest)
    {
        using var scene = new SnapshotScene("127.15.103", "mixed");
        if (guest == "has not polled")
            Assert.Equal("looks away", scene.Guest.Ask("look away"));
        string file = scene.Save("live");
        _ = scene.Guest.Ask("count");
        scene.AwaitProgress();
        scene.Home.Process.Kill();
        Daemon daemon = scene.AnotherDaemon();
        Assert.Contains("went on after this snapshot", SnapshotScene.Restore(file, daemon), StringComparison.Ordinal);
        using Child successor = Successor(daemon);
        Assert.StartsWith("ok 8 events", successor.Ask("broken"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_has_one_guest_and_ends_with_it()
    {
        using var scene = new SnapshotScene("127.15.104", "mixed");
        Assert.Contains("has a guest", Refusal(scene.Home), StringComparison.Ordinal);
        string file = scene.StopInTheMiddle("stopped");
        Assert.Contains("there is no device 'mover'", Refusal(scene.Home), StringComparison.Ordinal);
        SnapshotScene.Restore(file, scene.Home);

        // One that only looks, and one that dies over it, leave it to the next; so do others meanwhile.
        using (DaemonConnection looking = DaemonConnection.Open(scene.Home.SocketPath))
        using (DeviceChannel channel = looking.AttachRestored("mover"))
        {
            Assert.Contains("about to be taken", Refusal(scene.Home), StringComparison.Ordinal);
            Assert.Contains("about to be", Vrdma.RunHere("release", "mover", "--socket", scene.Home.SocketPath).Complaint, StringComparison.Ordinal);
            Assert.Contains(
                "about to be", Vrdma.RunHere("snapshot", "mover", scene.File("no"), "--socket", scene.Home.SocketPath).Complaint, StringComparison.Ordinal);
        }
        using Child successor = Successor(scene.Home);
        Assert.Contains("has a guest", Refusal(scene.Home), StringComparison.Ordinal);
        Assert.Equal(successor.Id, scene.Home.Report("mover").Device.ProcessId);
        TakeUp(successor);
        TrafficTests.AwaitProgress(successor, "successor");
        successor.Kill();
        SnapshotScene.Await(() => scene.Home.Devices().Length == 0, "the device outlives its guest");
    }

    [Fact]
    public void A_device_that_goes_back_to_a_snapshot_is_taken_by_another_process_with_the_memory_of_then()
    {
        using var scene = new SnapshotScene("127.15.105", "mixed");
        string file = scene.Save("before");
        scene.AwaitProgress();
        Assert.StartsWith("rolled back mover (127.15.105.1) with 8 queue pairs\nall of them are in error", Rollback(scene, file), StringComparison.Ordinal);
        Assert.StartsWith("bad DeviceLostException: device mover went back to a snapshot", LastLine(scene.Guest), StringComparison.Ordinal);
        using (Child successor = Successor(scene.Home))
            Assert.StartsWith("ok 8 events", successor.Ask("broken"), StringComparison.Ordinal);

        // One that its last process has left is no more.
        SnapshotScene.Await(() => scene.Home.Devices().Length == 0, "the device outlives its guest");
        Assert.Contains("there is no device 'mover'", Vrdma.RunHere("rollback", "mover", file, "--socket", scene.Home.SocketPath).Complaint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_whose_device_went_back_to_a_snapshot_may_take_it_itself()
    {
        using var files = new TemporaryDirectory();
        using var daemon = new Daemon("127.15.106.1");
        RdmaContext context = RdmaContext.Attach(new AttachOptions { SocketPath = daemon.SocketPath, Name = "mover", MemoryBytes = 4 << 20 });
        ulong address;
        using (context)
        {
            GuestMemory memory = context.AllocateMemory(4096);
            address = memory.Address;
            memory.Span.Fill(1);
            _ = Vrdma.RunHere("snapshot", "mover", files.File("one"), "--socket", daemon.SocketPath).Success;
            memory.Span.Fill(2);
            _ = Vrdma.RunHere("rollback", "mover", files.File("one"), "--socket", daemon.SocketPath).Success;
            DeviceLostException lost = Assert.Throws<DeviceLostException>(context.AllocateProtectionDomain);
            Assert.True(lost.WasRolledBack);

            // It is told as any loss is; and where its memory still is, that of then cannot be.
            Assert.True(context.TryGetAsyncEvent(out AsyncEvent news));
            Assert.Equal(AsyncEventType.DeviceFatal, news.Type);
            Assert.Equal(2, memory.Span[0]);
            VerbsException taken = Assert.Throws<VerbsException>(() => RdmaContext.AttachRestored("mover", daemon.SocketPath));
            Assert.Equal(98, taken.Errno);
        }
        using RdmaContext again = RdmaContext.AttachRestored("mover", daemon.SocketPath);
        GuestMemory found = Assert.Single(again.Restored!.Memories);
        Assert.Equal((address, -1), (found.Address, found.Span.IndexOfAnyExcept((byte)1)));
        again.AllocateProtectionDomain().Dispose();
    }

    [Fact]
    public void A_device_goes_on_when_it_cannot_go_back()
    {
        using var scene = new SnapshotScene("127.15.107", "mixed");
        string file = scene.Save("whole");
        string peer = scene.File("peer");
        _ = Vrdma.RunHere("snapshot", "peer", peer, "--socket", scene.PeerHome.SocketPath).Success;
        Assert.Contains("is of the device at 127.15.107.2", Vrdma.RunHere("rollback", "mover", peer, "--socket", scene.Home.SocketPath).Complaint, StringComparison.Ordinal);
        scene.AwaitProgress();
        foreach (bool isStateDamaged in new[] { true, false })
        {
            Assert.NotNull(RollbackTo(scene, file, isStateDamaged));
            scene.AwaitProgress();
        }
        Assert.Equal(["mover"], scene.Home.Devices());
        scene.ExpectAllRight();
    }

    /// <summary>Asks for what a file has, but damaged in a way that no checksum tells; returns the refusal.</summary>
    private static string RollbackTo(SnapshotScene scene, string file, bool isStateDamaged)
    {
        using RoceEngine.Snapshots.SnapshotFileReader reader = RoceEngine.Snapshots.SnapshotFileReader.Open(file);
        RoceEngine.Snapshots.SnapshotManifest manifest = reader.Manifest;
        using SavedDevice saved = SavedDevice.Create(manifest.GuestRamBytes, manifest.ControlBytes, manifest.DeviceStateBytes);
        reader.ReadDeviceState().CopyTo(saved.State);
        if (isStateDamaged)
            saved.State[^40..].Fill(0xFF);
        using DaemonConnection connection = DaemonConnection.Open(scene.Home.SocketPath);
        return Assert.Throws<ChannelRefusedException>(() => connection.Restore(
            new RestoreRequest
            {
                Device = manifest.Device,
                Address = manifest.Address,
                Identity = manifest.Identity,
                SnapshotId = manifest.SnapshotId,
                Epoch = manifest.Epoch,
                WasStopped = false,
                Replaces = "mover",
                GuestRamBytes = isStateDamaged ? manifest.GuestRamBytes : manifest.GuestRamBytes / 2,
                ControlBytes = manifest.ControlBytes,
                DeviceStateBytes = manifest.DeviceStateBytes,
            },
            saved)).Message;
    }

    private static string Rollback(SnapshotScene scene, string file) => Vrdma.Succeed("rollback", "mover", file, "--socket", scene.Home.SocketPath);

    private static string LastLine(Child guest) => guest.ReadToEnd().Trim();

    [Fact]
    public void A_process_that_dies_while_it_takes_a_device_leaves_it_to_the_next()
    {
        using var scene = new SnapshotScene("127.15.108", "mixed");
        SnapshotScene.Restore(scene.StopInTheMiddle("stopped"), scene.Home);
        for (int i = 0; i < 3; i++)
        {
            using var looking = new Child("Migration.Tests", "guest", "looks", scene.Home.SocketPath, "mover");
            Assert.Equal("looks", looking.ReadLine());
            Assert.Contains("about to be taken", Refusal(scene.Home), StringComparison.Ordinal);
            looking.Kill();
        }
        using Child successor = Successor(scene.Home);
        TakeUp(successor);
        successor.Ask("run");
        ExpectAllRight(successor, scene.Peer);
    }

    [Fact]
    public void A_device_that_was_taken_moves_and_is_saved_as_any_other()
    {
        using var scene = new SnapshotScene("127.15.109", "mixed");
        SnapshotScene.Restore(scene.Save("stopped", "--stop"), scene.Home);
        scene.Guest.Kill();
        using Child successor = Successor(scene.Home);
        TakeUp(successor);
        scene.Home.Send("mover", scene.AnotherDaemon().Port, cancellation: TestContext.Current.CancellationToken);
        TrafficTests.AwaitProgress(successor, "after a move");
        ExpectAllRight(successor, scene.Peer);
    }

    private static Child Successor(Daemon daemon, string script = "mixed", string peerScript = "mixed")
    {
        var child = new Child("Migration.Tests", "guest", "restored", daemon.SocketPath, "mover", script, peerScript);
        Assert.Equal("has it", child.ReadLine());
        return child;
    }

    private static string TakeUp(Child successor)
    {
        string answer = successor.Ask("go on");
        Assert.StartsWith("taken up", answer, StringComparison.Ordinal);
        return answer;
    }

    private static void ExpectAllRight(Child one, Child other)
    {
        TrafficTests.AwaitProgress(one, "successor");
        TrafficTests.AwaitProgress(other, "peer");
        string sentByOne = one.Ask("stop");
        string sentByOther = other.Ask("stop");
        Assert.StartsWith("ok", one.Ask($"finish {sentByOther}"), StringComparison.Ordinal);
        Assert.StartsWith("ok", other.Ask($"finish {sentByOne}"), StringComparison.Ordinal);
    }

    private static string Refusal(Daemon daemon) =>
        Assert.Throws<VerbsException>(() => RdmaContext.AttachRestored("mover", daemon.SocketPath)).Message;
}
