using System.Buffers.Binary;

namespace RoceEngine.Capture;

/// <summary>The ones' complement sum of IP, UDP and ICMP. RFC 1071.</summary>
internal static class InternetChecksum
{
    /// <summary>Adds 16-bit big-endian words to <paramref name="sum"/>; an odd last byte counts as the upper half of a word.</summary>
    public static ulong Add(ulong sum, ReadOnlySpan<byte> bytes)
    {
        // 2^32 = 1 modulo 2^16 - 1, so wider words sum to the same; a datagram of 64 KiB cannot carry out of 64 bits.
        while (bytes.Length >= 4)
        {
            sum += BinaryPrimitives.ReadUInt32BigEndian(bytes);
            bytes = bytes[4..];
        }

        if (bytes.Length >= 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
            bytes = bytes[2..];
        }

        return bytes.Length == 0 ? sum : sum + ((ulong)bytes[0] << 8);
    }

    /// <summary>The checksum field's value.</summary>
    public static ushort Finish(ulong sum)
    {
        while (sum >> 16 != 0)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
