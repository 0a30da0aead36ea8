using System.Diagnostics;
using System.Globalization;
using RoceEngine.Channel;

namespace Migration.Tests;

/// <summary>A guest whose device is to move from one daemon to another while something goes wrong, and its peer at a third. What died is started anew.</summary>
internal sealed class Scene : IDisposable
{
    private readonly string _network;
    private readonly Daemon _elsewhere;
    private readonly Child _peer;

    /// <param name="network">The first three numbers of loopback addresses that nobody else uses.</param>
    public Scene(string network)
    {
        _network = network;
        _elsewhere = new Daemon($"{network}.3");
        Here = StartHere();
        There = StartThere();
        Mover = StartMover();
        _peer = TrafficTests.Guest(_elsewhere, $"{network}.3", "peer", timeout: TrafficTests.PatientTimeout);
    }

    public Daemon Here { get; private set; }

    public Daemon There { get; private set; }

    public Child Mover { get; private set; }

    public void Connect() => TrafficTests.Connect(Mover, _peer);

    /// <summary>Begins a move through a proxy. Null when it came about, or why it did not.</summary>
    public string? TryMoveThrough(FrameProxy proxy, string memory = "share", int patienceMs = 10_000, CancellationToken cancellation = default)
    {
        try
        {
            Here.Send("mover", proxy.Port, memory, patienceMs, cancellation: cancellation);
            return null;
        }
        catch (ChannelException e)
        {
            return e.Message;
        }
    }

    /// <summary>The device is at one of the two, and only there.</summary>
    public Daemon Whereabouts()
    {
        Daemon? place = null;
        Await(() => (place = Find()) is not null, () => $"the device is not at one place\n{Here.Process.Errors}\n{There.Process.Errors}");
        return place!;
    }

    /// <param name="place">The one of the two that has it.</param>
    /// <param name="when">What happened.</param>
    /// <param name="except">A daemon that cannot be asked.</param>
    public void ExpectMoverAt(Daemon place, string when, Daemon? except = null) => Await(() => Find(except) == place, () => $"the device is not where it should be {when}\n{Here.Process.Errors}\n{There.Process.Errors}");

    public void ExpectProgress(string when)
    {
        TrafficTests.AwaitProgress(Mover, $"mover {when}");
        TrafficTests.AwaitProgress(_peer, $"peer {when}");
    }

    /// <summary>Nothing is left over that would be in the way of another attempt, and all traffic so far was right.</summary>
    public void ExpectAllRight()
    {
        Daemon from = Whereabouts();
        Daemon to = from == Here ? There : Here;
        string? refusal = null;
        Await(() => (refusal = TrySend(from, to)) is null, $"the next attempt is refused: {refusal}");
        Assert.Equal(to, Whereabouts());
        ExpectProgress("after all");
        string sentByMover = Mover.Ask("stop");
        string sentByPeer = _peer.Ask("stop");
        Assert.StartsWith("ok", Mover.Ask($"finish {sentByPeer}"), StringComparison.Ordinal);
        Assert.StartsWith("ok", _peer.Ask($"finish {sentByMover}"), StringComparison.Ordinal);
    }

    /// <summary>Nobody has the device, and its address is free: another guest gets it.</summary>
    public void ExpectGoneEverywhere(string when) =>
        Await(() => !Devices(Here).Contains("mover") && !Devices(There).Contains("mover"), $"the device is still there {when}");

    /// <param name="host">Last number of its address: another one while the device has that of before elsewhere.</param>
    public void RestartHere(int host = 1)
    {
        Here.Dispose();
        Here = StartHere(host);
    }

    public void RestartThere()
    {
        There.Dispose();
        There = StartThere();
    }

    public void RestartMover()
    {
        Mover.Dispose();
        Mover = StartMover();
    }

    public static void Await(Func<bool> condition, string otherwise) => Await(condition, () => otherwise);

    private static void Await(Func<bool> condition, Func<string> otherwise)
    {
        long begin = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(begin).TotalSeconds > 20)
                Assert.Fail(otherwise());
            Thread.Sleep(20);
        }
    }

    public void Dispose()
    {
        Mover.Dispose();
        _peer.Dispose();
        Here.Dispose();
        There.Dispose();
        _elsewhere.Dispose();
    }

    private Daemon? Find(Daemon? except = null) => (except != Here && Devices(Here).Contains("mover"), except != There && Devices(There).Contains("mover")) switch
    {
        (true, false) => Here,
        (false, true) => There,
        _ => null,
    };

    private static string[] Devices(Daemon daemon)
    {
        try
        {
            return daemon.Devices();
        }
        catch (ChannelException)
        {
            return []; // It is dead.
        }
    }

    private static string? TrySend(Daemon from, Daemon to)
    {
        try
        {
            from.Send("mover", to.Port, cancellation: TestContext.Current.CancellationToken);
            return null;
        }
        catch (ChannelRefusedException e)
        {
            return e.Message;
        }
    }

    private Daemon StartHere(int host = 1) => new(string.Create(CultureInfo.InvariantCulture, $"{_network}.{host}"));

    private Daemon StartThere() => new($"{_network}.2");

    private Child StartMover() => TrafficTests.Guest(Here, $"{_network}.1", "mover", timeout: TrafficTests.PatientTimeout);
}
