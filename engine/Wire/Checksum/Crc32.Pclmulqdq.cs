using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace RoceEngine.Wire;

/// <summary>
/// Folding by carry-less multiplication, 128 bits wide, four folds in flight. V. Gopal et al., "Fast CRC Computation for Generic
/// Polynomials Using PCLMULQDQ Instruction", Intel 2009: 128 bits that are followed by D more bits may be replaced by the sum of
/// their halves times x^(D+64) and x^D modulo P, without changing the residue of the whole.
/// </summary>
internal static partial class Crc32
{
    private const int BlockBytes = 16;

    /// <summary>Fold constants for a distance in bits: low half of a block, high half. See <see cref="FoldConstants"/>.</summary>
    internal static readonly Vector128<ulong> FoldBy128 = FoldConstants(128);

    private static readonly Vector128<ulong> FoldBy512 = FoldConstants(512);

    /// <summary>The SSE4.1 and SSSE3 instructions of the tail come with every processor that has this one, but are asked for.</summary>
    internal static bool IsPclmulqdqUsable => Pclmulqdq.IsSupported && Sse41.IsSupported;

    /// <summary>What a pass does with the bytes that it reads, besides the CRC.</summary>
    private interface IPass
    {
        static abstract bool Copies { get; }
    }

    private readonly struct NoCopy : IPass
    {
        public static bool Copies => false;
    }

    private readonly struct Copy : IPass
    {
        public static bool Copies => true;
    }

    /// <summary>
    /// The pair of factors that carries a block across <paramref name="distanceBits"/>. The exponents are 32 less than in the paper's
    /// text because the register's own multiplication by x^32 is left to the reduction, and the shift makes up for the product of
    /// reflected factors being one bit short.
    /// </summary>
    internal static Vector128<ulong> FoldConstants(int distanceBits) => Vector128.Create(
        (ulong)Crc32Field.PowerOfX(distanceBits + 32) << 1,
        (ulong)Crc32Field.PowerOfX(distanceBits - 32) << 1);

    internal static uint UpdatePclmulqdq(uint register, ReadOnlySpan<byte> bytes)
    {
        ref byte source = ref MemoryMarshal.GetReference(bytes);
        return UpdatePclmulqdq<NoCopy>(CarryOf(register), ref source, ref source, (nuint)bytes.Length);
    }

    internal static uint UpdateAndCopyPclmulqdq(uint register, ReadOnlySpan<byte> source, Span<byte> destination) =>
        UpdatePclmulqdq<Copy>(
            CarryOf(register),
            ref MemoryMarshal.GetReference(source),
            ref MemoryMarshal.GetReference(destination),
            (nuint)source.Length);

    /// <summary>
    /// The register after at least <see cref="BlockBytes"/> bytes, begun with a carry instead of a register: a block to be added to the
    /// first one, from <see cref="CarryOf(uint)"/> or <see cref="CarryOf(Vector128{ulong})"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint UpdateCarry(Vector128<ulong> carry, ReadOnlySpan<byte> bytes)
    {
        ref byte source = ref MemoryMarshal.GetReference(bytes);
        return bytes.Length >= WidestBytesMin && Pclmulqdq.V512.IsSupported
                ? UpdateVpclmulqdq512<NoCopy>(carry, ref source, ref source, (nuint)bytes.Length)
            : bytes.Length >= VectorBytesMin && Pclmulqdq.V256.IsSupported
                ? UpdateVpclmulqdq<NoCopy>(carry, ref source, ref source, (nuint)bytes.Length)
            : UpdatePclmulqdq<NoCopy>(carry, ref source, ref source, (nuint)bytes.Length);
    }

    /// <summary>A register stands at the first four bytes of what follows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<ulong> CarryOf(uint register) => Vector128.CreateScalar((ulong)register);

    /// <summary>A sum of blocks is folded over the block that follows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<ulong> CarryOf(Vector128<ulong> sum) => Fold(sum, FoldBy128);

    /// <summary>
    /// The register after the blocks of <paramref name="sum"/> and 1…15 bytes more, which are the last ones of
    /// <paramref name="tail"/>; its other bytes are not looked at.
    /// </summary>
    internal static uint FinishWithTail(Vector128<ulong> sum, Vector128<byte> tail, int tailBytes) =>
        Reduce128(FoldTail(sum, FoldBy128, tail, (nuint)tailBytes));

