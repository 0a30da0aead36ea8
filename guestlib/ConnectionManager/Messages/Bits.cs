using System.Buffers.Binary;
using System.Net;

namespace RoceEngine.ConnectionManager.Messages;

/// <summary>Fields of messages, in network byte order.</summary>
internal static class Bits
{
    private const int GidBytes = 16;

    /// <summary>The first 24 bits of a word.</summary>
    public static uint Read24(ReadOnlySpan<byte> from) => BinaryPrimitives.ReadUInt32BigEndian(from) >> 8;

    /// <summary>A word of 24 bits and a byte.</summary>
    public static void Write24(Span<byte> into, uint value, byte rest) => BinaryPrimitives.WriteUInt32BigEndian(into, (value << 8) | rest);

    /// <summary>A GID as an address; IPv4 ones come out of their mapped form. IBTA annex A17.</summary>
    public static IPAddress ReadAddress(ReadOnlySpan<byte> gid)
    {
        var address = new IPAddress(gid[..GidBytes]);
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }

    /// <summary>An address as a GID.</summary>
    public static void WriteAddress(Span<byte> into, IPAddress address) => _ = address.MapToIPv6().TryWriteBytes(into, out _);
}
