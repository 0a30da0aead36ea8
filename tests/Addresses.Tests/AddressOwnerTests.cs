using System.Net;
using System.Net.Sockets;
using RoceEngine.Addresses;
using static Addresses.Tests.NetworkNamespace;
using static Addresses.Tests.TestLink;

namespace Addresses.Tests;

public sealed class AddressOwnerTests : IDisposable
{
    private readonly TestLink _link = CreateOrSkip();

    public void Dispose() => _link.Dispose();

    private T OnHostA<T>(Func<T> function) => In(_link.HostA, function);

    private LocalAddress? FindOnHostA(string address) => OnHostA(() =>
    {
        LocalAddress? found = LocalAddresses.Find(IPAddress.Parse(address), out string? problem);
        Assert.Null(problem);
        return found;
    });

    private static (string? Problem, bool Added) Add(string address, int prefixLength, string interfaceName = Interface) =>
        (AddressOwner.TryAdd(IPAddress.Parse(address), prefixLength, interfaceName, out bool added), added);

    private static (string? Problem, bool Removed) Remove(string address, int prefixLength, string interfaceName = Interface) =>
        (AddressOwner.TryRemove(IPAddress.Parse(address), prefixLength, interfaceName, out bool removed), removed);

    [Theory]
    [InlineData("10.12.0.10", 32)]
    [InlineData("::ffff:10.12.0.10", 32)]
    [InlineData("fd12::10", 128)]
    public void An_address_comes_and_goes_and_can_be_used_at_once(string text, int prefixLength)
    {
        IPAddress address = IPAddress.Parse(text);
        Assert.Null(FindOnHostA(text));
        Assert.Equal((null, true), OnHostA(() => Add(text, prefixLength)));
        LocalAddress found = FindOnHostA(text)!;
        Assert.Equal((prefixLength, Interface), (found.PrefixLength, found.InterfaceName));
        OnHostA(() =>
        {
            using var socket = new Socket(found.Address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(found.Address, 0));
            return 0;
        });

        Assert.Equal((null, false), OnHostA(() => Add(text, prefixLength)));
        Assert.Equal((null, true), OnHostA(() => Remove(text, prefixLength)));
        Assert.Null(FindOnHostA(text));
        Assert.Equal((null, false), OnHostA(() => Remove(text, prefixLength)));
        Assert.Null(OnHostA(() => AddressOwner.TryAdd(address, prefixLength, Interface)));
        Assert.Null(OnHostA(() => AddressOwner.TryRemove(address, prefixLength, Interface)));
    }

    [Theory]
    [InlineData("10.12.0.1", 32, 24)]
    [InlineData("fd12::1", 128, 64)]
    public void An_address_with_another_prefix_length_is_there_already_and_is_not_removed(string address, int asked, int configured)
    {
        Assert.Equal((null, false), OnHostA(() => Add(address, asked)));
        Assert.Equal(
            ($"{address} is still on eth0, with prefix length {configured} and not {asked}", false), OnHostA(() => Remove(address, asked)));
        Assert.Equal(configured, FindOnHostA(address)!.PrefixLength);
        Assert.Equal((null, true), OnHostA(() => Remove(address, configured)));
        Assert.Null(FindOnHostA(address));
    }

    [Fact]
    public void Removing_a_host_prefix_takes_neither_another_address_nor_the_route_with_it()
    {
        Run($"-n {_link.HostA} addr add 10.12.0.11/24 dev eth0");
        string routes = Run($"-n {_link.HostA} route show");
        Assert.Contains("10.12.0.0/24", routes, StringComparison.Ordinal);
        OnHostA(() => Add("10.12.0.10", 32));
        Assert.Equal((null, true), OnHostA(() => Remove("10.12.0.10", 32)));
        Assert.Equal(routes, Run($"-n {_link.HostA} route show"));
        Assert.NotNull(FindOnHostA("10.12.0.1"));
        Assert.NotNull(FindOnHostA("10.12.0.11"));
    }

    [Theory]
    [InlineData("10.12.0.10", 33, Interface, "a prefix length of 10.12.0.10 is 1 to 32, not 33")]
    [InlineData("fd12::10", 0, Interface, "a prefix length of fd12::10 is 1 to 128, not 0")]
    [InlineData("224.0.0.5", 32, Interface, "224.0.0.5 is not an address that one interface can have")]
    [InlineData("10.12.0.10", 32, "eth7", "there is no network interface named eth7")]
    public void What_cannot_be_done_is_told_in_a_sentence(string address, int prefixLength, string interfaceName, string sentence)
    {
        Assert.Equal((sentence, false), OnHostA(() => Add(address, prefixLength, interfaceName)));
        Assert.Equal((sentence, false), OnHostA(() => Remove(address, prefixLength, interfaceName)));
    }

    [Fact]
    public void An_interface_without_ipv6_is_told()
    {
        Run($"netns exec {_link.HostA} sh -c \"echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6\"");
        Assert.Equal(("adding fd12::10/128 to eth0 failed: IPv6 is switched off on eth0", false), OnHostA(() => Add("fd12::10", 128)));
    }

    [Theory]
    [InlineData("10.12.0.10", 32)]
    [InlineData("fd12::10", 128)]
    public void Without_privileges_the_missing_capability_is_named(string address, int prefixLength)
    {
        Assert.Null(OnHostA(() => Add(address, prefixLength)).Problem);
        (string?, string?, string?) refusals = OnHostA(() =>
        {
            ThreadCapabilities.DropAll();
            string other = address + "0";
            string? announced = AddressAnnouncer.AnnounceAsync(IPAddress.Parse(address), Interface).GetAwaiter().GetResult();
            return (Add(other, prefixLength).Problem, Remove(address, prefixLength).Problem, announced);
        });
        Assert.Equal(
            (
                $"adding {address}0/{prefixLength} to eth0 needs the capability CAP_NET_ADMIN",
                $"removing {address}/{prefixLength} from eth0 needs the capability CAP_NET_ADMIN",
                $"announcing {address} on eth0 needs the capability CAP_NET_RAW"
            ),
            refusals);
    }
}
