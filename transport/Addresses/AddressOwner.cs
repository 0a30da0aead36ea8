using System.Globalization;
using System.Net;
using RoceEngine.Interop;

namespace RoceEngine.Addresses;

/// <summary>
/// Takes an address for this machine, and gives it up (RTM_NEWADDR and RTM_DELADDR, rtnetlink(7)), in the calling thread's network
/// namespace. Both need CAP_NET_ADMIN, answer when the kernel has done it, and throw nothing: null is success, anything else one
/// sentence that says why not. An IPv4-mapped IPv6 address means the IPv4 address.
/// <para>
/// A migrating address is best added with <see cref="LocalAddresses.HostPrefixLength"/>, on the interface that
/// <see cref="LocalAddresses.FindInterfaceFor"/> names. To remove one that somebody else may have configured, take interface and
/// prefix length from <see cref="LocalAddresses.Find"/>; a removal with a shorter prefix takes the subnet's route along when no
/// other address keeps it, and, where <c>promote_secondaries</c> is off, the subnet's secondary IPv4 addresses.
/// </para>
/// </summary>
public static class AddressOwner
{
    /// <summary>Null when this process may add and remove addresses, or why not, in one sentence.</summary>
    public static string? WhyNotPermitted()
    {
        const int netAdmin = 12; // CAP_NET_ADMIN, capability.h
        const string line = "CapEff:";
        try
        {
            string? effective = File.ReadLines("/proc/self/status").FirstOrDefault(each => each.StartsWith(line, StringComparison.Ordinal));
            bool isPermitted = effective is not null
                && ulong.TryParse(effective.AsSpan(line.Length).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong capabilities)
                && (capabilities & (1UL << netAdmin)) != 0;
            return isPermitted ? null : "that needs the capability CAP_NET_ADMIN";
        }
        catch (IOException e)
        {
            return $"the capabilities of this process cannot be read: {e.Message}";
        }
    }

    /// <summary>
    /// Gives the interface the address, which can be bound and answers neighbours from then on (IPv6 without duplicate address
    /// detection). To have it there already, with whatever prefix length, is success. A loopback address needs nothing.
    /// Neighbours that knew it elsewhere learn of it by <see cref="AddressAnnouncer"/>.
    /// </summary>
    /// <param name="address">A unicast address.</param>
    /// <param name="prefixLength">Bits of the on-link prefix.</param>
    /// <param name="interfaceName">As <c>ip link</c> shows it.</param>
    /// <param name="added">True when it was not there before: whoever takes this back may remove it.</param>
    /// <returns>Null, or why the interface does not have the address.</returns>
    public static string? TryAdd(IPAddress address, int prefixLength, string interfaceName, out bool added)
    {
        added = false;
        IPAddress it = AddressBits.Normalize(address);
        if (LocalAddresses.IsLoopback(it))
            return null;
        if (Refuse(it, prefixLength) is { } refusal)
            return refusal;
        using RouteSocket? route = RouteSocket.Open(out string? problem);
        if (route?.FindLink(interfaceName, out problem) is not { } link)
            return problem;
        // The kernel would add an IPv4 address a second time when the prefix length differs.
        if (FindOn(route, it, link, out problem) != null)
            return null;
        if (problem != null)
            return problem;
        RouteAnswer answer = route.ChangeAddress(add: true, it, prefixLength, link.Index);
        added = answer.Error == 0;
        return answer.Error is 0 or Errno.EEXIST
            ? null
            : Explain($"adding {it}/{prefixLength} to {interfaceName}", it, interfaceName, answer);
    }

    /// <inheritdoc cref="TryAdd(IPAddress, int, string, out bool)"/>
    public static string? TryAdd(IPAddress address, int prefixLength, string interfaceName) =>
        TryAdd(address, prefixLength, interfaceName, out _);

    /// <summary>
    /// Takes the address from the interface. Not to have it there is success; to have it there with another prefix length is not,
    /// and changes nothing. A loopback address stays, which is success too.
    /// </summary>
    /// <param name="address">A unicast address.</param>
    /// <param name="prefixLength">The prefix length that it was added with.</param>
    /// <param name="interfaceName">As <c>ip link</c> shows it.</param>
    /// <param name="removed">True when it was there before: whoever takes this back may add it.</param>
    /// <returns>Null, or why the interface still has the address.</returns>
    public static string? TryRemove(IPAddress address, int prefixLength, string interfaceName, out bool removed)
    {
        removed = false;
        IPAddress it = AddressBits.Normalize(address);
        if (LocalAddresses.IsLoopback(it))
            return null;
        if (Refuse(it, prefixLength) is { } refusal)
            return refusal;
        using RouteSocket? route = RouteSocket.Open(out string? problem);
        if (route?.FindLink(interfaceName, out problem) is not { } link)
            return problem;
        RouteAnswer answer = route.ChangeAddress(add: false, it, prefixLength, link.Index);
        removed = answer.Error == 0;
        if (answer.Error is not (0 or Errno.EADDRNOTAVAIL))
            return Explain($"removing {it}/{prefixLength} from {interfaceName}", it, interfaceName, answer);
        return FindOn(route, it, link, out problem) is { } left
            ? $"{it} is still on {interfaceName}, with prefix length {left.PrefixLength} and not {prefixLength}"
            : problem;
    }

    /// <inheritdoc cref="TryRemove(IPAddress, int, string, out bool)"/>
    public static string? TryRemove(IPAddress address, int prefixLength, string interfaceName) =>
        TryRemove(address, prefixLength, interfaceName, out _);

    /// <summary>The address on that interface, with whatever prefix length.</summary>
    internal static LocalAddress? FindOn(RouteSocket route, IPAddress address, LinkInfo link, out string? problem) =>
        route.ListAddresses(out problem).FirstOrDefault(
            local => local.InterfaceIndex == link.Index && AddressBits.AreSame(local.Address, address));

    private static string? Refuse(IPAddress address, int prefixLength)
    {
        if (!LocalAddresses.IsUnicast(address))
            return $"{address} is not an address that one interface can have";
        int most = AddressBits.HostPrefixLength(address);
        return prefixLength < 1 || prefixLength > most ? $"a prefix length of {address} is 1 to {most}, not {prefixLength}" : null;
    }

    private static string Explain(string what, IPAddress address, string interfaceName, RouteAnswer answer) => answer.Error switch
    {
        Errno.EPERM => $"{what} needs the capability CAP_NET_ADMIN",
        Errno.EACCES when AddressBits.IsIPv6(address) => $"{what} failed: IPv6 is switched off on {interfaceName}",
        _ => $"{what} failed: {Failure.Describe(answer)}",
    };
}
