using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RoceEngine.Wire;

/// <summary>
/// The ICRCs of a train: datagrams of one flow and one size that lie side by side. What the pseudo headers add is computed once for all of them, each
/// needs a single reduction, and four are summed at a time, so that no step waits for the result of the one before. For small datagrams, of which
/// this is the greater part of the work.
/// </summary>
public static class IcrcTrain
{
    /// <summary>Datagrams of a train at most: <c>UDP_MAX_SEGMENTS</c> of Linux.</summary>
    public const int DatagramsMax = 128;

    private const int Lanes = 4;

    /// <summary>What identification i adds to the register after the IPv4 and UDP headers.</summary>
    private static readonly uint[] s_identifications = BuildIdentifications();

    /// <summary>All bits of the first block's byte that is resv8a, which the ICRC takes for ones.</summary>
    private static Vector128<byte> ReservedMask => Vector128<byte>.Zero.WithElement(BthView.ReservedOffset, (byte)0xFF);

    /// <summary>Computes each datagram's ICRC and stores it in its last four bytes.</summary>
    /// <param name="pseudo">The flow's IP and UDP headers.</param>
    /// <param name="datagrams">The UDP payloads, at most <see cref="DatagramsMax"/>, headers and padding in place.</param>
    /// <param name="datagramBytes">Bytes of each, ICRC included: at least a BTH and an ICRC.</param>
    /// <param name="isNumbered">True when the i-th leaves with IPv4 identification i, false when each has 0.</param>
    /// <exception cref="ArgumentException">The datagrams are too short, too many, or do not fill the span.</exception>
    public static void Write(in IcrcPseudo pseudo, Span<byte> datagrams, int datagramBytes, bool isNumbered)
    {
        if (datagramBytes < BthView.Length + Icrc.Length || datagrams.Length % datagramBytes != 0 || datagrams.Length > DatagramsMax * datagramBytes)
        {
            ThrowNoTrain(datagrams.Length, datagramBytes);
        }

        int count = datagrams.Length / datagramBytes;
        bool differ = isNumbered && pseudo.IsIPv4;
        int covered = datagramBytes - Icrc.Length;
        if (covered < Vector128<byte>.Count || !Crc32.IsPclmulqdqUsable)
        {
            WriteOneByOne(pseudo, datagrams, datagramBytes, differ);
            return;
        }

        // In bounds: every datagram has its covered bytes, at least a block, and the ICRC after them.
        uint register = pseudo.RegisterAfterPseudo(datagramBytes);
        uint mask = differ ? uint.MaxValue : 0;
        ref byte next = ref MemoryMarshal.GetReference(datagrams);
        int index = 0;
        for (; index + Lanes <= count; index += Lanes)
        {
            WriteFour(ref next, (nuint)datagramBytes, (nuint)covered, register, index, mask);
            next = ref Unsafe.Add(ref next, Lanes * datagramBytes);
        }

        for (; index < count; index++)
        {
            Store(ref next, (nuint)covered, Crc32.UpdateCarry(FirstCarry(ref next, CarryOf(register, index, mask)), datagrams.Slice(index * datagramBytes, covered)));
            next = ref Unsafe.Add(ref next, datagramBytes);
        }
    }

    /// <summary>The oracle, and the form for processors without carry-less multiplication.</summary>
    internal static void WriteOneByOne(in IcrcPseudo pseudo, Span<byte> datagrams, int datagramBytes, bool differ)
    {
        int covered = datagramBytes - Icrc.Length;
        for (int index = 0; index * datagramBytes < datagrams.Length; index++)
        {
            Span<byte> datagram = datagrams.Slice(index * datagramBytes, datagramBytes);
            Icrc.Write(datagram[covered..], Icrc.Begin(pseudo, datagram[..covered], datagramBytes, differ ? (ushort)index : (ushort)0));
        }
    }

    private static void WriteFour(ref byte first, nuint stride, nuint covered, uint register, int index, uint mask)
    {
        ref byte second = ref Unsafe.Add(ref first, stride);
        ref byte third = ref Unsafe.Add(ref second, stride);
        ref byte fourth = ref Unsafe.Add(ref third, stride);
        Vector128<ulong> a = FirstBlock(ref first, CarryOf(register, index, mask));
        Vector128<ulong> b = FirstBlock(ref second, CarryOf(register, index + 1, mask));
        Vector128<ulong> c = FirstBlock(ref third, CarryOf(register, index + 2, mask));
        Vector128<ulong> d = FirstBlock(ref fourth, CarryOf(register, index + 3, mask));
        Vector128<ulong> by128 = Crc32.FoldBy128;
        nuint offset = (nuint)Vector128<byte>.Count;
        for (; offset + (nuint)Vector128<byte>.Count <= covered; offset += (nuint)Vector128<byte>.Count)
        {
            a = Crc32.Fold(a, by128) ^ Vector128.LoadUnsafe(ref first, offset).AsUInt64();
            b = Crc32.Fold(b, by128) ^ Vector128.LoadUnsafe(ref second, offset).AsUInt64();
            c = Crc32.Fold(c, by128) ^ Vector128.LoadUnsafe(ref third, offset).AsUInt64();
            d = Crc32.Fold(d, by128) ^ Vector128.LoadUnsafe(ref fourth, offset).AsUInt64();
        }

        if (offset < covered)
        {
            nuint tail = covered - (nuint)Vector128<byte>.Count;
            a = Crc32.FoldTail(a, by128, Vector128.LoadUnsafe(ref first, tail), covered - offset);
            b = Crc32.FoldTail(b, by128, Vector128.LoadUnsafe(ref second, tail), covered - offset);
            c = Crc32.FoldTail(c, by128, Vector128.LoadUnsafe(ref third, tail), covered - offset);
            d = Crc32.FoldTail(d, by128, Vector128.LoadUnsafe(ref fourth, tail), covered - offset);
        }

        Store(ref first, covered, Crc32.Reduce128(a));
        Store(ref second, covered, Crc32.Reduce128(b));
        Store(ref third, covered, Crc32.Reduce128(c));
        Store(ref fourth, covered, Crc32.Reduce128(d));
    }

    /// <summary>The register, with what identification <paramref name="index"/> adds under the mask.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint CarryOf(uint register, int index, uint mask) => register ^ (s_identifications[index] & mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> FirstBlock(ref byte datagram, uint register) =>
        (Vector128.LoadUnsafe(ref datagram) | ReservedMask).AsUInt64() ^ Crc32.CarryOf(register);

    /// <summary>The carry to the first block, with the complement of resv8a, which makes that byte all ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> FirstCarry(ref byte datagram, uint register) =>
        Crc32.CarryOf(register) ^ Vector128.CreateScalar((ulong)(byte)~Unsafe.Add(ref datagram, BthView.ReservedOffset) << (8 * BthView.ReservedOffset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ref byte datagram, nuint covered, uint register) =>
        Unsafe.WriteUnaligned(ref Unsafe.AddByteOffset(ref datagram, covered), Icrc.Finish(register));

    private static uint[] BuildIdentifications()
    {
        var table = new uint[DatagramsMax];
        Span<byte> rest = stackalloc byte[IcrcPseudo.IPv4Bytes - IcrcPseudo.IdentificationOffset];
        for (int i = 0; i < table.Length; i++)
        {
            rest[1] = (byte)i;
            table[i] = Crc32.UpdateScalar(0, rest);
        }

        return table;
    }

    private static void ThrowNoTrain(int bytes, int datagramBytes) =>
        throw new ArgumentException($"{bytes} bytes are no train of datagrams of {datagramBytes} bytes");
}
