using System.Diagnostics;
using System.Globalization;
using RoceEngine.Channel;

namespace Migration.Tests;

/// <summary>
/// Something dies or breaks at each step of a move: the device goes on at one of the two daemons, never at both, and nothing is lost or doubled. When
/// nobody can go on with it, its guest learns so.
/// </summary>
public sealed class FaultTests
{
    /// <summary>The daemon there has taken the device, and says so.</summary>
    private const ushort Running = 11;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>
    /// What daemons say to each other until the device is taken, in order, by its numbers: when the guest takes its memory along, and when it is copied.
    /// </summary>
    private static ushort[] Steps(string memory) => memory == "share" ? [1, 2, 4, 8, 9] : [1, 2, 4, 5, 6, 7, 12, 8, 9];

    /// <summary>Where a process dies, which costs the start of another: all steps, without those that are the same for memory that is copied.</summary>
    private static ushort[] Deaths(string memory) => memory == "share" ? Steps(memory) : [5, 7, 12, 8, 9];

    /// <summary>From these on the device stands still.</summary>
    private static ushort[] FrozenSteps(string memory) => memory == "share" ? [8, 9] : [12, 8, 9];

    [Theory]
    [InlineData("share", "127.16.1")]
    [InlineData("copy", "127.16.2")]
    public void A_cut_connection_leaves_the_device_where_it_was(string memory, string network)
    {
        using var scene = new Scene(network);
        scene.Connect();
        foreach (ushort step in Steps(memory))
        {
            using var proxy = new FrameProxy(scene.There.Port, step, () => { }, cuts: true);
            Assert.NotNull(scene.TryMoveThrough(proxy, memory, cancellation: Cancellation));
            Assert.True(proxy.Seen > 0, $"no frame of type {step} came");
            scene.ExpectMoverAt(scene.Here, $"after a cut at frame {step}");
            scene.ExpectProgress($"after a cut at frame {step}");
        }
        scene.ExpectAllRight();
    }

    [Theory]
    [InlineData("share", "127.16.3")]
    [InlineData("copy", "127.16.4")]
    public void A_network_that_falls_silent_keeps_no_frozen_device_waiting(string memory, string network)
    {
        using var scene = new Scene(network);
        scene.Connect();
        var waits = new List<string>();
        foreach (ushort step in FrozenSteps(memory))
        {
            TimeSpan waited = FallSilent(scene, memory, step);
            waits.Add(string.Create(CultureInfo.InvariantCulture, $"{step}: {waited.TotalMilliseconds:F0} ms"));

            // Far above the patience, for a busy machine; far below the ten seconds of a connection that has nothing to say.
            Assert.True(waited < TimeSpan.FromSeconds(5), $"silent at frame {step}: {waited}");
            scene.ExpectMoverAt(scene.Here, $"after silence at frame {step}");
            scene.ExpectProgress($"after silence at frame {step}");
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"from silence to the end: {string.Join(", ", waits)}");
        scene.ExpectAllRight();
    }

    [Theory]
    [InlineData("share", "127.16.5")]
    [InlineData("copy", "127.16.6")]
    public void A_move_that_hangs_before_the_device_stands_still_can_be_called_off(string memory, string network)
    {
        using var scene = new Scene(network);
        scene.Connect();
        foreach (ushort step in Steps(memory).Except(FrozenSteps(memory)))
        {
            using var cancellation = new CancellationTokenSource();
            using var proxy = new FrameProxy(scene.There.Port, step, () => cancellation.CancelAfter(50), cuts: false, silences: true);
            Assert.Contains("called off", scene.TryMoveThrough(proxy, memory, cancellation: cancellation.Token), StringComparison.Ordinal);
            scene.ExpectMoverAt(scene.Here, $"after silence at frame {step}");
            scene.ExpectProgress($"after silence at frame {step}");
        }
        scene.ExpectAllRight();
    }

    [Theory]
    [InlineData("share", "127.16.7")]
    [InlineData("copy", "127.16.8")]
    public void A_killed_destination_leaves_the_device_where_it_was(string memory, string network)
    {
        using var scene = new Scene(network);
        scene.Connect();
        foreach (ushort step in Deaths(memory))
        {
            using var proxy = new FrameProxy(scene.There.Port, step, scene.There.Process.Kill, cuts: false);
            Assert.NotNull(scene.TryMoveThrough(proxy, memory, cancellation: Cancellation));
            Assert.True(proxy.Seen > 0, $"no frame of type {step} came");
            scene.ExpectMoverAt(scene.Here, $"when the other daemon died at frame {step}");
            scene.ExpectProgress($"when the other daemon died at frame {step}");
            scene.RestartThere();
        }
        scene.ExpectAllRight();
    }

