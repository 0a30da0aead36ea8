using System.Net;
using System.Runtime.InteropServices;
using RoceEngine.Addresses;
using RoceEngine.Interop;

namespace Addresses.Tests;

/// <summary>The bytes of rtnetlink on a little-endian machine, written out by hand from the kernel's headers.</summary>
public class RouteMessageTests
{
    private static string Change(bool add, string address, int prefixLength, int interfaceIndex)
    {
        var buffer = new byte[RouteMessages.RequestBytesMax];
        int bytes = RouteMessages.WriteAddressChange(buffer, add, 0x01020304, IPAddress.Parse(address), prefixLength, interfaceIndex);
        return Convert.ToHexString(buffer, 0, bytes);
    }

    [Fact]
    public void An_ipv4_address_is_added_exclusively_and_with_an_acknowledgement() => Assert.Equal(
        "28000000" + "1400" + "0506" + "04030201" + "00000000" // length, RTM_NEWADDR, REQUEST ACK EXCL CREATE, sequence, port
        + "02200000" + "07000000" // AF_INET, /32, flags, scope, interface
        + "08000200" + "0A0C000A" // IFA_LOCAL
        + "08000100" + "0A0C000A", // IFA_ADDRESS
        Change(add: true, "10.12.0.10", 32, 7));

    [Fact]
    public void An_ipv6_address_is_added_without_duplicate_address_detection_and_as_nobodys_source() => Assert.Equal(
        "54000000" + "1400" + "0506" + "04030201" + "00000000"
        + "0A800200" + "00010000" // AF_INET6, /128, IFA_F_NODAD, scope, interface
        + "14000200" + "FD120000000000000000000000000010"
        + "14000100" + "FD120000000000000000000000000010"
        + "14000600" + "00000000" + "FFFFFFFF" + "0000000000000000", // IFA_CACHEINFO: preferred for 0 s, valid for ever
        Change(add: true, "fd12::10", 128, 256));

    [Fact]
    public void A_removal_names_address_and_prefix_length() => Assert.Equal(
        "28000000" + "1500" + "0500" + "04030201" + "00000000"
        + "02180000" + "07000000"
        + "08000200" + "0A0C000A"
        + "08000100" + "0A0C000A",
        Change(add: false, "10.12.0.10", 24, 7));

    [Fact]
    public void Dumps_ask_for_everything_but_statistics()
    {
        var buffer = new byte[RouteMessages.RequestBytesMax];
        int bytes = RouteMessages.WriteAddressDump(buffer, 9);
        Assert.Equal("18000000" + "1600" + "0103" + "09000000" + "00000000" + "0000000000000000", Convert.ToHexString(buffer, 0, bytes));
        bytes = RouteMessages.WriteLinkDump(buffer, 9);
        Assert.Equal(
            "28000000" + "1200" + "0103" + "09000000" + "00000000" + "00000000000000000000000000000000" + "08001D00" + "08000000",
            Convert.ToHexString(buffer, 0, bytes));
    }

    [Fact]
    public void A_point_to_point_address_has_the_other_ends_prefix()
    {
        var links = new Dictionary<int, LinkInfo> { [7] = new(7, "tun0", NetlinkConstants.IFF_UP, 0xFFFE, []) };
        byte[] payload = Convert.FromHexString("02180000" + "07000000" + "08000100" + "0A0C0105" + "08000200" + "0A0C0001");
        LocalAddress read = RouteMessages.ReadAddress(payload, links)!;
        Assert.Equal((IPAddress.Parse("10.12.0.1"), IPAddress.Parse("10.12.1.5")), (read.Address, read.PrefixAddress));
        Assert.Equal((24, "tun0", 7), (read.PrefixLength, read.InterfaceName, read.InterfaceIndex));
    }

    [Fact]
    public void Link_local_addresses_carry_their_interface_as_scope()
    {
        var links = new Dictionary<int, LinkInfo> { [7] = new(7, "eth0", NetlinkConstants.IFF_UP, 1, []) };
        byte[] payload = Convert.FromHexString("0A408000" + "07000000" + "14000100" + "FE800000000000000000000000000001");
        Assert.Equal(IPAddress.Parse("fe80::1%7"), RouteMessages.ReadAddress(payload, links)!.Address);
    }

    [Theory]
    [InlineData("02180000" + "08000000" + "08000200" + "0A0C0001")] // an interface that is not listed
    [InlineData("02180000" + "07000000" + "0C000200" + "0A0C0001")] // an attribute longer than the message
    [InlineData("02180000" + "07000000" + "03000200" + "0A0C0001")] // an attribute shorter than its header
    [InlineData("0A400000" + "07000000" + "08000200" + "0A0C0001")] // an IPv6 address of four bytes
    [InlineData("1C180000" + "07000000" + "08000200" + "0A0C0001")] // another family
    [InlineData("0218")]
    public void What_is_no_address_of_ours_reads_as_none(string payload)
    {
        var links = new Dictionary<int, LinkInfo> { [7] = new(7, "eth0", NetlinkConstants.IFF_UP, 1, []) };
        Assert.Null(RouteMessages.ReadAddress(Convert.FromHexString(payload), links));
    }

    [Fact]
    public void Messages_are_taken_one_by_one_and_an_impossible_length_ends_the_walk()
    {
        var first = new NetlinkMessageHeader { Length = 18, Type = 1 };
        var second = new NetlinkMessageHeader { Length = 16, Type = 2 };
        var lying = new NetlinkMessageHeader { Length = 17, Type = 3 };
        var buffer = new byte[20 + 16 + 16];
        MemoryMarshal.Write(buffer, in first);
        buffer[16] = 0xAB;
        MemoryMarshal.Write(buffer.AsSpan(20), in second);
        MemoryMarshal.Write(buffer.AsSpan(36), in lying);

        ReadOnlySpan<byte> rest = buffer;
        Assert.True(RouteMessages.TryTake(ref rest, out NetlinkMessageHeader taken, out ReadOnlySpan<byte> payload));
        Assert.Equal((1, 2, 0xAB), ((int)taken.Type, payload.Length, (int)payload[0]));
        Assert.True(RouteMessages.TryTake(ref rest, out taken, out payload));
        Assert.Equal((2, 0), ((int)taken.Type, payload.Length));
        Assert.False(RouteMessages.TryTake(ref rest, out _, out _));
    }
}
