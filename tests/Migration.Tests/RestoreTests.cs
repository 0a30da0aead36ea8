using RoceEngine.Channel;

namespace Migration.Tests;

/// <summary>Saved devices come back: once where they stopped, and never again with a number that was used.</summary>
public sealed class RestoreTests
{
    [Theory]
    [InlineData("same")]
    [InlineData("another")]
    [InlineData("survivor")]
    public void A_stopped_device_goes_on_exactly_once(string where)
    {
        using var scene = new SnapshotScene("127.15.82");
        string file = scene.StopInTheMiddle("stopped");
        Assert.Empty(scene.Home.Devices());
        if (where == "survivor")
            scene.Home.Process.Kill();
        Daemon daemon = where == "same" ? scene.Home : scene.AnotherDaemon();
        Assert.Equal("restored mover (127.15.82.1) with 8 queue pairs\n", SnapshotScene.Restore(file, daemon));
        scene.ExpectPeerIsServed();
    }

    [Fact]
    public void A_stopped_device_goes_on_exactly_once_under_loss()
    {
        using var scene = new SnapshotScene("127.15.83", options: ["--loss", "0.01"]);
        string file = scene.StopInTheMiddle("stopped");
        SnapshotScene.Restore(file, scene.AnotherDaemon("--loss", "0.01"));
        scene.ExpectPeerIsServed();
    }

    [Fact]
    public void A_device_is_stopped_and_restored_many_times_over()
    {
        using var scene = new SnapshotScene("127.15.84");
        string file = scene.StopInTheMiddle("0");
        Daemon[] daemons = [scene.AnotherDaemon(), scene.Home];
        for (int i = 1; i <= 10; i++)
        {
            Daemon daemon = daemons[i % 2];
            Assert.DoesNotContain("error", SnapshotScene.Restore(file, daemon), StringComparison.Ordinal);
            TrafficTests.AwaitProgress(scene.Peer, $"peer after restoration {i}");
            file = scene.File($"{i}");
            Vrdma.Succeed("snapshot", "mover", file, "--stop", "--socket", daemon.SocketPath);
        }
        SnapshotScene.Restore(file, daemons[0]);
        scene.ExpectPeerIsServed();
    }

    [Fact]
    public void The_same_image_a_second_time_comes_back_in_error()
    {
        using var scene = new SnapshotScene("127.15.85");
        string file = scene.StopInTheMiddle("stopped");
        Daemon first = scene.AnotherDaemon();
        Daemon second = scene.AnotherDaemon();
        SnapshotScene.Restore(file, first);
        TrafficTests.AwaitProgress(scene.Peer, "peer");

        // As long as the first one lives, its address keeps others away.
        Assert.Contains("127.15.85.1", Vrdma.RunHere("restore", file, "--socket", second.SocketPath).Complaint, StringComparison.Ordinal);
        Assert.Contains("lives here already", Vrdma.RunHere("restore", file, "--socket", first.SocketPath).Complaint, StringComparison.Ordinal);
        TrafficTests.AwaitProgress(scene.Peer, "peer");

        Vrdma.Succeed("release", "mover", "--socket", first.SocketPath);
        foreach (Daemon daemon in new[] { first, second })
        {
            Assert.Contains("this snapshot was restored before", SnapshotScene.Restore(file, daemon), StringComparison.Ordinal);
            SnapshotScene.ExpectBroken(daemon);
            Vrdma.Succeed("release", "mover", "--socket", daemon.SocketPath);
        }
    }

    [Fact]
    public void The_same_image_in_two_networks_runs_in_one()
    {
        using var scene = new SnapshotScene("127.15.86");
        Daemon elsewhere = scene.AnotherNetwork();
        string file = scene.StopInTheMiddle("stopped");
        SnapshotScene.Restore(file, scene.Home);
        Assert.Contains("this snapshot was restored before", SnapshotScene.Restore(file, elsewhere), StringComparison.Ordinal);
        SnapshotScene.ExpectBroken(elsewhere);
        scene.ExpectPeerIsServed();
    }

