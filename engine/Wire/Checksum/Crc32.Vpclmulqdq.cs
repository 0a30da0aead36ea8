using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace RoceEngine.Wire;

/// <summary>The folding of Crc32.Pclmulqdq at 256 bits, four folds in flight: 128 bytes a step.</summary>
internal static partial class Crc32
{
    /// <summary>Below this the narrow form is as fast.</summary>
    private const int VectorBytesMin = 256;

    private static readonly Vector256<ulong> WideFoldBy256 = Widen(FoldConstants(256));

    private static readonly Vector256<ulong> WideFoldBy1024 = Widen(FoldConstants(1024));

    internal static uint UpdateVpclmulqdq(uint register, ReadOnlySpan<byte> bytes)
    {
        ref byte source = ref MemoryMarshal.GetReference(bytes);
        return UpdateVpclmulqdq<NoCopy>(CarryOf(register), ref source, ref source, (nuint)bytes.Length);
    }

    internal static uint UpdateAndCopyVpclmulqdq(uint register, ReadOnlySpan<byte> source, Span<byte> destination) =>
        UpdateVpclmulqdq<Copy>(
            CarryOf(register),
            ref MemoryMarshal.GetReference(source),
            ref MemoryMarshal.GetReference(destination),
            (nuint)source.Length);

    /// <summary>At least 128 bytes. In bounds: every access ends at or before <paramref name="bytes"/>.</summary>
    private static uint UpdateVpclmulqdq<TPass>(Vector128<ulong> carry, ref byte source, ref byte destination, nuint bytes)
        where TPass : struct, IPass
    {
        Vector256<ulong> first = LoadWide<TPass>(ref source, ref destination, 0) ^ carry.ToVector256();
        Vector256<ulong> second = LoadWide<TPass>(ref source, ref destination, 32);
        Vector256<ulong> third = LoadWide<TPass>(ref source, ref destination, 64);
        Vector256<ulong> fourth = LoadWide<TPass>(ref source, ref destination, 96);
        Vector256<ulong> by1024 = WideFoldBy1024;
        nuint offset = 128;
        for (; offset + 128 <= bytes; offset += 128)
        {
            first = Fold(first, by1024) ^ LoadWide<TPass>(ref source, ref destination, offset);
            second = Fold(second, by1024) ^ LoadWide<TPass>(ref source, ref destination, offset + 32);
            third = Fold(third, by1024) ^ LoadWide<TPass>(ref source, ref destination, offset + 64);
            fourth = Fold(fourth, by1024) ^ LoadWide<TPass>(ref source, ref destination, offset + 96);
        }

        Vector256<ulong> by256 = WideFoldBy256;
        first = Fold(first, by256) ^ second;
        first = Fold(first, by256) ^ third;
        first = Fold(first, by256) ^ fourth;
        for (; offset + 32 <= bytes; offset += 32)
        {
            first = Fold(first, by256) ^ LoadWide<TPass>(ref source, ref destination, offset);
        }

        Vector128<ulong> sum = Fold(first.GetLower(), FoldBy128) ^ first.GetUpper();
        return FinishBlocks<TPass>(sum, ref source, ref destination, offset, bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> LoadWide<TPass>(ref byte source, ref byte destination, nuint offset)
        where TPass : struct, IPass
    {
        Vector256<byte> block = Vector256.LoadUnsafe(ref source, offset);
        if (TPass.Copies)
        {
            block.StoreUnsafe(ref destination, offset);
        }

        return block.AsUInt64();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Fold(Vector256<ulong> blocks, Vector256<ulong> constants) =>
        Pclmulqdq.V256.CarrylessMultiply(blocks, constants, 0x00) ^ Pclmulqdq.V256.CarrylessMultiply(blocks, constants, 0x11);

    private static Vector256<ulong> Widen(Vector128<ulong> constants) => Vector256.Create(constants, constants);
}
