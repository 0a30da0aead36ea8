using System.Buffers.Binary;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <summary>Names that follow from a device's address, so that they are the same wherever it runs.</summary>
internal static class DeviceIdentity
{
    /// <summary>A locally administered MAC address: 02:00 and the last four bytes of the GID. The low 48 bits, first byte lowest.</summary>
    public static ulong MacOf(in Gid gid) => 0x02ul | ((ulong)BinaryPrimitives.ReverseEndianness((uint)gid.Low) << 16);

    /// <summary>A locally administered EUI-64 from the low half of the GID, as the number whose bytes in memory are in network order.</summary>
    public static ulong NodeGuidOf(in Gid gid) =>
        BinaryPrimitives.ReverseEndianness((gid.Low ^ BinaryPrimitives.ReverseEndianness(gid.High)) | (0x02ul << 56));
}

/// <summary>Path MTU codes.</summary>
internal static class MtuCode
{
    /// <summary>The code of an MTU in bytes: 1 for 256 … 5 for 4096.</summary>
    public static bool TryFromBytes(int bytes, out uint code)
    {
        code = bytes switch { 256 => 1, 512 => 2, 1024 => 3, 2048 => 4, 4096 => 5, _ => 0 };
        return code != 0;
    }

    /// <summary>The MTU in bytes of a code.</summary>
    public static bool TryToBytes(uint code, out int bytes)
    {
        bytes = code is >= 1 and <= 5 ? 128 << (int)code : 0;
        return bytes != 0;
    }
}
