using System.Globalization;
using System.Text.RegularExpressions;
using RoceEngine.Snapshots;

namespace Migration.Tests;

/// <summary>Devices are saved while their guests are at work, and go on.</summary>
public sealed partial class SnapshotTests
{
    [Fact]
    public void A_hundred_snapshots_under_loss_lose_double_and_reorder_nothing()
    {
        const int snapshots = 100;
        using var files = new TemporaryDirectory();
        using var left = new Daemon("127.15.81.1", "--loss", "0.01");
        using var right = new Daemon("127.15.81.2", "--loss", "0.01");
        using Child a = TrafficTests.Guest(left, "127.15.81.1", "a");
        using Child b = TrafficTests.Guest(right, "127.15.81.2", "b");
        TrafficTests.Connect(a, b);
        var pauses = new List<double>();
        long bytesMax = 0;
        for (int i = 0; i < snapshots; i++)
        {
            string file = files.File($"{i}.snapshot");
            string[] command = i % 2 == 0 ? ["snapshot", "a", file, "--socket", left.SocketPath] : ["snapshot", "b", file, "--socket", right.SocketPath];
            string said = i % 10 == 9 ? Vrdma.Succeed(command) : Vrdma.RunHere(command).Success;
            pauses.Add(double.Parse(StoodStill().Match(said).Groups[1].Value, CultureInfo.InvariantCulture));
            TrafficTests.AwaitProgress(a, $"a after snapshot {i}");
            TrafficTests.AwaitProgress(b, $"b after snapshot {i}");
            SnapshotManifest manifest = Inspect(file);
            Assert.Equal((ulong)(1 + (i / 2)), manifest.Epoch);
            Assert.Equal(8, manifest.QueuePairs.Count);
            Assert.All(manifest.QueuePairs, pair => Assert.Equal("RTS", pair.State));
            bytesMax = Math.Max(bytesMax, new FileInfo(file).Length);
            if (i % 10 == 9)
                Assert.Contains("127.15.81.1", Vrdma.Succeed("snapshot", "inspect", file), StringComparison.Ordinal);
            File.Delete(file);
        }
        string sentByA = a.Ask("stop");
        string sentByB = b.Ask("stop");
        string aSays = a.Ask($"finish {sentByB}");
        string bSays = b.Ask($"finish {sentByA}");
        Assert.Empty(Directory.GetFileSystemEntries(files.Path));
        pauses.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{snapshots} snapshots of at most {bytesMax} bytes, stood still for a median of {pauses[snapshots / 2]:F2} ms, p90 {pauses[snapshots * 9 / 10]:F2}, max {pauses[^1]:F2}; a {aSays}; b {bSays}"));
    }

    private static SnapshotManifest Inspect(string file)
    {
        using SnapshotFileReader reader = SnapshotFileReader.Open(file);
        reader.Verify();
        return reader.Manifest;
    }

    [GeneratedRegex("stood still for ([0-9.]+) ms")]
    private static partial Regex StoodStill();
}
