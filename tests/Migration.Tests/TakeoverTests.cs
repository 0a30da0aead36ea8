using RoceEngine.Channel;

namespace Migration.Tests;

/// <summary>Daemons on hosts of their own: the address goes along with the device, from interface to interface, and peers follow it.</summary>
public sealed class TakeoverTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("10.214.73.10", "10.214.73.3", "10.214.73.1", "10.214.73.2")]
    [InlineData("fd12:73::10", "fd12:73::3", "fd12:73::1", "fd12:73::2")]
    public void A_peer_follows_an_address_that_moves_with_its_device(string address, string peerAddress, string hereAddress, string thereAddress)
    {
        using TestNetwork network = TestNetwork.CreateOrSkip();
        using Daemon here = Start(network, 1, address, hereAddress, "--own-addresses");
        using Daemon there = Start(network, 2, thereAddress, thereAddress, "--own-addresses");
        using Daemon elsewhere = new(network.On(3), peerAddress, []);
        Assert.False(network.Has(1, address), "an address without a device");
        using Child mover = TrafficTests.Guest(here, address, "mover", timeout: TrafficTests.PatientTimeout);
        using Child peer = TrafficTests.Guest(elsewhere, peerAddress, "peer", timeout: TrafficTests.PatientTimeout);
        TrafficTests.Connect(mover, peer);
        TrafficTests.AwaitProgress(peer, "peer at first");
        Assert.Equal(1, network.Neighbour(3, address));

        Move(here, there, thereAddress);
        Assert.False(network.Has(1, address), "the address stayed");
        Scene.Await(() => network.Neighbour(3, address) == 2, "the peer was not told");
        TrafficTests.AwaitProgress(mover, "mover after the move");
        TrafficTests.AwaitProgress(peer, "peer after the move");

        Move(there, here, hereAddress);
        Assert.False(network.Has(2, address), "the address stayed there");
        Scene.Await(() => network.Neighbour(3, address) == 1, "the peer was not told of the way back");
        TrafficTests.AwaitProgress(peer, "peer after the way back");
        string sentByMover = mover.Ask("stop");
        string sentByPeer = peer.Ask("stop");
        Assert.StartsWith("ok", mover.Ask($"finish {sentByPeer}"), StringComparison.Ordinal);
        Assert.StartsWith("ok", peer.Ask($"finish {sentByMover}"), StringComparison.Ordinal);
        mover.Kill();
        Scene.Await(() => !network.Has(1, address), "the address outlives its device");
    }

    [Fact]
    public void A_device_that_comes_back_takes_its_address_again()
    {
        const string address = "10.214.73.10";
        using TestNetwork network = TestNetwork.CreateOrSkip();
        using Daemon here = Start(network, 1, address, "10.214.73.1", "--own-addresses");

        // Another process has the port: all goes well until the device is to be bound.
        using Daemon there = Start(network, 2, "10.214.73.2", "10.214.73.2", "--own-addresses");
        using Child thief = new("ip", [.. network.On(2)[1..], "python3", "-c", "import socket,sys;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.setsockopt(0,15,1);s.bind(('10.214.73.10',4791));print('bound',flush=True);sys.stdin.read()"]);
        thief.ReadLine();
        using Child mover = TrafficTests.Guest(here, address, "mover", timeout: TrafficTests.PatientTimeout);
        mover.ReadLine();
        ChannelRefusedException refusal = Assert.Throws<ChannelRefusedException>(() => Move(here, there, "10.214.73.2"));
        Assert.Contains("in use", refusal.Message, StringComparison.Ordinal);
        Assert.True(network.Has(1, address), "the address did not come back");
        Scene.Await(() => !network.Has(2, address), "the address is at both hosts");
        Assert.Contains("mover", here.Devices());
    }

    [Fact]
    public void Addresses_that_nobody_may_add_or_take_off_keep_devices_where_they_are()
    {
        using TestNetwork network = TestNetwork.CreateOrSkip();
        using Daemon owner = Start(network, 1, "10.214.73.10-10.214.73.11", "10.214.73.1", "--own-addresses");
        using Daemon modest = Start(network, 2, "10.214.73.2", "10.214.73.2");
        using Daemon otherOwner = Start(network, 3, "10.214.73.3", "10.214.73.3", "--own-addresses");
        using Child first = TrafficTests.Guest(owner, "10.214.73.10", "first");
        using Child second = TrafficTests.Guest(modest, "10.214.73.2", "second");
        using Child third = TrafficTests.Guest(otherOwner, "10.214.73.3", "third");
        first.ReadLine();
        second.ReadLine();
        third.ReadLine();
        Assert.Contains("10.214.73.10 is not available there: that machine does not have it", Refusal(owner, "first", "10.214.73.2", modest), StringComparison.Ordinal);
        Assert.Contains("10.214.73.2 cannot leave this host: this daemon was not told", Refusal(modest, "second", "10.214.73.3", otherOwner), StringComparison.Ordinal);
        Assert.Contains("with prefix length 24", Refusal(otherOwner, "third", "10.214.73.1", owner), StringComparison.Ordinal);
        Assert.True(network.Has(1, "10.214.73.10"));
        Assert.Equal(["second"], modest.Devices());
    }

    private static Daemon Start(TestNetwork network, int host, string addresses, string listen, params string[] more) =>
        new(network.On(host), addresses, ["--migrate-listen", listen.Contains(':', StringComparison.Ordinal) ? $"[{listen}]:0" : $"{listen}:0", "--insecure-migration", .. more]);

    private static string Refusal(Daemon from, string device, string host, Daemon to) =>
        Assert.Throws<ChannelRefusedException>(() => from.Send(device, to.Port, host: host, cancellation: Cancellation)).Message;

    private static void Move(Daemon from, Daemon to, string host) => from.Send("mover", to.Port, host: host, cancellation: Cancellation);
}
