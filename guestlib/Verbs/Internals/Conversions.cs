using System.Buffers.Binary;
using System.Net;
using System.Numerics;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Internals;

/// <summary>Path MTUs are bytes in the API and codes in the ABI: 1 is 256, each next is twice.</summary>
internal static class PathMtu
{
    private const int SmallestShift = 7;

    /// <summary>The code of 256, 512, 1024, 2048 or 4096 bytes; 0 for any other number.</summary>
    public static uint Encode(int bytes) =>
        bytes is >= 256 and <= 4096 && BitOperations.IsPow2(bytes) ? (uint)BitOperations.Log2((uint)bytes) - SmallestShift : 0;

    /// <summary>Bytes of a code; 0 for no code.</summary>
    public static int Decode(uint code) => code is >= 1 and <= 5 ? 1 << (int)(code + SmallestShift) : 0;
}

/// <summary>GIDs of the ABI are IP addresses in the API; an IPv4 address is the mapped GID. IBTA annex A17.</summary>
internal static class GidConversion
{
    /// <summary>The GID of an address.</summary>
    public static PvrdmaGid ToGid(IPAddress address)
    {
        var gid = default(PvrdmaGid);
        _ = address.MapToIPv6().TryWriteBytes(gid, out _);
        return gid;
    }

    /// <summary>The address that a GID is; null for the all-zero GID.</summary>
    public static IPAddress? FromGid(ReadOnlySpan<byte> gid)
    {
        if (BinaryPrimitives.ReadUInt128BigEndian(gid) == 0)
        {
            return null;
        }

        var address = new IPAddress(gid);
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }
}
