using RoceEngine.Simulation.Drawing;
using System.Runtime.InteropServices;

namespace RoceEngine.Simulation.Checking;

/// <summary>
/// The bytes that all messages are cut from: random, but the same in every process. A message is a slice at a random offset, so that what
/// came can be compared without keeping what was sent, and slices of a few bytes or more tell each other apart.
/// </summary>
internal static class Pattern
{
    /// <summary>Bytes of the pattern.</summary>
    public const int Bytes = 9 << 20;

    /// <summary>What memory that nobody may write is filled with.</summary>
    public const byte Guard = 0xC7;

    /// <summary>What memory is filled with before a message comes.</summary>
    public const byte Blank = 0xE5;

    private static readonly byte[] Content = Make();

    /// <summary>A part of the pattern.</summary>
    public static ReadOnlySpan<byte> Slice(int offset, int bytes) => Content.AsSpan(offset, bytes);

    private static byte[] Make()
    {
        byte[] content = new byte[Bytes];
        var dice = new Dice(0x5EED);
        foreach (ref ulong word in MemoryMarshal.Cast<byte, ulong>(content.AsSpan()))
            word = dice.Next64();
        return content;
    }
}
