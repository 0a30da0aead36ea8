using System.Net;
using System.Net.Sockets;
using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <content>Multicast groups.</content>
public sealed unsafe partial class QueuePair
{
    /// <summary>
    /// Joins a group: datagrams to it that carry this QP's queue key arrive here too, its own as well. <c>ibv_attach_mcast</c>. The sender
    /// addresses them to <see cref="AddressHandle.MulticastQueuePair"/>.
    /// </summary>
    /// <param name="group">An IPv4 or IPv6 multicast address.</param>
    /// <exception cref="VerbsException">EINVAL: not UD, or no multicast address. ENOMEM: no more groups or members fit. EOPNOTSUPP: the device has none.</exception>
    public void AttachMulticast(IPAddress group) => ExecuteMulticast(PvrdmaCommand.AttachMulticast, group, "ibv_attach_mcast");

    /// <summary>Leaves a group. <c>ibv_detach_mcast</c>. A QP must have left all groups before it is destroyed.</summary>
    /// <param name="group">An IPv4 or IPv6 multicast address.</param>
    /// <exception cref="VerbsException">EINVAL: not UD, no multicast address, or the QP is no member.</exception>
    public void DetachMulticast(IPAddress group) => ExecuteMulticast(PvrdmaCommand.DetachMulticast, group, "ibv_detach_mcast");

    private static bool IsMulticast(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        return address.AddressFamily == AddressFamily.InterNetwork
            ? address.GetAddressBytes()[0] is >= 224 and < 240
            : address.IsIPv6Multicast;
    }

    private void ExecuteMulticast(PvrdmaCommand command, IPAddress group, string verb)
    {
        ArgumentNullException.ThrowIfNull(group);
        if (Type != QueuePairType.Ud || !IsMulticast(group))
        {
            ThrowInvalid($"{verb}: a {Type} queue pair and {group}; it takes a UD one and a multicast address");
        }

        lock (_driver.CommandLock)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _driver.Require(ExtensionBits.ExtendedVerbs, verb);
            _driver.Execute(command, new PvrdmaMulticast { Group = GidConversion.ToGid(group), QpHandle = Handle }, verb);
        }
    }
}
