using System.Net;

namespace RoceEngine.Addresses;

/// <summary>An address that an interface of this machine (of the calling thread's network namespace) has.</summary>
/// <param name="Address">The address; a link-local IPv6 address has the interface's index as its scope.</param>
/// <param name="PrefixLength">Bits of the on-link prefix: up to 32 or 128.</param>
/// <param name="InterfaceName">As <c>ip link</c> shows it.</param>
/// <param name="InterfaceIndex">The kernel's number of the interface.</param>
public sealed record LocalAddress(IPAddress Address, int PrefixLength, string InterfaceName, int InterfaceIndex)
{
    /// <summary>Its first bits are the on-link prefix. On a point-to-point link it is the other end, not <see cref="Address"/>.</summary>
    internal IPAddress PrefixAddress { get; init; } = Address;

    /// <summary>IFF_* flags of the interface, netdevice(7).</summary>
    internal uint InterfaceFlags { get; init; }
}

/// <summary>The interface on whose link an address belongs.</summary>
/// <param name="Name">As <c>ip link</c> shows it.</param>
/// <param name="Index">The kernel's number of the interface.</param>
/// <param name="PrefixLength">Bits of the on-link prefix that contains the address.</param>
public sealed record OnLinkInterface(string Name, int Index, int PrefixLength);
