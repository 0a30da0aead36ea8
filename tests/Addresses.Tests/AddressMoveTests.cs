using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using RoceEngine.Addresses;
using static Addresses.Tests.NetworkNamespace;
using static Addresses.Tests.TestLink;

namespace Addresses.Tests;

/// <summary>An address moves from host A to host B while a peer on the same link uses it.</summary>
public sealed class AddressMoveTests : IDisposable
{
    private const int Port = 4791;
    private const int PatienceMs = 10_000;

    private readonly TestLink _link = CreateOrSkip();

    public void Dispose() => _link.Dispose();

    private static Socket Bind(string host, IPAddress address, int port) => In(host, () =>
    {
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = PatienceMs };
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    });

    /// <summary>The link address that the peer has for an address.</summary>
    private string NeighbourOfPeer(IPAddress address)
    {
        string[] words = Run($"-n {_link.Peer} neigh show {address} dev {Interface}").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int at = Array.IndexOf(words, "lladdr");
        return at < 0 ? "none" : words[at + 1];
    }

    /// <summary>Waits until the peer sends to that host: for less time than it would take the peer to ask by itself.</summary>
    private void AssertPeerTurnsTo(string host, IPAddress address)
    {
        string expected = LinkAddressOf(host);
        long deadline = Environment.TickCount64 + 5_000;
        while (NeighbourOfPeer(address) != expected && Environment.TickCount64 < deadline)
            Thread.Sleep(10);
        Assert.Equal(expected, NeighbourOfPeer(address));
    }

    private static string LinkAddressOf(string host) =>
        In(host, () =>
        {
            using RouteSocket route = RouteSocket.Open(out _)!;
            byte[] bytes = route.FindLink(Interface, out _)!.LinkAddress;
            return string.Join(':', bytes.Select(each => each.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
        });

    /// <summary>Host A has the address, and the peer knows it there: its datagram arrives.</summary>
    private Socket StartOnHostA(IPAddress address, Socket peer)
    {
        Assert.Null(In(_link.HostA, () => AddressOwner.TryAdd(address, LocalAddresses.HostPrefixLength(address), Interface)));
        Socket atA = Bind(_link.HostA, address, Port);
        peer.SendTo("one"u8, new IPEndPoint(address, Port));
        Assert.Equal("one"u8.ToArray(), Receive(atA));
        Assert.Equal(LinkAddressOf(_link.HostA), NeighbourOfPeer(address));
        return atA;
    }

    private Socket MoveToHostB(IPAddress address)
    {
        int prefixLength = LocalAddresses.HostPrefixLength(address);
        Assert.Null(In(_link.HostA, () => AddressOwner.TryRemove(address, prefixLength, Interface)));
        Assert.Null(In(_link.HostB, () =>
        {
            OnLinkInterface found = LocalAddresses.FindInterfaceFor(address, out _)!;
            return AddressOwner.TryAdd(address, prefixLength, found.Name);
        }));
        return Bind(_link.HostB, address, Port);
    }

    private static byte[] Receive(Socket socket)
    {
        var buffer = new byte[64];
        return buffer[..socket.Receive(buffer)];
    }

    [Theory]
    [InlineData("10.12.0.10")]
    [InlineData("fd12::10")]
    public async Task Datagrams_follow_an_announced_address_at_once(string text)
    {
        IPAddress address = IPAddress.Parse(text);
        using Socket peer = Bind(_link.Peer, IPAddress.Parse(text.Contains(':', StringComparison.Ordinal) ? "fd12::3" : "10.12.0.3"), Port);
        using Socket atA = StartOnHostA(address, peer);
        using Socket atB = MoveToHostB(address);

        Task<string?> announced = In(_link.HostB, () => AddressAnnouncer.AnnounceAsync(address, Interface));
        Assert.Null(await announced);
        AssertPeerTurnsTo(_link.HostB, address);
        peer.SendTo("two"u8, new IPEndPoint(address, Port));
        Assert.Equal("two"u8.ToArray(), Receive(atB));
        atB.SendTo("three"u8, peer.LocalEndPoint!);
        Assert.Equal("three"u8.ToArray(), Receive(peer));
    }

    /// <summary>The reverse of the test above, which would prove nothing without it: an entry is good for 15 seconds at least.</summary>
    [Theory]
    [InlineData("10.12.0.10")]
    [InlineData("fd12::10")]
    public void Datagrams_do_not_follow_an_address_that_nobody_announced(string text)
    {
        IPAddress address = IPAddress.Parse(text);
        using Socket peer = Bind(_link.Peer, IPAddress.Parse(text.Contains(':', StringComparison.Ordinal) ? "fd12::3" : "10.12.0.3"), Port);
        using Socket atA = StartOnHostA(address, peer);
        using Socket atB = MoveToHostB(address);
        peer.SendTo("two"u8, new IPEndPoint(address, Port));
        Assert.False(atB.Poll(TimeSpan.FromMilliseconds(200), SelectMode.SelectRead));
        Assert.Equal(LinkAddressOf(_link.HostA), NeighbourOfPeer(address));
    }

    [Fact]
    public async Task An_address_can_go_back_within_the_second_in_which_linux_trusts_an_entry_most()
    {
        IPAddress address = IPAddress.Parse("10.12.0.10");
        using Socket peer = Bind(_link.Peer, IPAddress.Parse("10.12.0.3"), Port);
        using Socket atA = StartOnHostA(address, peer);
        using Socket atB = MoveToHostB(address);
        Assert.Null(await In(_link.HostB, () => AddressAnnouncer.AnnounceAsync(address, Interface)));
        AssertPeerTurnsTo(_link.HostB, address);

        Assert.Null(In(_link.HostB, () => AddressOwner.TryRemove(address, 32, Interface)));
        Assert.Null(In(_link.HostA, () => AddressOwner.TryAdd(address, 32, Interface)));
        Assert.Null(await In(_link.HostA, () => AddressAnnouncer.AnnounceAsync(address, Interface)));
        AssertPeerTurnsTo(_link.HostA, address);
        peer.SendTo("back"u8, new IPEndPoint(address, Port));
        Assert.Equal("back"u8.ToArray(), Receive(atA));
    }

    [Fact]
    public void The_caller_is_not_held_up_by_the_repetitions()
    {
        IPAddress address = IPAddress.Parse("10.12.0.2");
        var interval = TimeSpan.FromSeconds(30);
        var clock = Stopwatch.StartNew();
        Task<string?> announced = In(_link.HostB, () => AddressAnnouncer.AnnounceAsync(address, Interface, interval));
        Assert.False(announced.IsCompleted);
        Assert.True(clock.Elapsed < interval);
    }
}
