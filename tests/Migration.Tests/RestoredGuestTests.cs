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

    [Fact]
    public void A_device_that_is_older_than_what_its_peers_know_comes_with_its_events_and_flushed_completions()
    {
        using var scene = new SnapshotScene("127.15.103", "mixed");
        string file = scene.Save("live");
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
