using System.Runtime.InteropServices;

namespace RoceEngine.Vrdma.Demo;

/// <summary>
/// Bytes that depend on a seed and on their place in 64 bits each, so that a byte that comes from another message, another
/// place or another run is seen.
/// </summary>
internal static class Pattern
{
    private const ulong Golden = 0x9E37_79B9_7F4A_7C15;

    /// <summary>Fills with the pattern of a seed, beginning at its first byte.</summary>
    public static void Fill(Span<byte> bytes, ulong seed)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        for (int i = 0; i < words.Length; i++)
            words[i] = Word(seed, i);
        int filled = words.Length * sizeof(ulong);
        for (int i = filled; i < bytes.Length; i++)
            bytes[i] = Tail(seed, words.Length, i - filled);
    }

    /// <summary>The index of the first byte that is not the pattern's, or -1.</summary>
    public static int FirstDifference(ReadOnlySpan<byte> bytes, ulong seed)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        for (int i = 0; i < words.Length; i++)
        {
            ulong difference = words[i] ^ Word(seed, i);
            if (difference != 0)
                return (i * sizeof(ulong)) + (System.Numerics.BitOperations.TrailingZeroCount(difference) / 8);
        }

        int compared = words.Length * sizeof(ulong);
        for (int i = compared; i < bytes.Length; i++)
        {
            if (bytes[i] != Tail(seed, words.Length, i - compared))
                return i;
        }

        return -1;
    }

    /// <summary>A number that depends on every bit of a seed and an index.</summary>
    public static ulong Word(ulong seed, int index)
    {
        ulong mixed = (seed * Golden) + ((ulong)(uint)index * 0xD6E8_FEB8_6659_FD93) + Golden;
        mixed = (mixed ^ (mixed >> 32)) * 0xD6E8_FEB8_6659_FD93;
        return mixed ^ (mixed >> 29);
    }

    private static byte Tail(ulong seed, int wordIndex, int byteIndex) => (byte)(Word(seed, wordIndex) >> (8 * byteIndex));
}
