using System.Net;
using RoceEngine.Interop;

namespace RoceEngine.Addresses;

/// <summary>
/// Tells the neighbours of an Ethernet link that an address is on this machine now, so that they and the switches between send there
/// at once and not only when what they remember has expired. IPv4: gratuitous ARP, a request and a reply (RFC 826; RFC 5227, 3).
/// IPv6: an unsolicited neighbour advertisement to all nodes (RFC 4861, 7.2.6). Needs CAP_NET_RAW.
/// </summary>
public static class AddressAnnouncer
{
    /// <summary>How often an announcement is sent: a broadcast may be lost, and nobody acknowledges it.</summary>
    public const int Rounds = 3;

    /// <summary>Time between two rounds, in milliseconds.</summary>
    public const int IntervalMs = 20;

    /// <summary>
    /// Announces an address that the interface has. The first round is sent before this returns; the task ends after the last one,
    /// some 40 ms later, and needs no waiting for. The rounds go out in the network namespace of the calling thread. They end early
    /// when the interface no longer has the address: it may have moved on, and its next host must have the last word. An
    /// IPv4-mapped IPv6 address means the IPv4 address.
    /// </summary>
    /// <param name="address">A unicast address, after <see cref="AddressOwner.TryAdd(IPAddress, int, string)"/>.</param>
    /// <param name="interfaceName">As <c>ip link</c> shows it.</param>
    /// <returns>
    /// Null when all rounds were sent, or why not all were, in one sentence; for a loopback address, that there was nothing to do.
    /// The task never fails.
    /// </returns>
    public static Task<string?> AnnounceAsync(IPAddress address, string interfaceName) =>
        AnnounceAsync(address, interfaceName, TimeSpan.FromMilliseconds(IntervalMs));

    internal static async Task<string?> AnnounceAsync(IPAddress address, string interfaceName, TimeSpan interval)
    {
        IPAddress it = AddressBits.Normalize(address);
        if (LocalAddresses.IsLoopback(it))
            return $"{it} is a loopback address, which no neighbour has to be told of";
        using RouteSocket? route = RouteSocket.Open(out string? problem);
        if (route?.FindLink(interfaceName, out problem) is not { } link)
            return problem;
        if (link.HardwareType != NetlinkConstants.ARPHRD_ETHER || link.LinkAddress.Length != NeighbourMessages.LinkAddressBytes)
            return $"{interfaceName} is not an Ethernet interface: its neighbours know {it} by no link address";
        if (AddressOwner.FindOn(route, it, link, out problem) == null)
            return problem ?? $"{interfaceName} does not have {it}, and announcing it would lead its packets astray";
        using AnnouncementSocket? socket = AnnouncementSocket.Open(it, link, out problem);
        if (socket == null)
            return problem;
        for (int round = 1; ; round++)
        {
            if (socket.Send() is { } failure)
                return failure;
            if (round == Rounds)
                return null;
            await Task.Delay(interval).ConfigureAwait(false);
            if (AddressOwner.FindOn(route, it, link, out problem) == null)
                return problem ?? $"{it} left {interfaceName} after {round} of {Rounds} announcements";
        }
    }
}
