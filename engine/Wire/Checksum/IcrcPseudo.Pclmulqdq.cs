using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RoceEngine.Wire;

/// <summary>
/// The vector form: the masked headers go as blocks from registers straight into the fold, and the mask of resv8a is added to the
/// carry, so that the UDP payload is summed where it lies, in one pass with one reduction at its end.
/// </summary>
public readonly partial struct IcrcPseudo
{
    private uint BeginPclmulqdq(ReadOnlySpan<byte> headers, int udpPayloadBytes, ushort identification) => IsIPv4
        ? BeginIPv4(_source.IPv4, _destination.IPv4, _ports, ((uint)identification << 16) | _flags, headers, udpPayloadBytes)
        : BeginIPv6(_source, _destination, _ports, headers, udpPayloadBytes);

    /// <summary>The state of an IPv4 flow, given as numbers so that nothing goes through memory on its way into the fold.</summary>
    internal static uint BeginIPv4(
        uint source, uint destination, uint ports, uint identificationAndFlags, ReadOnlySpan<byte> headers, int udpPayloadBytes)
    {
        // 28 bytes as two blocks: four zero bytes in front of a message change nothing once the seed is in its first word.
        uint udpBytes = (uint)udpPayloadBytes + UdpHeaderBytes;
        uint versionToLength = 0x45FF_0000u | (ushort)(udpBytes + IPv4HeaderBytes);
        Vector128<ulong> first = Vector128.Create(
            (ulong)(Icrc.Seed ^ Network(versionToLength)) << 32,
            Network(((ulong)identificationAndFlags << 32) | 0xFF11_FFFFu));
        Vector128<ulong> second = Vector128.Create(
            Network(((ulong)source << 32) | destination),
            Network(((ulong)ports << 32) | (udpBytes << 16) | 0xFFFFu));
        return Continue(Crc32.CarryOf(first) ^ second, headers);
    }

    /// <summary>The state of an IPv6 flow: 48 bytes as three blocks.</summary>
    internal static uint BeginIPv6(in Gid source, in Gid destination, uint ports, ReadOnlySpan<byte> headers, int udpPayloadBytes)
    {
        uint udpBytes = (uint)udpPayloadBytes + UdpHeaderBytes;
        Vector128<ulong> first = Vector128.Create(
            Icrc.Seed ^ Network(0x6FFF_FFFF_0000_11FFu | ((ulong)udpBytes << 16)), Network(source.High));
        Vector128<ulong> second = Vector128.Create(Network(source.Low), Network(destination.High));
        Vector128<ulong> third = Vector128.Create(
            Network(destination.Low), Network(((ulong)ports << 32) | (udpBytes << 16) | 0xFFFFu));
        return Continue(Crc32.CarryOf(Crc32.CarryOf(first) ^ second) ^ third, headers);
    }

    /// <summary>Goes on from the pseudo headers' blocks to the UDP payload, masking resv8a.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Continue(Vector128<ulong> sum, ReadOnlySpan<byte> headers)
    {
        if (headers.Length < Vector128<byte>.Count)
        {
            return FinishShortHeaders(sum, headers);
        }

        // Adding the complement of resv8a to its place in the first block makes it all ones.
        ulong mask = (ulong)(byte)~headers[BthView.ReservedOffset] << (8 * BthView.ReservedOffset);
        return Crc32.UpdateCarry(Crc32.CarryOf(sum) ^ Vector128.CreateScalar(mask), headers);
    }

    /// <summary>12…15 bytes, which are less than a block: the BTH, in practice.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint FinishShortHeaders(Vector128<ulong> sum, ReadOnlySpan<byte> headers)
    {
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(headers[..BthView.Length]);
        uint maskedSecond = words[1] | 0xFFu;
        uint register = Crc32.FinishWithTail(
            sum, Vector128.Create(0, words[0], maskedSecond, words[2]).AsByte(), BthView.Length);
        return Crc32.UpdateScalar(register, headers[BthView.Length..]);
    }

    /// <summary>A number whose bytes in memory are in network order. The instructions of this file are little-endian processors'.</summary>
    private static uint Network(uint value) => BinaryPrimitives.ReverseEndianness(value);

    private static ulong Network(ulong value) => BinaryPrimitives.ReverseEndianness(value);
}
