using System.Net;
using System.Net.Sockets;

namespace RoceEngine.Addresses;

/// <summary>Comparisons of addresses by their bits.</summary>
internal static class AddressBits
{
    private const int BytesMax = 16;

    /// <summary>An IPv4-mapped IPv6 address (the form of a GID) as the IPv4 address that it means.</summary>
    public static IPAddress Normalize(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    public static bool IsIPv6(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6;

    public static int HostPrefixLength(IPAddress address) => IsIPv6(address) ? 128 : 32;

    /// <summary>True for the same bits. <see cref="IPAddress.Equals(object)"/> compares the scope too, which callers seldom know.</summary>
    public static bool AreSame(IPAddress left, IPAddress right) => HaveCommonPrefix(left, right, HostPrefixLength(left));

    /// <summary>True when the addresses are of one family and agree in their first <paramref name="bits"/> bits.</summary>
    public static bool HaveCommonPrefix(IPAddress left, IPAddress right, int bits)
    {
        Span<byte> leftBytes = stackalloc byte[BytesMax];
        Span<byte> rightBytes = stackalloc byte[BytesMax];
        if (!left.TryWriteBytes(leftBytes, out int leftCount) || !right.TryWriteBytes(rightBytes, out int rightCount)
            || leftCount != rightCount || bits > leftCount * 8)
        {
            return false;
        }
        int whole = bits / 8;
        if (!leftBytes[..whole].SequenceEqual(rightBytes[..whole]))
            return false;
        int rest = bits % 8;
        return rest == 0 || (leftBytes[whole] ^ rightBytes[whole]) >> (8 - rest) == 0;
    }
}
