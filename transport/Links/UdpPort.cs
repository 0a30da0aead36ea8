using RoceEngine.Interop;
using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>
/// Port 4791 of an address, held from now until it is disposed of: links may be opened on it one after the other, and nobody else gets the address
/// between them.
/// </summary>
public sealed class UdpPort : IDisposable
{
    private int _socket;

    /// <summary>Binds the port of an address, IPv4-mapped or IPv6.</summary>
    /// <exception cref="SystemCallException">As <see cref="UdpLink(in Gid, UdpLinkOptions?)"/>.</exception>
    public UdpPort(in Gid address)
    {
        Address = address;
        _socket = UdpSocket.Open(address, RoceUdp.Port);
    }

    /// <summary>The address.</summary>
    public Gid Address { get; }

    /// <summary>Opens a link on it; one at a time, since packets are delivered once. The link lives on when the port is disposed of.</summary>
    /// <exception cref="SystemCallException">The kernel refused an option, or there is no descriptor left.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed of.</exception>
    public UdpLink OpenLink(UdpLinkOptions? options = null)
    {
        ObjectDisposedException.ThrowIf(_socket < 0, this);
        return new UdpLink(Address, SharedMemory.Duplicate(_socket), options);
    }

    /// <summary>Gives the port up; it is free when the last link on it is closed too.</summary>
    public void Dispose()
    {
        int socket = Interlocked.Exchange(ref _socket, -1);
        if (socket >= 0)
            _ = Events.Close(socket);
    }
}
