using System.Diagnostics;
using RoceEngine.Channel;

namespace Migration.Tests;

/// <summary>Something dies or breaks at each step of a move: the device goes on at one of the two daemons, and nothing is lost or doubled.</summary>
public sealed class FaultTests
{
    /// <summary>Offer, accepted, claimed, state, end of state, ready: the frames between the daemons, by their numbers.</summary>
    public static TheoryData<ushort> Steps => [1, 2, 4, 8, 9, 10];

    [Theory]
    [MemberData(nameof(Steps))]
    public void A_cut_connection_leaves_the_device_where_it_was(ushort step)
    {
        using var scene = new Scene(peerIsThere: true);
        scene.MoveThrough(step, () => { }, cuts: true);
        scene.ExpectMoverAt(scene.Here, scene.There);
        scene.ExpectAllRight();

        // And nothing is left over that would be in the way of the next attempt.
        Scene.Await(() => scene.Here.TrySend("mover", scene.There.Port), "the next attempt is refused");
        Assert.Contains("mover", scene.There.Devices());
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void A_killed_destination_leaves_the_device_where_it_was(ushort step)
    {
        using var scene = new Scene(peerIsThere: false);
        scene.MoveThrough(step, () => scene.There.Process.Kill(), cuts: false);
        scene.ExpectMoverAt(scene.Here, null);
        scene.ExpectAllRight();
    }

    [Fact]
    public void A_source_that_is_killed_when_all_was_there_does_not_keep_the_device_from_arriving()
    {
        using var scene = new Scene(peerIsThere: true);
        scene.MoveThrough(step: 10, () => scene.Here.Process.Kill(), cuts: false);
        scene.ExpectMoverAt(scene.There, null);
        scene.ExpectAllRight();
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void A_killed_guest_has_no_device_anywhere(ushort step)
    {
        using var scene = new Scene(peerIsThere: true);
        scene.MoveThrough(step, () => scene.Mover.Kill(), cuts: false);
        Scene.Await(() => !scene.Here.Devices().Contains("mover") && !scene.There.Devices().Contains("mover"), "the device of a killed guest is still there");
    }

    private sealed class Scene : IDisposable
    {
        private readonly Child _peer;

        public Scene(bool peerIsThere)
        {
            Here = new Daemon("127.15.2.1", peerIsThere ? [] : ["--address", "127.15.2.2"]);
            There = new Daemon("127.15.2.3", peerIsThere ? ["--address", "127.15.2.2"] : []);
            Mover = TrafficTests.Guest(Here, "127.15.2.1", "mover");
            _peer = TrafficTests.Guest(peerIsThere ? There : Here, "127.15.2.2", "peer");
            TrafficTests.Connect(Mover, _peer);
        }

        public Daemon Here { get; }

        public Daemon There { get; }

        public Child Mover { get; }

        /// <summary>Begins a move; what comes of it is not the question here.</summary>
        public void MoveThrough(ushort step, Action before, bool cuts)
        {
            using var proxy = new FrameProxy(There.Port, step, before, cuts);
            try
            {
                Here.Send("mover", proxy.Port);
            }
            catch (ChannelException)
            {
                // Refused, or the daemon that was asked is dead.
            }
            Assert.True(proxy.Seen > 0, $"no frame of type {step} came");
        }

        public void ExpectMoverAt(Daemon place, Daemon? elsewhere)
        {
            Await(() => place.Devices().Contains("mover"), "the device is not where it should be");
            Assert.DoesNotContain("mover", elsewhere?.Devices() ?? []);
        }

        /// <summary>Traffic goes on, and all of it so far was right.</summary>
        public void ExpectAllRight()
        {
            TrafficTests.AwaitProgress(Mover, "mover");
            TrafficTests.AwaitProgress(_peer, "peer");
            string sentByMover = Mover.Ask("stop");
            string sentByPeer = _peer.Ask("stop");
            Assert.StartsWith("ok", Mover.Ask($"finish {sentByPeer}"), StringComparison.Ordinal);
            Assert.StartsWith("ok", _peer.Ask($"finish {sentByMover}"), StringComparison.Ordinal);
        }

        public static void Await(Func<bool> condition, string otherwise)
        {
            long begin = Stopwatch.GetTimestamp();
            while (!condition())
            {
                Assert.True(Stopwatch.GetElapsedTime(begin).TotalSeconds < 10, otherwise);
                Thread.Sleep(20);
            }
        }

        public void Dispose()
        {
            Mover.Dispose();
            _peer.Dispose();
            Here.Dispose();
            There.Dispose();
        }
    }
}
