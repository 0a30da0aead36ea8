using System.Net;
using RoceEngine.Interop;

namespace RoceEngine.Addresses;

/// <summary>
/// The addresses of this machine as they are at the moment of the call: the kernel is asked each time (RTM_GETADDR and RTM_GETLINK,
/// rtnetlink(7)), nothing is remembered. They are those of the calling thread's network namespace. IPv4-mapped IPv6 addresses mean
/// the IPv4 address. Nothing throws: what hinders an answer is given as a sentence.
/// </summary>
public static class LocalAddresses
{
    /// <summary>
    /// True for 127.0.0.0/8 and ::1. Such an address is there on every host, so it neither has to be added nor announced when
    /// its owner moves.
    /// </summary>
    public static bool IsLoopback(IPAddress address) => IPAddress.IsLoopback(AddressBits.Normalize(address));

    /// <summary>
    /// The prefix length to add a migrating address with: 32 or 128. An address that is its own subnet takes neither the
    /// subnet's route nor, as its primary address, the secondary ones with it when it is removed.
    /// </summary>
    public static int HostPrefixLength(IPAddress address) => AddressBits.HostPrefixLength(AddressBits.Normalize(address));

    /// <summary>
    /// All addresses of all interfaces, in the kernel's order; empty with a <paramref name="problem"/> when it cannot be asked.
    /// </summary>
    public static IReadOnlyList<LocalAddress> List(out string? problem)
    {
        using RouteSocket? route = RouteSocket.Open(out problem);
        return route == null ? [] : route.ListAddresses(out problem);
    }

    /// <summary>
    /// Where this machine has the address: interface and prefix length. Null when it has not, or (with a
    /// <paramref name="problem"/>) when that cannot be found out. 127.0.0.0/8 is found only as far as it is configured: see
    /// <see cref="IsLoopback"/>. An IPv6 address with a scope is looked for on that interface alone.
    /// </summary>
    public static LocalAddress? Find(IPAddress address, out string? problem)
    {
        IPAddress wanted = AddressBits.Normalize(address);
        return List(out problem).FirstOrDefault(local => AddressBits.AreSame(local.Address, wanted) && IsInScope(wanted, local));
    }

    /// <summary>
    /// The interface on whose link an address belongs: up, not the loopback interface, with an on-link prefix that contains the
    /// address. The longest prefix wins, then the lowest index. Null when there is none, for what is no unicast address, for a
    /// link-local IPv6 address without a scope (it would be on every link), or, with a <paramref name="problem"/>, when the kernel
    /// cannot be asked.
    /// </summary>
    public static OnLinkInterface? FindInterfaceFor(IPAddress address, out string? problem)
    {
        problem = null;
        IPAddress wanted = AddressBits.Normalize(address);
        if (IsLoopback(wanted) || !IsUnicast(wanted) || (wanted.IsIPv6LinkLocal && wanted.ScopeId == 0))
            return null;
        LocalAddress? best = List(out problem)
            .Where(local => (local.InterfaceFlags & (NetlinkConstants.IFF_UP | NetlinkConstants.IFF_LOOPBACK)) == NetlinkConstants.IFF_UP)
            .Where(local => AddressBits.HaveCommonPrefix(local.PrefixAddress, wanted, local.PrefixLength) && IsInScope(wanted, local))
            .OrderByDescending(local => local.PrefixLength)
            .ThenBy(local => local.InterfaceIndex)
            .FirstOrDefault();
        return best == null ? null : new OnLinkInterface(best.InterfaceName, best.InterfaceIndex, best.PrefixLength);
    }

    /// <summary>True for an address that one interface can have.</summary>
    internal static bool IsUnicast(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int count);
        return count == 4
            ? bytes[0] is > 0 and < 0xE0
            : !address.IsIPv6Multicast && !address.Equals(IPAddress.IPv6Any);
    }

    private static bool IsInScope(IPAddress wanted, LocalAddress local) =>
        !AddressBits.IsIPv6(wanted) || wanted.ScopeId == 0 || wanted.ScopeId == local.InterfaceIndex;
}