    [Fact]
    public void An_image_of_a_device_that_went_on_comes_back_in_error()
    {
        using var scene = new SnapshotScene("127.15.87");
        string file = scene.Save("live");
        scene.AwaitProgress();
        Assert.Contains("lives here already", Vrdma.RunHere("restore", file, "--socket", scene.Home.SocketPath).Complaint, StringComparison.Ordinal);
        scene.AwaitProgress();
        scene.Home.Process.Kill();
        Daemon daemon = scene.AnotherDaemon();
        Assert.Contains("the device went on after this snapshot was taken", SnapshotScene.Restore(file, daemon), StringComparison.Ordinal);
        SnapshotScene.ExpectBroken(daemon);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_image_restored_while_the_original_lives_comes_back_in_error(bool sharesState)
    {
        using var scene = new SnapshotScene("127.15.88", "mixed");
        using var otherState = new TemporaryDirectory();
        Daemon elsewhere = scene.AnotherNetwork(sharesState ? null : otherState.Path);
        string file = scene.Save("live");
        Assert.Contains("the device went on after this snapshot was taken", SnapshotScene.Restore(file, elsewhere), StringComparison.Ordinal);
        SnapshotScene.ExpectBroken(elsewhere);
        scene.ExpectAllRight();
    }

    [Fact]
    public void A_copy_in_error_takes_nothing_from_the_original()
    {
        using var scene = new SnapshotScene("127.15.89");
        Daemon elsewhere = scene.AnotherNetwork();
        SnapshotScene.Restore(scene.Save("live"), elsewhere);

        // The lives of the copy are not the original's.
        for (int i = 0; i < 3; i++)
            Vrdma.Succeed("snapshot", "mover", scene.File($"copy{i}"), "--socket", elsewhere.SocketPath);
        string file = scene.StopInTheMiddle("stopped");
        Assert.DoesNotContain("error", SnapshotScene.Restore(file, scene.Home), StringComparison.Ordinal);
        scene.ExpectPeerIsServed();
    }

    [Fact]
    public void A_device_goes_on_when_nobody_says_that_it_is_kept_and_its_image_is_older_then()
    {
        using var scene = new SnapshotScene("127.15.90", "mixed");
        Daemon elsewhere = scene.AnotherNetwork();
        SnapshotReply reply;
        SavedDevice saved;
        using (DaemonConnection connection = DaemonConnection.Open(scene.Home.SocketPath))
        {
            reply = connection.Snapshot(new SnapshotRequest { Device = "mover", Stops = true }, out saved);

            // Whoever looks at it while it stands still finds it, and nobody else may save it.
            Assert.Equal(["mover"], scene.Home.Devices());
            Assert.Equal("mover", scene.Home.Report("mover").Device.Name);
            Assert.Contains(
                "is being moved or saved already",
                Vrdma.RunHere("snapshot", "mover", scene.File("no"), "--socket", scene.Home.SocketPath).Complaint,
                StringComparison.Ordinal);
        }
        scene.AwaitProgress();
        using (saved)
        using (DaemonConnection connection = DaemonConnection.Open(elsewhere.SocketPath))
        {
            RestoreReply restored = connection.Restore(
                new RestoreRequest
                {
                    Device = "mover",
                    Address = reply.Report.Device.Address,
                    Identity = reply.Identity,
                    SnapshotId = reply.SnapshotId,
                    Epoch = reply.Epoch,
                    WasStopped = true,
                    GuestRamBytes = reply.GuestRamBytes,
                    ControlBytes = reply.ControlBytes,
                    DeviceStateBytes = reply.DeviceStateBytes,
                },
                saved);
            Assert.Equal("the device went on after this snapshot was taken", restored.WhyBroken);
        }
        SnapshotScene.ExpectBroken(elsewhere);
        scene.ExpectAllRight();
    }
}
