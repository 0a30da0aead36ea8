using System.Net;
using RoceEngine.Addresses;
using static Addresses.Tests.NetworkNamespace;
using static Addresses.Tests.TestLink;

namespace Addresses.Tests;

public sealed class LocalAddressTests : IDisposable
{
    private readonly TestLink _link = CreateOrSkip();

    public void Dispose() => _link.Dispose();

    private OnLinkInterface? InterfaceFor(string address) => In(_link.HostA, () =>
    {
        OnLinkInterface? found = LocalAddresses.FindInterfaceFor(IPAddress.Parse(address), out string? problem);
        Assert.Null(problem);
        return found;
    });

    [Fact]
    public void All_addresses_of_the_namespace_are_listed()
    {
        IReadOnlyList<LocalAddress> list = In(_link.HostA, () => LocalAddresses.List(out _));
        Assert.Contains(list, it => (it.Address.ToString(), it.PrefixLength, it.InterfaceName) == ("127.0.0.1", 8, "lo"));
        Assert.Contains(list, it => (it.Address.ToString(), it.PrefixLength, it.InterfaceName) == ("10.12.0.1", 24, "eth0"));
        Assert.Contains(list, it => (it.Address.ToString(), it.PrefixLength, it.InterfaceName) == ("fd12::1", 64, "eth0"));
        Assert.DoesNotContain(list, it => it.Address.ToString() == "10.12.0.2");
    }

    [Fact]
    public void A_link_local_address_is_found_with_and_without_its_scope_but_not_with_another()
    {
        In(_link.HostA, () => AddressOwner.TryAdd(IPAddress.Parse("fe80::77"), 64, Interface));
        (LocalAddress? bare, LocalAddress? scoped, LocalAddress? elsewhere) = In(_link.HostA, () =>
        {
            LocalAddress? found = LocalAddresses.Find(IPAddress.Parse("fe80::77"), out _);
            int index = found?.InterfaceIndex ?? 0;
            return (
                found, LocalAddresses.Find(IPAddress.Parse($"fe80::77%{index}"), out _),
                LocalAddresses.Find(IPAddress.Parse($"fe80::77%{index + 1000}"), out _));
        });
        Assert.NotNull(bare);
        Assert.Equal(bare, scoped);
        Assert.Null(elsewhere);
    }

    [Theory]
    [InlineData("10.12.0.99")]
    [InlineData("::ffff:10.12.0.99")]
    [InlineData("fd12::99")]
    public void The_interface_of_an_address_is_the_one_with_its_prefix(string address) => Assert.Equal("eth0", InterfaceFor(address)!.Name);

    [Theory]
    [InlineData("192.0.2.1")]
    [InlineData("2001:db8::1")]
    [InlineData("127.0.0.5")]
    [InlineData("::1")]
    [InlineData("fe80::99")]
    [InlineData("224.0.0.1")]
    public void An_address_of_no_link_has_no_interface(string address) => Assert.Null(InterfaceFor(address));

    [Fact]
    public void The_longest_prefix_of_an_interface_that_is_up_wins()
    {
        Run($"-n {_link.HostA} link add other type veth peer name far");
        Run($"-n {_link.HostA} addr add 10.12.0.65/26 dev other");
        Assert.Equal("eth0", InterfaceFor("10.12.0.99")!.Name);
        Run($"-n {_link.HostA} link set other up");
        OnLinkInterface found = InterfaceFor("10.12.0.99")!;
        Assert.Equal(("other", 26), (found.Name, found.PrefixLength));
        Assert.Equal("eth0", InterfaceFor("10.12.0.129")!.Name);
    }
}
