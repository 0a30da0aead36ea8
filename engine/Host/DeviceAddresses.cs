using System.Net;
using RoceEngine.Addresses;
using RoceEngine.Interop;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace RoceEngine.Host;

/// <summary>
/// The addresses of devices on the network interfaces of this machine. A host that owns them adds an address when a device needs it, tells the
/// neighbours, and takes it off when the device ends or leaves; any other host finds them there or not. Loopback addresses are everywhere. From any
/// thread; nothing throws but <see cref="OpenLink"/>.
/// </summary>
internal sealed class DeviceAddresses(HostOptions options, IHostReporter reporter)
{
    private readonly Lock _lock = new();

    /// <summary>What is this host's to take off again: the interface of each.</summary>
    private readonly Dictionary<Gid, string> _own = [];

    /// <summary>Whether a device can have the address here. Null, or why not; then whether it would have to be added.</summary>
    public string? Check(in Gid address, out bool isMissing)
    {
        isMissing = false;
        IPAddress wanted = address.ToIPAddress();
        if (LocalAddresses.IsLoopback(wanted) || LocalAddresses.Find(wanted, out string? problem) is not null)
            return null;
        isMissing = true;
        if (problem is not null)
            return problem;
        if (!options.OwnsAddresses)
            return "that machine does not have it, and the daemon was not told to add it (--own-addresses)";
        return LocalAddresses.FindInterfaceFor(wanted, out problem) is null
            ? problem ?? "no network interface there is in the network that it belongs to"
            : null;
    }

    /// <summary>Sees to it that the machine has the address. Null, or why it has not.</summary>
    public string? TryTake(in Gid address)
    {
        lock (_lock)
        {
            if (Check(address, out bool isMissing) is { } problem)
                return problem;
            if (!isMissing)
                return null;
            IPAddress wanted = address.ToIPAddress();
            if (LocalAddresses.FindInterfaceFor(wanted, out string? why) is not { } place)
                return why ?? "the interface that it belonged to is gone";
            if (AddressOwner.TryAdd(wanted, LocalAddresses.HostPrefixLength(wanted), place.Name, out bool added) is { } refusal)
                return refusal;
            if (added)
                _own[address] = place.Name;
            return null;
        }
    }

    /// <summary>Binds the address, which is taken when the host owns addresses.</summary>
    /// <exception cref="SystemCallException">It cannot be bound.</exception>
    public UdpLink OpenLink(in Gid address) => TryTake(address) is { } problem
        ? throw new SystemCallException($"{address} cannot be had: {problem}", Errno.EADDRNOTAVAIL)
        : new UdpLink(address, options.Link);

    /// <summary>Why an address that another host is about to add cannot be taken off here; null when it can, or is not here.</summary>
    public string? WhyItStays(in Gid address)
    {
        if (!options.OwnsAddresses)
            return "this daemon was not told to take it off its interface (--own-addresses)";
        IPAddress it = address.ToIPAddress();
        LocalAddress? local = LocalAddresses.Find(it, out string? problem);
        if (local is null)
            return problem;
        int alone = LocalAddresses.HostPrefixLength(it);
        return local.PrefixLength == alone
            ? null
            : $"it is on {local.InterfaceName} with prefix length {local.PrefixLength}, and the route to that network would go with it; a device that moves needs an address of its own (/{alone})";
    }

    /// <summary>
    /// A device lives here with this address: neighbours learn it, and the host that owns addresses takes this one off when the device leaves, even if it
    /// found it.
    /// </summary>
    public void Settle(in Gid address)
    {
        IPAddress it = address.ToIPAddress();
        if (LocalAddresses.IsLoopback(it))
            return;
        LocalAddress? local;
        lock (_lock)
        {
            local = LocalAddresses.Find(it, out _);
            if (options.OwnsAddresses && local is not null && local.PrefixLength == LocalAddresses.HostPrefixLength(it))
                _own[address] = local.InterfaceName;
        }
        if (local is not null)
            _ = Task.Run(() => AnnounceAsync(it, local.InterfaceName));
    }

    /// <summary>The address goes from the interface, where it is this host's to take off. Null, or why it is still there.</summary>
    public string? TryGiveUp(in Gid address)
    {
        lock (_lock)
        {
            if (!_own.Remove(address, out string? place))
                return null;
            IPAddress it = address.ToIPAddress();
            string? problem = AddressOwner.TryRemove(it, LocalAddresses.HostPrefixLength(it), place);
            if (problem is not null)
                _own[address] = place;
            return problem;
        }
    }

    /// <summary>The device ended: its address goes as well.</summary>
    public void GiveUp(in Gid address)
    {
        if (TryGiveUp(address) is { } problem)
            reporter.Report(ReportLevel.Warning, problem);
    }

    /// <summary>The address lives on at another host, perhaps of this very machine: it is not this host's to take off any more.</summary>
    public void Leave(in Gid address)
    {
        lock (_lock)
            _own.Remove(address);
    }

    private async Task AnnounceAsync(IPAddress address, string interfaceName)
    {
        if (await AddressAnnouncer.AnnounceAsync(address, interfaceName).ConfigureAwait(false) is not { } problem)
            return;

        // A host that owns its addresses has to tell; where somebody else cares for them, it is an offer.
        reporter.Report(options.OwnsAddresses ? ReportLevel.Warning : ReportLevel.Debug, $"{address} was not announced to its neighbours: {problem}");
    }
}