    /// <summary>At least <see cref="BlockBytes"/> bytes. In bounds: every access ends at or before <paramref name="bytes"/>.</summary>
    private static uint UpdatePclmulqdq<TPass>(Vector128<ulong> carry, ref byte source, ref byte destination, nuint bytes)
        where TPass : struct, IPass
    {
        Vector128<ulong> sum = Load<TPass>(ref source, ref destination, 0) ^ carry;
        nuint offset = BlockBytes;
        if (bytes >= 8 * BlockBytes)
        {
            Vector128<ulong> second = Load<TPass>(ref source, ref destination, 16);
            Vector128<ulong> third = Load<TPass>(ref source, ref destination, 32);
            Vector128<ulong> fourth = Load<TPass>(ref source, ref destination, 48);
            Vector128<ulong> by512 = FoldBy512;
            for (offset = 64; offset + 64 <= bytes; offset += 64)
            {
                sum = Fold(sum, by512) ^ Load<TPass>(ref source, ref destination, offset);
                second = Fold(second, by512) ^ Load<TPass>(ref source, ref destination, offset + 16);
                third = Fold(third, by512) ^ Load<TPass>(ref source, ref destination, offset + 32);
                fourth = Fold(fourth, by512) ^ Load<TPass>(ref source, ref destination, offset + 48);
            }

            sum = Fold(sum, FoldBy128) ^ second;
            sum = Fold(sum, FoldBy128) ^ third;
            sum = Fold(sum, FoldBy128) ^ fourth;
        }

        return FinishBlocks<TPass>(sum, ref source, ref destination, offset, bytes);
    }

    /// <summary>Folds the whole blocks that are left, then the tail, and reduces to a register.</summary>
    private static uint FinishBlocks<TPass>(Vector128<ulong> sum, ref byte source, ref byte destination, nuint offset, nuint bytes)
        where TPass : struct, IPass
    {
        Vector128<ulong> by128 = FoldBy128;
        for (; offset + BlockBytes <= bytes; offset += BlockBytes)
        {
            sum = Fold(sum, by128) ^ Load<TPass>(ref source, ref destination, offset);
        }

        if (offset < bytes)
        {
            // In bounds: at least one block came before, so that the last 16 bytes exist. What is copied is what was summed.
            nuint tailBytes = bytes - offset;
            Vector128<byte> tail = Vector128.LoadUnsafe(ref source, bytes - BlockBytes);
            sum = FoldTail(sum, by128, tail, tailBytes);
            if (TPass.Copies)
            {
                ref byte read = ref Unsafe.As<Vector128<byte>, byte>(ref tail);
                Unsafe.CopyBlockUnaligned(ref Unsafe.Add(ref destination, offset), ref Unsafe.Add(ref read, BlockBytes - tailBytes), (uint)tailBytes);
            }
        }

        return Reduce128(sum);
    }

    /// <summary>Rows of 16 from this table at r and 16 + r shift a block by 16 - r and -r bytes; 0x80 gives zero.</summary>
    private static ReadOnlySpan<byte> ShiftTable =>
    [
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    ];

    /// <summary>
    /// The last 1…15 bytes, found at the end of <paramref name="tail"/>: they and the end of the sum make a whole block, over which
    /// the start of the sum is folded. In bounds: the table's rows end at 16 + 15 + 16 = 47.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<ulong> FoldTail(Vector128<ulong> sum, Vector128<ulong> by128, Vector128<byte> tail, nuint tailBytes)
    {
        ref byte table = ref MemoryMarshal.GetReference(ShiftTable);
        Vector128<byte> toEnd = Vector128.LoadUnsafe(ref table, tailBytes);
        Vector128<byte> toStart = Vector128.LoadUnsafe(ref table, BlockBytes + tailBytes);
        Vector128<byte> start = Ssse3.Shuffle(sum.AsByte(), toEnd);
        Vector128<byte> end = Sse41.BlendVariable(Ssse3.Shuffle(sum.AsByte(), toStart), tail, toStart);
        return Fold(start.AsUInt64(), by128) ^ end.AsUInt64();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Load<TPass>(ref byte source, ref byte destination, nuint offset)
        where TPass : struct, IPass
    {
        Vector128<byte> block = Vector128.LoadUnsafe(ref source, offset);
        if (TPass.Copies)
        {
            block.StoreUnsafe(ref destination, offset);
        }

        return block.AsUInt64();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<ulong> Fold(Vector128<ulong> block, Vector128<ulong> constants) =>
        Pclmulqdq.CarrylessMultiply(block, constants, 0x00) ^ Pclmulqdq.CarrylessMultiply(block, constants, 0x11);

    /// <summary>128 bits to 64 to 32, each step a multiplication by the power that the cut-off part stands at.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Reduce128(Vector128<ulong> sum)
    {
        Vector128<ulong> lowHalf = Vector128.Create(0xFFFF_FFFFuL, 0uL);
        sum = Pclmulqdq.CarrylessMultiply(sum, FoldBy128, 0x10) ^ Sse2.ShiftRightLogical128BitLane(sum, 8);
        sum = Pclmulqdq.CarrylessMultiply(sum & lowHalf, FoldBy64, 0x00) ^ Sse2.ShiftRightLogical128BitLane(sum, 4);
        return Crc32Field.Reduce64(sum);
    }

    /// <summary>x^64, for the step from 96 bits to 64.</summary>
    private static readonly Vector128<ulong> FoldBy64 = Vector128.CreateScalar((ulong)Crc32Field.PowerOfX(64) << 1);
}
