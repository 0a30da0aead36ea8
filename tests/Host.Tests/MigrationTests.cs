using RoceEngine.Channel;
using RoceEngine.Verbs;

namespace RoceEngine.Host.Tests;

/// <summary>Devices of attached guests move between daemons, in one process but over real sockets and real shared memory. Alone: a device that stands still waits 0.4 s at most for what other tests keep from running.</summary>
[Collection(nameof(AloneCollection))]
public class MigrationTests
{
    [Fact]
    public void A_device_moves_there_and_back_while_its_guest_goes_on()
    {
        using var left = new TestDaemon(["127.12.60.1"]);
        using var right = new TestDaemon(["127.12.60.2"]);
        using Endpoint mover = Endpoint.Attached(left.SocketPath, name: "mover");
        using Endpoint peer = Endpoint.Attached(right.SocketPath);
        Endpoint.Connect(mover, peer);
        mover.WriteAndVerify(peer, 300_000, 1);
        uint number = mover.QueuePair.Number;
        for (int round = 0; round < 5; round++)
        {
            MigrationReport there = Move(left, right, "mover");
            Assert.Equal(1, there.QueuePairs);
            mover.WriteAndVerify(peer, 300_000, 10 + round);
            peer.WriteAndVerify(mover, 300_000, 20 + round);
            Assert.Empty(Devices(left));
            MigrationReport back = Move(right, left, "mover");
            mover.WriteAndVerify(peer, 300_000, 30 + round);
            peer.WriteAndVerify(mover, 300_000, 40 + round);
            TestContext.Current.SendDiagnosticMessage($"there {Describe(there)}; back {Describe(back)}");
        }
        Assert.Equal(number, mover.QueuePair.Number);
        Assert.False(mover.Context.IsLost);
    }

    [Fact]
    public void A_device_moves_with_a_copy_of_its_memory()
    {
        using var left = new TestDaemon(["127.12.61.1"]);
        using var right = new TestDaemon(["127.12.61.2"]);
        using Endpoint mover = Endpoint.Attached(left.SocketPath, name: "mover");
        using Endpoint peer = Endpoint.Attached(right.SocketPath);
        Endpoint.Connect(mover, peer);
        mover.WriteAndVerify(peer, 300_000, 1);
        for (int round = 0; round < 5; round++)
        {
            MigrationReport there = Move(left, right, "mover", "copy");
            mover.WriteAndVerify(peer, 300_000, 10 + round);
            peer.WriteAndVerify(mover, 300_000, 20 + round);
            MigrationReport back = Move(right, left, "mover", "copy");
            mover.WriteAndVerify(peer, 300_000, 30 + round);
            peer.WriteAndVerify(mover, 300_000, 40 + round);
            TestContext.Current.SendDiagnosticMessage($"there {Describe(there)}; back {Describe(back)}");
            Assert.Equal("copy", there.Memory);
        }
        Assert.False(mover.Context.IsLost);
    }

    /// <summary>Pages of the process's own, moved into guest RAM when they were registered: writes to them cannot be tracked, so they go along.</summary>
    [Fact]
    public void A_device_with_memory_of_its_guest_moves_together_with_it_alone()
    {
        using var left = new TestDaemon(["127.12.64.1"]);
        using var right = new TestDaemon(["127.12.64.2"]);
        using Endpoint mover = Endpoint.Attached(left.SocketPath, name: "mover", usesOwnMemory: true);
        using Endpoint peer = Endpoint.Attached(right.SocketPath, usesOwnMemory: true);
        Endpoint.Connect(mover, peer);
        mover.WriteAndVerify(peer, 300_000, 1);

        ChannelRefusedException refusal = Assert.Throws<ChannelRefusedException>(() => Move(left, right, "mover", "copy"));
        Assert.Contains("memory of its own", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--memory share", refusal.Message, StringComparison.Ordinal);
        using (DaemonConnection connection = DaemonConnection.Open(left.SocketPath))
        {
            refusal = Assert.Throws<ChannelRefusedException>(() => connection.Snapshot(new SnapshotRequest { Device = "mover" }, out _));
            Assert.Contains("memory of its own", refusal.Message, StringComparison.Ordinal);
        }

        mover.WriteAndVerify(peer, 300_000, 2);
        for (int round = 0; round < 3; round++)
        {
            Assert.Equal("share", Move(left, right, "mover", round == 0 ? "share" : "auto").Memory);
            mover.WriteAndVerify(peer, 300_000, 10 + round);
            peer.WriteAndVerify(mover, 300_000, 20 + round);
            Assert.Equal("share", Move(right, left, "mover", "share").Memory);
            peer.WriteAndVerify(mover, 300_000, 30 + round);
        }

        Assert.False(mover.Context.IsLost);
    }

    internal static string Describe(MigrationReport report) =>
        $"{report.BlackoutMs:F2} ms of {report.TotalMs:F1}: {string.Join(", ", report.Phases.Select(phase => $"{phase.Name} {phase.Milliseconds:F2}"))}";

    internal static MigrationReport Move(TestDaemon from, TestDaemon to, string device, string memory = "auto")
    {
        using DaemonConnection connection = DaemonConnection.Open(from.SocketPath);
        return connection.Migrate(
            new MigrateRequest { Device = device, Host = "127.0.0.1", Port = to.MigrationPort, IsInsecure = true, Memory = memory },
            progress: null,
            TestContext.Current.CancellationToken);
    }

    private static IReadOnlyList<DeviceSummary> Devices(TestDaemon daemon)
    {
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        return connection.ListDevices();
    }
}
