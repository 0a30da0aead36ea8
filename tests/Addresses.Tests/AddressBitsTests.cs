using System.Net;
using RoceEngine.Addresses;

namespace Addresses.Tests;

public class AddressBitsTests
{
    [Theory]
    [InlineData("10.12.0.1", "10.12.0.200", 24, true)]
    [InlineData("10.12.0.1", "10.12.1.1", 24, false)]
    [InlineData("10.12.0.1", "10.12.1.1", 23, true)]
    [InlineData("10.12.0.1", "10.12.0.2", 32, false)]
    [InlineData("10.12.0.1", "192.0.2.1", 0, true)]
    [InlineData("fd12::1", "fd12::1:0:0:0:1", 64, false)]
    [InlineData("fd12::1", "fd12::ffff:0:0:1", 64, true)]
    [InlineData("fd12::1", "10.12.0.1", 0, false)]
    public void Prefixes_are_compared_to_the_bit(string left, string right, int bits, bool common) =>
        Assert.Equal(common, AddressBits.HaveCommonPrefix(IPAddress.Parse(left), IPAddress.Parse(right), bits));

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.11.3.4", true)]
    [InlineData("::1", true)]
    [InlineData("::ffff:127.9.9.9", true)]
    [InlineData("128.0.0.1", false)]
    [InlineData("::2", false)]
    public void Loopback_addresses_are_known_in_every_form(string address, bool isLoopback) =>
        Assert.Equal(isLoopback, LocalAddresses.IsLoopback(IPAddress.Parse(address)));

    [Theory]
    [InlineData("10.12.0.1", 32)]
    [InlineData("::ffff:10.12.0.1", 32)]
    [InlineData("fd12::1", 128)]
    public void A_migrating_address_is_its_own_subnet(string address, int prefixLength) =>
        Assert.Equal(prefixLength, LocalAddresses.HostPrefixLength(IPAddress.Parse(address)));

    [Theory]
    [InlineData("10.12.0.1", true)]
    [InlineData("fe80::1", true)]
    [InlineData("0.0.0.0", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::", false)]
    [InlineData("ff02::1", false)]
    public void Only_unicast_addresses_have_an_owner(string address, bool isUnicast) =>
        Assert.Equal(isUnicast, LocalAddresses.IsUnicast(IPAddress.Parse(address)));
}
