using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace RoceEngine.Wire;

/// <summary>
/// A 128-bit GID, which in RoCEv2 is an IP address: IPv6, or IPv4 mapped as ::ffff:a.b.c.d. IBTA annex A17.
/// </summary>
public readonly record struct Gid(ulong High, ulong Low)
{
    /// <summary>Bytes of a GID.</summary>
    public const int Length = 16;

    private const ulong MappedPrefix = 0x0000_FFFF_0000_0000;

    /// <summary>True when the GID is an IPv4-mapped address, so that its packets travel over IPv4.</summary>
    public bool IsIPv4 => High == 0 && (Low & 0xFFFF_FFFF_0000_0000) == MappedPrefix;

    /// <summary>The IPv4 address as a number whose most significant byte is the first octet.</summary>
    public uint IPv4 => (uint)Low;

    /// <summary>True for a multicast group: 224.0.0.0/4 mapped, or ff00::/8.</summary>
    public bool IsMulticast => IsIPv4 ? IPv4 >> 28 == 0xE : High >> 56 == 0xFF;

    /// <summary>True for the all-zero GID, which names nobody.</summary>
    public bool IsZero => High == 0 && Low == 0;

    /// <summary>The mapped GID of an IPv4 address given as a number, first octet most significant.</summary>
    public static Gid FromIPv4(uint address) => new(0, MappedPrefix | address);

    /// <summary>The GID of an IPv4 or IPv6 address.</summary>
    public static Gid From(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[Length];
        address.TryWriteBytes(bytes, out int written);
        return written == 4
            ? FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(bytes))
            : Read(bytes);
    }

    /// <summary>Reads 16 bytes in network order.</summary>
    public static Gid Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    /// <summary>Writes 16 bytes in network order.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Low);
    }

    /// <summary>The IP address that this GID is; a mapped GID gives the IPv4 address.</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[Length];
        Write(bytes);
        return IsIPv4 ? new IPAddress(bytes[12..]) : new IPAddress(bytes);
    }

    /// <summary>The address family that carries this GID's packets.</summary>
    public AddressFamily AddressFamily => IsIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;

    public override string ToString() => ToIPAddress().ToString();
}
