using System.Net;
using RoceEngine.Interop;
using RoceEngine.Links;
using RoceEngine.Verbs;
using RoceEngine.Wire;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Embedded;

/// <summary>
/// An address that is this process's from now on: its UDP port is bound, and goes over to the device that is opened with the reservation. So a process can
/// name its device before it opens it, and two processes never choose the same address.
/// </summary>
public sealed class AddressReservation : IDisposable
{
    private UdpLink? _link;

    private AddressReservation(IPAddress address, UdpLink link)
    {
        Address = address;
        _link = link;
    }

    /// <summary>The address.</summary>
    public IPAddress Address { get; }

    /// <summary>Reserves an address of this machine.</summary>
    /// <param name="address">The address.</param>
    /// <exception cref="VerbsException">It is not one of this machine, or its port is taken; the message says which.</exception>
    public static AddressReservation Take(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        try
        {
            return new AddressReservation(address, new UdpLink(Gid.From(address), new UdpLinkOptions()));
        }
        catch (SystemCallException e)
        {
            throw new VerbsException(e.Errno, $"cannot open a device at {address}: {Explain(e)}", e);
        }
    }

    /// <summary>Reserves the first address that nobody uses.</summary>
    /// <param name="candidates">Addresses of this machine.</param>
    /// <exception cref="VerbsException">EADDRINUSE: all are taken; or as <see cref="Take"/>.</exception>
    public static AddressReservation TakeFirstFree(IEnumerable<IPAddress> candidates)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        foreach (IPAddress candidate in candidates)
        {
            try
            {
                return Take(candidate);
            }
            catch (VerbsException e) when (e.Errno == Errno.EADDRINUSE)
            {
                // Somebody else's; the next one.
            }
        }

        throw new VerbsException(Errno.EADDRINUSE, "no address is free for a device");
    }

    /// <summary>Gives the address up, unless a device has taken it over.</summary>
    public void Dispose() => Interlocked.Exchange(ref _link, null)?.Dispose();

    /// <summary>The bound link, once.</summary>
    internal UdpLink TakeLink() => Interlocked.Exchange(ref _link, null) ?? throw new ObjectDisposedException(nameof(AddressReservation));

    private static string Explain(SystemCallException e) => e.Errno switch
    {
        Errno.EADDRNOTAVAIL => "it is not an address of this machine",
        Errno.EADDRINUSE => $"UDP port {RoceUdp.Port} of it is in use",
        _ => e.Message,
    };
}
