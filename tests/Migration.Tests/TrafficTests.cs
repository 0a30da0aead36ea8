using System.Globalization;
using System.Net;
using System.Net.Sockets;
using RoceEngine.Channel;

namespace Migration.Tests;

/// <summary>Two daemons and two guests, all processes of their own, and devices that go to and fro under load.</summary>
public sealed class TrafficTests
{
    /// <summary>Eight times half a second: on a busy machine a peer may be without processor for as long as the usual settings allow.</summary>
    internal const int PatientTimeout = 17;

    [Fact]
    public void A_hundred_moves_lose_double_and_reorder_nothing_under_loss()
    {
        const int moves = 100;
        using var left = new Daemon("127.15.1.1", "--loss", "0.01");
        using var right = new Daemon("127.15.1.2", "--loss", "0.01");
        using Child mover = Guest(left, "127.15.1.1", "mover");
        using Child peer = Guest(right, "127.15.1.2", "peer");
        Connect(mover, peer);
        Daemon[] at = [left, right];
        var pauses = new List<double>();
        for (int move = 0; move < moves; move++)
        {
            // The two go by turns: by turns, too, they are at one daemon and at two.
            int who = move % 2;
            Daemon to = at[who] == left ? right : left;
            MigrationReport report = at[who].Send(who == 0 ? "mover" : "peer", to.Port, cancellation: TestContext.Current.CancellationToken);
            at[who] = to;
            pauses.Add(report.BlackoutMs);
            AwaitProgress(mover, $"mover after move {move}");
            AwaitProgress(peer, $"peer after move {move}");
        }
        Assert.Equal(2, left.Devices().Length + right.Devices().Length);
        string sentByMover = mover.Ask("stop");
        string sentByPeer = peer.Ask("stop");
        string moverSays = mover.Ask($"finish {sentByPeer}");
        string peerSays = peer.Ask($"finish {sentByMover}");
        pauses.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{moves} moves, blackout median {pauses[moves / 2]:F2} ms, p90 {pauses[moves * 9 / 10]:F2}, max {pauses[^1]:F2}; mover {moverSays}; peer {peerSays}"));
    }

    [Fact]
    public void Packets_that_come_too_late_are_dropped_and_counted()
    {
        using var left = new Daemon("127.16.20.1");
        using var right = new Daemon("127.16.20.2");
        using Child mover = Guest(left, "127.16.20.1", "mover");
        mover.ReadLine();
        using var stop = new CancellationTokenSource();
        var stream = new Thread(() => SendWithoutEnd("127.16.20.1", stop.Token));
        stream.Start();
        Daemon[] at = [left, right];
        long late = 0;
        for (int move = 0; late == 0; move++)
        {
            Assert.True(move < 50, "no packet came too late");
            late += at[move % 2].Send("mover", at[1 - (move % 2)].Port, cancellation: TestContext.Current.CancellationToken).LatePackets;
        }
        stop.Cancel();
        stream.Join();
        Assert.Equal(late, at.Sum(LatePackets));
    }

    private static long LatePackets(Daemon daemon)
    {
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        return connection.GetInfo().LatePackets;
    }

    private static void SendWithoutEnd(string address, CancellationToken stop)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        var to = new IPEndPoint(IPAddress.Parse(address), 4791);
        Span<byte> packet = stackalloc byte[32];
        while (!stop.IsCancellationRequested)
            socket.SendTo(packet, to);
    }

    internal static Child Guest(
        Daemon daemon, string address, string name, string script = "mixed", string peerScript = "mixed", int queuePairs = 8, int timeout = 14) =>
        new(
            "Migration.Tests",
            "guest",
            daemon.SocketPath,
            address,
            name,
            queuePairs.ToString(CultureInfo.InvariantCulture),
            script,
            peerScript,
            timeout.ToString(CultureInfo.InvariantCulture));

    internal static void Connect(Child a, Child b)
    {
        string endsOfA = a.ReadLine();
        string endsOfB = b.ReadLine();
        a.Ask($"connect {endsOfB}");
        b.Ask($"connect {endsOfA}");
        a.Ask("run");
        b.Ask("run");
    }

    internal static void AwaitProgress(Child guest, string who)
    {
        long before = Count(guest);
        for (int look = 0; Count(guest) < before + 100; look++)
        {
            Assert.True(look < 1000, $"{who} makes no progress");
            Thread.Sleep(10);
        }
    }

    private static long Count(Child guest) => long.Parse(guest.Ask("count"), CultureInfo.InvariantCulture);
}
