using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace RoceEngine.SideBySide.Limits;

/// <summary>
/// The bare carry-less fold that any CRC needs: no start, no end, no reduction. As wide as the processor can, 512, 256 or 128 bits;
/// a plain read pass where it has no carry-less multiplication.
/// </summary>
internal readonly struct FoldPass : IPiecePass
{
    // Any constants are as fast as the right ones.
    private const ulong LowFactor = 0x1_5444_2BD4;
    private const ulong HighFactor = 0x1_C6E4_1596;

    public static uint Pass(ReadOnlySpan<byte> piece) =>
        Pclmulqdq.V512.IsSupported ? FoldWidest(piece) : Pclmulqdq.V256.IsSupported ? FoldWide(piece) : Pclmulqdq.IsSupported ? FoldNarrow(piece) : ReadPass.Pass(piece);

    private static uint FoldWidest(ReadOnlySpan<byte> piece)
    {
        ref byte start = ref MemoryMarshal.GetReference(piece);
        Vector512<ulong> factors = Vector512.Create(Vector256.Create(LowFactor, HighFactor, LowFactor, HighFactor), Vector256.Create(LowFactor, HighFactor, LowFactor, HighFactor));
        Vector512<ulong> first = default;
        Vector512<ulong> second = default;
        Vector512<ulong> third = default;
        Vector512<ulong> fourth = default;
        for (nuint offset = 0; offset + 256 <= (nuint)piece.Length; offset += 256)
        {
            first = Fold(first, factors) ^ Vector512.LoadUnsafe(ref start, offset).AsUInt64();
            second = Fold(second, factors) ^ Vector512.LoadUnsafe(ref start, offset + 64).AsUInt64();
            third = Fold(third, factors) ^ Vector512.LoadUnsafe(ref start, offset + 128).AsUInt64();
            fourth = Fold(fourth, factors) ^ Vector512.LoadUnsafe(ref start, offset + 192).AsUInt64();
        }
        return (first ^ second ^ third ^ fourth).AsUInt32().GetElement(0);
    }

    private static uint FoldWide(ReadOnlySpan<byte> piece)
    {
        ref byte start = ref MemoryMarshal.GetReference(piece);
        Vector256<ulong> factors = Vector256.Create(LowFactor, HighFactor, LowFactor, HighFactor);
        Vector256<ulong> first = default;
        Vector256<ulong> second = default;
        Vector256<ulong> third = default;
        Vector256<ulong> fourth = default;
        for (nuint offset = 0; offset + 128 <= (nuint)piece.Length; offset += 128)
        {
            first = Fold(first, factors) ^ Vector256.LoadUnsafe(ref start, offset).AsUInt64();
            second = Fold(second, factors) ^ Vector256.LoadUnsafe(ref start, offset + 32).AsUInt64();
            third = Fold(third, factors) ^ Vector256.LoadUnsafe(ref start, offset + 64).AsUInt64();
            fourth = Fold(fourth, factors) ^ Vector256.LoadUnsafe(ref start, offset + 96).AsUInt64();
        }
        return (first ^ second ^ third ^ fourth).AsUInt32().GetElement(0);
    }

    private static uint FoldNarrow(ReadOnlySpan<byte> piece)
    {
        ref byte start = ref MemoryMarshal.GetReference(piece);
        Vector128<ulong> factors = Vector128.Create(LowFactor, HighFactor);
        Vector128<ulong> first = default;
        Vector128<ulong> second = default;
        Vector128<ulong> third = default;
        Vector128<ulong> fourth = default;
        for (nuint offset = 0; offset + 64 <= (nuint)piece.Length; offset += 64)
        {
            first = Fold(first, factors) ^ Vector128.LoadUnsafe(ref start, offset).AsUInt64();
            second = Fold(second, factors) ^ Vector128.LoadUnsafe(ref start, offset + 16).AsUInt64();
            third = Fold(third, factors) ^ Vector128.LoadUnsafe(ref start, offset + 32).AsUInt64();
            fourth = Fold(fourth, factors) ^ Vector128.LoadUnsafe(ref start, offset + 48).AsUInt64();
        }
        return (first ^ second ^ third ^ fourth).AsUInt32().GetElement(0);
    }

    private static Vector512<ulong> Fold(Vector512<ulong> blocks, Vector512<ulong> factors) =>
        Pclmulqdq.V512.CarrylessMultiply(blocks, factors, 0x00) ^ Pclmulqdq.V512.CarrylessMultiply(blocks, factors, 0x11);

    private static Vector256<ulong> Fold(Vector256<ulong> blocks, Vector256<ulong> factors) =>
        Pclmulqdq.V256.CarrylessMultiply(blocks, factors, 0x00) ^ Pclmulqdq.V256.CarrylessMultiply(blocks, factors, 0x11);

    private static Vector128<ulong> Fold(Vector128<ulong> block, Vector128<ulong> factors) =>
        Pclmulqdq.CarrylessMultiply(block, factors, 0x00) ^ Pclmulqdq.CarrylessMultiply(block, factors, 0x11);
}
