using System.Net;
using RoceEngine.Interop;
using RoceEngine.Links;
using RoceEngine.Verbs;
using RoceEngine.Wire;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Embedded;

/// <summary>
/// An address that is this process's from now on: its UDP port is bound, and stays so until the reservation is disposed of and the device that was opened
/// with it is closed. So a process can name its device before it opens it, close it and open it again, and no other process ever chooses the same address.
/// </summary>
public sealed class AddressReservation : IDisposable
{
    private readonly UdpPort _port;

    private AddressReservation(IPAddress address, UdpPort port)
    {
        Address = address;
        _port = port;
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
            return new AddressReservation(address, new UdpPort(Gid.From(address)));
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

    /// <summary>Gives the address up, once no device has it.</summary>
    public void Dispose() => _port.Dispose();

    /// <summary>A link of a device at the address, one at a time.</summary>
    internal UdpLink OpenLink(UdpLinkOptions options) => _port.OpenLink(options);

    private static string Explain(SystemCallException e) => e.Errno switch
    {
        Errno.EADDRNOTAVAIL => "it is not an address of this machine",
        Errno.EADDRINUSE => $"UDP port {RoceUdp.Port} of it is in use",
        _ => e.Message,
    };
}