    [Theory]
    [InlineData("share", "127.16.9")]
    [InlineData("copy", "127.16.10")]
    public void A_guest_of_a_killed_source_learns_that_its_device_is_lost(string memory, string network)
    {
        using var scene = new Scene(network);
        foreach (ushort step in Deaths(memory).Where(step => step != 9))
        {
            scene.Mover.ReadLine();
            using (var proxy = new FrameProxy(scene.There.Port, step, scene.Here.Process.Kill, cuts: false))
                Assert.NotNull(scene.TryMoveThrough(proxy, memory, cancellation: Cancellation));
            string said = scene.Mover.ReadToEnd();
            Assert.StartsWith("bad DeviceLostException: ", said, StringComparison.Ordinal);
            scene.ExpectGoneEverywhere($"when its daemon died at frame {step}");
            scene.RestartHere();
            scene.RestartMover();
        }
        scene.Connect();
        scene.ExpectAllRight();
    }

    /// <summary>When all has left, or is there, the device goes on without the daemon that it came from.</summary>
    [Theory]
    [InlineData("share", 9, "127.16.11")]
    [InlineData("share", Running, "127.16.11")]
    [InlineData("copy", 9, "127.16.11")]
    [InlineData("copy", Running, "127.16.11")]
    public void A_source_that_is_killed_when_all_was_sent_does_not_keep_the_device_from_arriving(string memory, ushort step, string network)
    {
        using var scene = new Scene(network);
        scene.Connect();
        using var proxy = new FrameProxy(scene.There.Port, step, scene.Here.Process.Kill, cuts: false);
        scene.TryMoveThrough(proxy, memory, cancellation: Cancellation);
        scene.ExpectMoverAt(scene.There, "when its daemon died");
        scene.RestartHere(host: 4);
        scene.ExpectAllRight();
    }

    /// <summary>The word that all three see decides, and no message: what the network does from then on changes nothing.</summary>
    [Theory]
    [InlineData("share", false, "127.16.19")]
    [InlineData("share", true, "127.16.20")]
    [InlineData("copy", false, "127.16.21")]
    [InlineData("copy", true, "127.16.22")]
    public void A_network_that_fails_when_the_device_was_taken_does_not_bring_it_back(string memory, bool silences, string network)
    {
        using var scene = new Scene(network);
        scene.Connect();
        using var proxy = new FrameProxy(scene.There.Port, Running, () => { }, cuts: !silences, silences);
        Assert.Null(scene.TryMoveThrough(proxy, memory, MigrateRequest.PatienceMsDefault, Cancellation));

        // With copied memory the guest may bring the news first, and the connection ends before this frame.
        Assert.True(proxy.Seen > 0 || memory == "copy", "the daemon there did not say that the device runs");
        scene.ExpectMoverAt(scene.There, "when the word of its arrival was lost");
        scene.ExpectProgress("when the word of its arrival was lost");
        scene.ExpectAllRight();
    }

    /// <summary>What was taken is not here any more, so it does not come back from the dead with sequence numbers of before.</summary>
    [Theory]
    [InlineData("share", "127.16.23")]
    [InlineData("copy", "127.16.24")]
    public void A_device_that_was_taken_is_lost_with_its_new_daemon(string memory, string network)
    {
        using var scene = new Scene(network);
        scene.Mover.ReadLine();
        using (var proxy = new FrameProxy(scene.There.Port, Running, scene.There.Process.Kill, cuts: false))
            _ = scene.TryMoveThrough(proxy, memory, cancellation: Cancellation);

        // With copied memory the guest may bring the news first, and the connection ends before this frame.
        scene.There.Process.Kill();
        Assert.StartsWith("bad DeviceLostException: ", scene.Mover.ReadToEnd(), StringComparison.Ordinal);
        scene.ExpectGoneEverywhere("when the daemon that took it died");
        scene.RestartThere();
        scene.RestartMover();
        scene.Connect();
        scene.ExpectAllRight();
    }

    /// <summary>The daemon here gave up a silent network and has the device back: the one there, which gets the last of the state later, finds it withdrawn.</summary>
    [Fact]
    public void A_destination_that_is_stopped_for_a_while_does_not_take_what_was_withdrawn()
    {
        using var scene = new Scene("127.16.25");
        scene.Connect();
        using var proxy = new FrameProxy(scene.There.Port, 9, () => scene.There.Process.Signal("STOP"), cuts: false);
        Assert.NotNull(scene.TryMoveThrough(proxy, patienceMs: MigrateRequest.PatienceMsDefault, cancellation: Cancellation));
        scene.ExpectMoverAt(scene.Here, "when the other daemon stood still", except: scene.There);
        scene.ExpectProgress("when the other daemon stood still");
        scene.There.Process.Signal("CONT");
        scene.ExpectMoverAt(scene.Here, "when the other daemon went on");
        scene.ExpectProgress("when the other daemon went on");
        scene.ExpectAllRight();
    }

    [Theory]
    [InlineData("share", "127.16.12")]
    [InlineData("copy", "127.16.13")]
    public void A_killed_guest_has_no_device_anywhere_and_the_move_is_no_success(string memory, string network)
    {
        using var scene = new Scene(network);
        foreach (ushort step in (ushort[])[.. Deaths(memory), Running])
        {
            scene.Mover.ReadLine();
            using (var proxy = new FrameProxy(scene.There.Port, step, scene.Mover.Kill, cuts: false))
            {
                // When it dies once the device was taken, it may have followed just before.
                string? refusal = scene.TryMoveThrough(proxy, memory, cancellation: Cancellation);
                Assert.True(refusal is not null || step == Running, $"a guest that died at frame {step} has moved");
            }

            // With copied memory the guest may bring the news first, and the connection ends before this frame.
            if (step == Running)
                scene.Mover.Kill();
            scene.ExpectGoneEverywhere($"when its guest died at frame {step}");
            scene.RestartMover();
        }
        scene.Connect();
        scene.ExpectAllRight();
    }

