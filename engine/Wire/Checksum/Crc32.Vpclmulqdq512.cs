using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace RoceEngine.Wire;

/// <summary>The folding of Crc32.Pclmulqdq at 512 bits, four folds in flight: 256 bytes a step.</summary>
internal static partial class Crc32
{
    /// <summary>Below this the form of 256 bits is as fast.</summary>
    private const int WidestBytesMin = 512;

    private static readonly Vector512<ulong> WidestFoldBy512 = WidenMost(FoldConstants(512));

    private static readonly Vector512<ulong> WidestFoldBy2048 = WidenMost(FoldConstants(2048));

    internal static uint UpdateVpclmulqdq512(uint register, ReadOnlySpan<byte> bytes)
    {
        ref byte source = ref MemoryMarshal.GetReference(bytes);
        return UpdateVpclmulqdq512<NoCopy>(CarryOf(register), ref source, ref source, (nuint)bytes.Length);
    }

    internal static uint UpdateAndCopyVpclmulqdq512(uint register, ReadOnlySpan<byte> source, Span<byte> destination) =>
        UpdateVpclmulqdq512<Copy>(
            CarryOf(register),
            ref MemoryMarshal.GetReference(source),
            ref MemoryMarshal.GetReference(destination),
            (nuint)source.Length);

    /// <summary>At least 256 bytes. In bounds: every access ends at or before <paramref name="bytes"/>.</summary>
    private static uint UpdateVpclmulqdq512<TPass>(Vector128<ulong> carry, ref byte source, ref byte destination, nuint bytes)
        where TPass : struct, IPass
    {
        Vector512<ulong> first = LoadWidest<TPass>(ref source, ref destination, 0) ^ carry.ToVector256().ToVector512();
        Vector512<ulong> second = LoadWidest<TPass>(ref source, ref destination, 64);
        Vector512<ulong> third = LoadWidest<TPass>(ref source, ref destination, 128);
        Vector512<ulong> fourth = LoadWidest<TPass>(ref source, ref destination, 192);
        Vector512<ulong> by2048 = WidestFoldBy2048;
        nuint offset = 256;
        for (; offset + 256 <= bytes; offset += 256)
        {
            first = Fold(first, by2048) ^ LoadWidest<TPass>(ref source, ref destination, offset);
            second = Fold(second, by2048) ^ LoadWidest<TPass>(ref source, ref destination, offset + 64);
            third = Fold(third, by2048) ^ LoadWidest<TPass>(ref source, ref destination, offset + 128);
            fourth = Fold(fourth, by2048) ^ LoadWidest<TPass>(ref source, ref destination, offset + 192);
        }

        Vector512<ulong> by512 = WidestFoldBy512;
        first = Fold(first, by512) ^ second;
        first = Fold(first, by512) ^ third;
        first = Fold(first, by512) ^ fourth;
        for (; offset + 64 <= bytes; offset += 64)
        {
            first = Fold(first, by512) ^ LoadWidest<TPass>(ref source, ref destination, offset);
        }

        Vector256<ulong> half = Fold(first.GetLower(), WideFoldBy256) ^ first.GetUpper();
        Vector128<ulong> sum = Fold(half.GetLower(), FoldBy128) ^ half.GetUpper();
        return FinishBlocks<TPass>(sum, ref source, ref destination, offset, bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> LoadWidest<TPass>(ref byte source, ref byte destination, nuint offset)
        where TPass : struct, IPass
    {
        Vector512<byte> block = Vector512.LoadUnsafe(ref source, offset);
        if (TPass.Copies)
        {
            block.StoreUnsafe(ref destination, offset);
        }

        return block.AsUInt64();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Fold(Vector512<ulong> blocks, Vector512<ulong> constants) =>
        Pclmulqdq.V512.CarrylessMultiply(blocks, constants, 0x00) ^ Pclmulqdq.V512.CarrylessMultiply(blocks, constants, 0x11);

    private static Vector512<ulong> WidenMost(Vector128<ulong> constants) => Vector512.Create(Widen(constants), Widen(constants));
}
