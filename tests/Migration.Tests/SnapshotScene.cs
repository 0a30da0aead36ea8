using System.Diagnostics;
using System.Globalization;

namespace Migration.Tests;

/// <summary>
/// A guest that does all operations, and its peer at another daemon: saved, stopped and brought back. Daemons share a state directory, as those of one
/// machine do.
/// </summary>
internal sealed class SnapshotScene : IDisposable
{
    /// <summary>Local ACK timeout: a peer waits for many seconds, as long as commands may take on a busy machine.</summary>
    private const int PatientTimeout = 20;

    private const int QueuePairs = 8;

    private readonly string _network;
    private readonly TemporaryDirectory _files = new();
    private readonly List<Daemon> _more = [];

    /// <param name="network">Three numbers of 127.15.x: the addresses of the scene are below it.</param>
    /// <param name="peerScript">What the peer does: a device without a guest answers no SENDs.</param>
    /// <param name="options">Of the daemons.</param>
    public SnapshotScene(string network, string peerScript = "one-sided", params string[] options)
    {
        _network = network;
        Home = new Daemon($"{network}.1", ["--state-dir", _files.Path, .. options]);
        PeerHome = new Daemon($"{network}.2", ["--state-dir", _files.Path, .. options]);
        Guest = TrafficTests.Guest(Home, $"{network}.1", "mover", peerScript: peerScript, queuePairs: QueuePairs, timeout: PatientTimeout);
        Peer = TrafficTests.Guest(PeerHome, $"{network}.2", "peer", script: peerScript, queuePairs: QueuePairs, timeout: PatientTimeout);
        TrafficTests.Connect(Guest, Peer);
        AwaitProgress();
    }

    /// <summary>Where the guest is at first.</summary>
    public Daemon Home { get; }

    public Daemon PeerHome { get; }

    public Child Guest { get; }

    public Child Peer { get; }

    /// <summary>How many messages each QP of the guest had posted when its device was stopped.</summary>
    public string PostedByGuest { get; private set; } = "";

    public string StateDirectory => _files.Path;

    public string File(string name) => _files.File(name);

    /// <summary>One more daemon of this machine.</summary>
    public Daemon AnotherDaemon(params string[] options)
    {
        _more.Add(new Daemon($"{_network}.{3 + _more.Count}", ["--state-dir", _files.Path, .. options]));
        return _more[^1];
    }

    /// <summary>One more daemon, in a network where the guest's address is free though the guest has it here.</summary>
    public Daemon AnotherNetwork(string? stateDirectory = null)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root may make network namespaces");
        _more.Add(Daemon.InAnotherNetwork($"{_network}.{3 + _more.Count}", "--state-dir", stateDirectory ?? _files.Path));
        return _more[^1];
    }

    public string Save(string name, params string[] options)
    {
        Vrdma.Succeed(["snapshot", "mover", File(name), "--socket", Home.SocketPath, .. options]);
        return File(name);
    }

    /// <summary>Saves and stops the guest's device while all that both ends may have outstanding is outstanding.</summary>
    public string StopInTheMiddle(string name, params string[] options)
    {
        string file = "";
        InTheMiddle(() => file = Save(name, ["--stop", .. options]));
        Guest.Kill();
        return file;
    }

    /// <summary>Does something while the peer's daemon stands still and the windows are full; the guest posts nothing afterwards.</summary>
    public void InTheMiddle(Action action)
    {
        PeerHome.Process.Signal("STOP");
        try
        {
            Await(() => Outstanding(Guest) == 12 * QueuePairs && Outstanding(Peer) == 12 * QueuePairs, "the windows do not fill");
            PostedByGuest = Guest.Ask("pause");
            action();
        }
        finally
        {
            PeerHome.Process.Signal("CONT");
        }
    }

    public static string Restore(string file, Daemon daemon) => Vrdma.Succeed("restore", file, "--socket", daemon.SocketPath);

    /// <summary>Both ends go on.</summary>
    public void AwaitProgress()
    {
        TrafficTests.AwaitProgress(Guest, "guest");
        TrafficTests.AwaitProgress(Peer, "peer");
    }

    /// <summary>Both ends live, and nothing was lost or doubled.</summary>
    public void ExpectAllRight()
    {
        AwaitProgress();
        string sentByGuest = Guest.Ask("stop");
        string sentByPeer = Peer.Ask("stop");
        Assert.StartsWith("ok", Guest.Ask($"finish {sentByPeer}"), StringComparison.Ordinal);
        Assert.StartsWith("ok", Peer.Ask($"finish {sentByGuest}"), StringComparison.Ordinal);
    }

    /// <summary>The peer goes on with a device that has no guest; all that the guest had posted came once, and what came back stands in its memory.</summary>
    public void ExpectPeerIsServed()
    {
        TrafficTests.AwaitProgress(Peer, "peer");
        _ = Peer.Ask("stop");
        Assert.StartsWith("ok", Peer.Ask($"finish {PostedByGuest}"), StringComparison.Ordinal);
        Assert.StartsWith("ok", Peer.Ask($"readback {PostedByGuest}"), StringComparison.Ordinal);
    }

    /// <summary>The device is there and has said nothing on the wire; its QPs are in error, each with an event.</summary>
    public static void ExpectBroken(Daemon daemon, string device = "mover")
    {
        Thread.Sleep(300);
        RoceEngine.Channel.DeviceReport report = daemon.Report(device);
        Assert.Equal(QueuePairs, report.QueuePairs.Count);
        Assert.All(report.QueuePairs, pair => Assert.Equal("ERR", pair.State));
        Assert.Equal(0, report.Counters.Single(counter => counter.Name == "udp_tx_datagrams").Value);
        Assert.True(report.Counters.Single(counter => counter.Name == "async_events").Value >= QueuePairs, "no events");
    }

    public static void Await(Func<bool> condition, string otherwise)
    {
        long begin = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(begin).TotalSeconds < 20, otherwise);
            Thread.Sleep(10);
        }
    }

    public void Dispose()
    {
        Guest.Dispose();
        Peer.Dispose();
        Home.Dispose();
        PeerHome.Dispose();
        _more.ForEach(daemon => daemon.Dispose());
        _files.Dispose();
    }

    private static long Outstanding(Child guest) => long.Parse(guest.Ask("outstanding"), CultureInfo.InvariantCulture);
}