    [Theory]
    [InlineData("share", "127.16.14")]
    [InlineData("copy", "127.16.15")]
    public void A_command_that_dies_or_is_interrupted_leaves_the_device_at_one_place(string memory, string network)
    {
        using var scene = new Scene(network);
        scene.Connect();
        foreach (ushort step in memory == "share" ? (ushort[])[1, 4, 9, Running] : [5, 9, Running])
        {
            foreach (string signal in (string[])["KILL", "INT"])
            {
                Daemon from = scene.Whereabouts();
                Daemon to = from == scene.Here ? scene.There : scene.Here;
                Child? command = null;
                using var started = new ManualResetEventSlim();
                using var proxy = new FrameProxy(to.Port, step, () => SendSignal(started, () => command, signal), cuts: false);
                using (command = Migrate(from, proxy.Port, memory))
                {
                    started.Set();
                    int exit = command.AwaitExit();
                    Daemon place = scene.Whereabouts();
                    if (signal == "INT")
                        Assert.Equal(place == from ? 130 : 0, exit);
                }
                scene.ExpectProgress($"after {signal} at frame {step}");
            }
        }
        scene.ExpectAllRight();
    }

    [Theory]
    [InlineData("share", 9, "127.16.16")]
    [InlineData("copy", 9, "127.16.16")]
    public void A_destination_that_is_told_to_stop_when_all_is_there_lets_the_device_go_back(string memory, ushort step, string network)
    {
        using var scene = new Scene(network);
        scene.Connect();
        using var proxy = new FrameProxy(scene.There.Port, step, () => Terminate(scene.There), cuts: false);
        long begin = Stopwatch.GetTimestamp();
        string? refusal = scene.TryMoveThrough(proxy, memory, cancellation: Cancellation);
        Assert.NotNull(refusal);
        Assert.Equal(0, scene.There.Process.AwaitExit());
        Assert.True(Stopwatch.GetElapsedTime(begin) < TimeSpan.FromSeconds(10), "the daemon does not stop");
        scene.ExpectMoverAt(scene.Here, "when the other daemon stopped");
        scene.ExpectProgress("when the other daemon stopped");
        scene.RestartThere();
        scene.ExpectAllRight();
    }

    [Theory]
    [InlineData("share", 9, "127.16.17")]
    [InlineData("share", Running, "127.16.17")]
    [InlineData("copy", 9, "127.16.17")]
    public void A_source_that_is_told_to_stop_when_all_is_there_lets_the_device_go(string memory, ushort step, string network)
    {
        using var scene = new Scene(network);
        scene.Connect();
        using var proxy = new FrameProxy(scene.There.Port, step, () => Terminate(scene.Here), cuts: false);
        scene.TryMoveThrough(proxy, memory, cancellation: Cancellation);
        Assert.Equal(0, scene.Here.Process.AwaitExit());
        scene.ExpectMoverAt(scene.There, "when its daemon stopped");
        scene.RestartHere(host: 4);
        scene.ExpectAllRight();
    }

    [Fact]
    public void A_daemon_stops_without_a_warning()
    {
        using var daemon = new Daemon("127.16.18.1");
        daemon.Process.Signal("TERM");
        Assert.Equal(0, daemon.Process.AwaitExit());
        Assert.DoesNotContain("warn", daemon.Process.Errors, StringComparison.OrdinalIgnoreCase);
    }

    private static Child Migrate(Daemon from, int port, string memory) => new(
        "vrdma", "migrate", "mover", "--to", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"), "--memory", memory, "--insecure", "--socket", from.SocketPath);

    /// <summary>From the silence to the end of the attempt.</summary>
    private static TimeSpan FallSilent(Scene scene, string memory, ushort step)
    {
        // On a busy machine the patience may be over before the frame comes.
        for (int attempt = 0; attempt < 10; attempt++)
        {
            long silentAt = 0;
            using var proxy = new FrameProxy(scene.There.Port, step, () => silentAt = Stopwatch.GetTimestamp(), cuts: false, silences: true);
            Assert.NotNull(scene.TryMoveThrough(proxy, memory, MigrateRequest.PatienceMsDefault, Cancellation));
            if (proxy.Seen > 0)
                return Stopwatch.GetElapsedTime(silentAt);
        }
        throw new InvalidOperationException($"no frame of type {step} came");
    }

    private static void SendSignal(ManualResetEventSlim started, Func<Child?> command, string signal)
    {
        Assert.True(started.Wait(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        command()!.Signal(signal);

        // Time for the daemon to hear of it.
        Thread.Sleep(100);
    }

    private static void Terminate(Daemon daemon)
    {
        daemon.Process.Signal("TERM");
        Thread.Sleep(300);
    }
}
