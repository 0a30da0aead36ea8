using System.Buffers.Binary;
using System.Net;
using RoceEngine.Addresses;
using static Addresses.Tests.NetworkNamespace;
using static Addresses.Tests.TestLink;

namespace Addresses.Tests;

/// <summary>What a neighbour sees of an announcement, frame by frame.</summary>
public sealed class AnnouncementTests : IDisposable
{
    private const int PatienceMs = 10_000;
    private const int EthernetHeaderBytes = 14;
    private const int IPv6HeaderBytes = 40;

    private readonly TestLink _link = CreateOrSkip();

    public void Dispose() => _link.Dispose();

    private static bool IsArp(byte[] frame) => frame.AsSpan(12, 2).SequenceEqual((ReadOnlySpan<byte>)[0x08, 0x06]);

    private static bool IsAdvertisement(byte[] frame) =>
        frame.AsSpan(12, 2).SequenceEqual((ReadOnlySpan<byte>)[0x86, 0xDD]) && frame.Length > 54 && frame[20] == 58 && frame[54] == 136;

    private byte[] LinkAddressOfHostB() => In(_link.HostB, () =>
    {
        using RouteSocket route = RouteSocket.Open(out _)!;
        return route.FindLink(Interface, out _)!.LinkAddress;
    });

    private static List<byte[]> Take(FrameTap tap, Func<byte[], bool> isWanted, int count)
    {
        var frames = new List<byte[]>();
        while (frames.Count < count && tap.TryTake(isWanted, PatienceMs, out byte[]? frame))
            frames.Add(frame);
        Assert.Equal(count, frames.Count);
        Assert.False(tap.TryTake(isWanted, 100, out _));
        return frames;
    }

    [Fact]
    public async Task An_ipv4_address_is_announced_three_times_by_request_and_reply_to_everyone()
    {
        using FrameTap tap = In(_link.Peer, () => new FrameTap());
        Assert.Null(await In(_link.HostB, () => AddressAnnouncer.AnnounceAsync(IPAddress.Parse("10.12.0.2"), Interface)));
        string mac = Convert.ToHexString(LinkAddressOfHostB());
        string ethernet = "FFFFFFFFFFFF" + mac + "0806";
        string request = ethernet + "0001080006040001" + mac + "0A0C0002" + "000000000000" + "0A0C0002";
        string reply = ethernet + "0001080006040002" + mac + "0A0C0002" + mac + "0A0C0002";
        Assert.Equal([request, reply, request, reply, request, reply], Take(tap, IsArp, 6).Select(Convert.ToHexString));
    }

    [Fact]
    public async Task An_ipv6_address_is_announced_three_times_to_all_nodes_with_a_valid_checksum()
    {
        using FrameTap tap = In(_link.Peer, () => new FrameTap());
        Assert.Null(await In(_link.HostB, () => AddressAnnouncer.AnnounceAsync(IPAddress.Parse("fd12::2"), Interface)));
        string mac = Convert.ToHexString(LinkAddressOfHostB());
        foreach (byte[] frame in Take(tap, IsAdvertisement, 3))
        {
            Assert.Equal("333300000001" + mac + "86DD", Convert.ToHexString(frame, 0, EthernetHeaderBytes));
            byte[] packet = frame[EthernetHeaderBytes..];
            byte[] message = packet[IPv6HeaderBytes..];
            Assert.Equal(255, packet[7]);
            Assert.Equal(IPAddress.Parse("fd12::2"), new IPAddress(packet.AsSpan(8, 16)));
            Assert.Equal(IPAddress.Parse("ff02::1"), new IPAddress(packet.AsSpan(24, 16)));
            Assert.Equal(0xFFFF, PseudoHeaderSum(packet));
            message[2] = message[3] = 0;
            Assert.Equal("8800000020000000" + "FD120000000000000000000000000002" + "0201" + mac, Convert.ToHexString(message));
        }
    }

    [Fact]
    public async Task A_link_local_address_is_announced_on_its_link()
    {
        using FrameTap tap = In(_link.Peer, () => new FrameTap());
        IPAddress address = IPAddress.Parse("fe80::77");
        Assert.Null(In(_link.HostB, () => AddressOwner.TryAdd(address, 128, Interface)));
        Assert.Null(await In(_link.HostB, () => AddressAnnouncer.AnnounceAsync(address, Interface)));
        Assert.All(Take(tap, IsAdvertisement, 3), frame => Assert.Equal(address, new IPAddress(frame.AsSpan(62, 16))));
    }

    [Theory]
    [InlineData("10.12.0.10", 32)]
    [InlineData("fd12::10", 128)]
    public async Task An_address_that_moved_on_is_not_announced_again(string text, int prefixLength)
    {
        IPAddress address = IPAddress.Parse(text);
        using FrameTap tap = In(_link.Peer, () => new FrameTap());
        Assert.Null(In(_link.HostB, () => AddressOwner.TryAdd(address, prefixLength, Interface)));
        Task<string?> announced = In(_link.HostB, () => AddressAnnouncer.AnnounceAsync(address, Interface, TimeSpan.FromSeconds(1)));
        Assert.Null(In(_link.HostB, () => AddressOwner.TryRemove(address, prefixLength, Interface)));
        Assert.Equal($"{text} left eth0 after 1 of 3 announcements", await announced);
        if (prefixLength == 32)
            Take(tap, IsArp, 2);
        else
            Take(tap, IsAdvertisement, 1);
    }

    [Theory]
    [InlineData("10.12.0.99", Interface, "eth0 does not have 10.12.0.99, and announcing it would lead its packets astray")]
    [InlineData("10.12.0.2", "eth7", "there is no network interface named eth7")]
    [InlineData("10.12.0.2", "lo", "lo is not an Ethernet interface: its neighbours know 10.12.0.2 by no link address")]
    [InlineData("127.0.0.1", "lo", "127.0.0.1 is a loopback address, which no neighbour has to be told of")]
    [InlineData("::1", "lo", "::1 is a loopback address, which no neighbour has to be told of")]
    public async Task What_is_not_announced_is_told_in_a_sentence(string address, string interfaceName, string sentence) =>
        Assert.Equal(sentence, await In(_link.HostB, () => AddressAnnouncer.AnnounceAsync(IPAddress.Parse(address), interfaceName)));

    [Fact]
    public async Task An_interface_that_is_down_is_told()
    {
        Run($"-n {_link.HostB} link set eth0 down");
        string? sentence = await In(_link.HostB, () => AddressAnnouncer.AnnounceAsync(IPAddress.Parse("10.12.0.2"), Interface));
        Assert.Equal("announcing 10.12.0.2 on eth0 failed: Network is down (errno 100)", sentence);
    }

    /// <summary>Ones' complement sum of message and pseudo-header (RFC 8200, 8.1): all ones when the checksum is right.</summary>
    private static int PseudoHeaderSum(byte[] packet)
    {
        const int icmpv6 = 58;
        uint sum = (uint)(packet.Length - IPv6HeaderBytes) + icmpv6;
        for (int at = 8; at < packet.Length; at += 2)
            sum += BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(at));
        while (sum >> 16 != 0)
            sum = (sum & 0xFFFF) + (sum >> 16);
        return (int)sum;
    }
}
