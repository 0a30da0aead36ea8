using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using RoceEngine.Interop;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm;

/// <summary><c>struct sockaddr_in</c> and <c>struct sockaddr_in6</c>. ip(7), ipv6(7).</summary>
internal static unsafe class SocketAddress
{
    /// <summary>AF_INET.</summary>
    public const ushort IPv4 = 2;

    /// <summary>AF_INET6.</summary>
    public const ushort IPv6 = 10;

    private const int IPv4Bytes = 16;
    private const int IPv6Bytes = 28;

    /// <summary>Bytes of the structure of a family; 0 for an unknown one.</summary>
    public static int BytesOf(ushort family) => family switch { IPv4 => IPv4Bytes, IPv6 => IPv6Bytes, _ => 0 };

    /// <summary>The address; null for a null pointer.</summary>
    /// <exception cref="VerbsException">EAFNOSUPPORT: neither IPv4 nor IPv6.</exception>
    public static IPEndPoint? Read(byte* from)
    {
        if (from == null)
        {
            return null;
        }

        ushort family = *(ushort*)from;
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(from + 2, 2));
        return family switch
        {
            IPv4 => new IPEndPoint(new IPAddress(new ReadOnlySpan<byte>(from + 4, 4)), port),
            IPv6 => new IPEndPoint(Plain(new IPAddress(new ReadOnlySpan<byte>(from + 8, 16))), port),
            _ => throw new VerbsException(Errno.EAFNOSUPPORT, $"address family {family}, neither IPv4 nor IPv6"),
        };
    }

    /// <summary>Writes an address into a structure that has room for either.</summary>
    public static int Write(byte* into, IPAddress address, ushort port)
    {
        bool isIPv4 = address.AddressFamily == AddressFamily.InterNetwork;
        int bytes = isIPv4 ? IPv4Bytes : IPv6Bytes;
        new Span<byte>(into, bytes).Clear();
        *(ushort*)into = isIPv4 ? IPv4 : IPv6;
        BinaryPrimitives.WriteUInt16BigEndian(new Span<byte>(into + 2, 2), port);
        _ = address.TryWriteBytes(isIPv4 ? new Span<byte>(into + 4, 4) : new Span<byte>(into + 8, 16), out _);
        return bytes;
    }

    /// <summary>0.0.0.0 or ::.</summary>
    public static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    /// <summary>A multicast group.</summary>
    public static bool IsMulticast(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork ? address.GetAddressBytes()[0] is >= 224 and < 240 : address.IsIPv6Multicast;

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
