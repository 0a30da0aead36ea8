using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace RoceEngine.SideBySide.Limits;

/// <summary>Reads every byte once and does next to nothing with it: the memory's own speed.</summary>
internal readonly struct ReadPass : IPiecePass
{
    public static uint Pass(ReadOnlySpan<byte> piece)
    {
        ref byte start = ref MemoryMarshal.GetReference(piece);
        Vector256<byte> first = default;
        Vector256<byte> second = default;
        Vector256<byte> third = default;
        Vector256<byte> fourth = default;
        for (nuint offset = 0; offset + 128 <= (nuint)piece.Length; offset += 128)
        {
            first ^= Vector256.LoadUnsafe(ref start, offset);
            second ^= Vector256.LoadUnsafe(ref start, offset + 32);
            third ^= Vector256.LoadUnsafe(ref start, offset + 64);
            fourth ^= Vector256.LoadUnsafe(ref start, offset + 96);
        }
        return (first ^ second ^ third ^ fourth).AsUInt32().GetElement(0);
    }
}
