using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RoceEngine.Wire;

/// <summary>
/// The vector form: the masked headers go as blocks from registers straight into the fold, and the mask of resv8a is added to the
/// carry, so that the UDP payload is summed where it lies, in one pass with one reduction at its end.
/// </summary>
public readonly partial struct IcrcPseudo
{
    private uint BeginPclmulqdq(ReadOnlySpan<byte> headers, int udpPayloadBytes, ushort identification)
    {
        Vector128<ulong> sum = IsIPv4
            ? SumIPv4(udpPayloadBytes, identification)
            : SumIPv6(udpPayloadBytes);

        if (headers.Length < Vector128<byte>.Count)
        {
            return FinishShortHeaders(sum, headers);
        }

        // Adding the complement of resv8a to its place in the first block makes it all ones.
        ulong mask = (ulong)(byte)~headers[BthView.ReservedOffset] << (8 * BthView.ReservedOffset);
        return Crc32.UpdateCarry(Crc32.CarryOf(sum) ^ Vector128.CreateScalar(mask), headers);
    }

    /// <summary>12…15 bytes, which are less than a block: the BTH, in practice.</summary>
    private static uint FinishShortHeaders(Vector128<ulong> sum, ReadOnlySpan<byte> headers)
    {
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(headers[..BthView.Length]);
        uint maskedSecond = words[1] | 0xFFu;
        uint register = Crc32.FinishWithTail(
            sum, Vector128.Create(0, words[0], maskedSecond, words[2]).AsByte(), BthView.Length);
        return Crc32.UpdateScalar(register, headers[BthView.Length..]);
    }

    /// <summary>28 bytes as two blocks: four zero bytes in front of a message change nothing once the seed is in its first word.</summary>
    private Vector128<ulong> SumIPv4(int udpPayloadBytes, ushort identification)
    {
        uint udpBytes = (uint)udpPayloadBytes + UdpHeaderBytes;
        Vector128<uint> first = Vector128.Create(
            0,
            Icrc.Seed ^ Network(0x45FF_0000u | (ushort)(udpBytes + IPv4HeaderBytes)),
            Network(((uint)identification << 16) | _flags),
            Network(0xFF11_FFFFu));
        Vector128<uint> second = Vector128.Create(
            Network(_source.IPv4), Network(_destination.IPv4), Network(_ports), Network((udpBytes << 16) | 0xFFFF));
        return Crc32.CarryOf(first.AsUInt64()) ^ second.AsUInt64();
    }

    /// <summary>48 bytes as three blocks.</summary>
    private Vector128<ulong> SumIPv6(int udpPayloadBytes)
    {
        uint udpBytes = (uint)udpPayloadBytes + UdpHeaderBytes;
        Vector128<ulong> first = Vector128.Create(
            (Icrc.Seed ^ Network(0x6FFF_FFFFu)) | ((ulong)Network((udpBytes << 16) | 0x11FF) << 32),
            BinaryPrimitives.ReverseEndianness(_source.High));
        Vector128<ulong> second = Vector128.Create(
            BinaryPrimitives.ReverseEndianness(_source.Low), BinaryPrimitives.ReverseEndianness(_destination.High));
        Vector128<ulong> third = Vector128.Create(
            BinaryPrimitives.ReverseEndianness(_destination.Low),
            Network(_ports) | ((ulong)Network((udpBytes << 16) | 0xFFFF) << 32));
        return Crc32.CarryOf(Crc32.CarryOf(first) ^ second) ^ third;
    }

    /// <summary>A word whose bytes in memory are in network order. The instructions of this file are little-endian processors'.</summary>
    private static uint Network(uint value) => BinaryPrimitives.ReverseEndianness(value);
}
