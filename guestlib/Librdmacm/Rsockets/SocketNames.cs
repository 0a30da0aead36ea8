using System.Net;
using System.Net.Sockets;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>Addresses as programs pass them to calls of sockets and get them from there.</summary>
internal static unsafe class SocketNames
{
    // The larger of the two structures.
    private const int BytesMax = 28;

    /// <summary>Reads a name. bind(2), connect(2).</summary>
    /// <exception cref="VerbsException">EINVAL: too short. EAFNOSUPPORT: not of the socket's family. EFAULT: no pointer.</exception>
    public static IPEndPoint Read(byte* from, uint bytes, ushort family)
    {
        if (from == null)
        {
            throw new VerbsException(Errno.EFAULT, "no address");
        }

        if (bytes < sizeof(ushort))
        {
            throw new VerbsException(Errno.EINVAL, $"an address of {bytes} bytes");
        }

        ushort given = *(ushort*)from;
        if (given != family)
        {
            throw new VerbsException(Errno.EAFNOSUPPORT, $"an address of family {given} for a socket of family {family}");
        }

        return bytes < SocketAddress.BytesOf(given)
            ? throw new VerbsException(Errno.EINVAL, $"an address of {bytes} bytes")
            : SocketAddress.Read(from)!;
    }

    /// <summary>Writes a name in the socket's family, cut to the room there is; the length becomes that of the whole. getsockname(2), accept(2).</summary>
    /// <exception cref="VerbsException">EINVAL: a negative room. EFAULT: an address without a length.</exception>
    public static void Write(IPAddress address, ushort port, ushort family, byte* into, uint* bytes)
    {
        if (into == null)
        {
            return;
        }

        if (bytes == null)
        {
            throw new VerbsException(Errno.EFAULT, "room without a length");
        }

        if (*bytes > int.MaxValue)
        {
            throw new VerbsException(Errno.EINVAL, "a negative length");
        }

        byte* whole = stackalloc byte[BytesMax];
        int length = SocketAddress.Write(whole, InFamily(address, family), port);
        new ReadOnlySpan<byte>(whole, (int)Math.Min(*bytes, (uint)length)).CopyTo(new Span<byte>(into, (int)*bytes));
        *bytes = (uint)length;
    }

    private static IPAddress InFamily(IPAddress address, ushort family) => (family, address.AddressFamily) switch
    {
        (SocketAddress.IPv6, AddressFamily.InterNetwork) => SocketAddress.IsAny(address) ? IPAddress.IPv6Any : address.MapToIPv6(),
        (SocketAddress.IPv4, AddressFamily.InterNetworkV6) when SocketAddress.IsAny(address) => IPAddress.Any,
        _ => address,
    };
}
