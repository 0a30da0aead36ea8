namespace RoceEngine.Simulation.Checking;

/// <summary>A word that one peer alone changes by atomics: a sequential model gives every answer in advance.</summary>
internal sealed class AtomicModel
{
    private readonly List<ulong> _before = [];

    /// <summary>The value once everything posted so far has happened.</summary>
    public ulong Value { get; private set; }

    /// <summary>A FETCH_ADD was posted; returns the answer that it must get.</summary>
    public ulong Add(ulong addend) => Change(Value + addend);

    /// <summary>A CMP_SWAP was posted; returns the answer that it must get.</summary>
    public ulong CompareSwap(ulong compare, ulong swap) => Change(Value == compare ? swap : Value);

    /// <summary>A masked CMP_SWAP was posted; returns the answer that it must get.</summary>
    public ulong CompareSwap(ulong compare, ulong compareMask, ulong swap, ulong swapMask) =>
        Change((Value & compareMask) == (compare & compareMask) ? (Value & ~swapMask) | (swap & swapMask) : Value);

    /// <summary>A masked FETCH_ADD was posted; returns the answer that it must get.</summary>
    public ulong Add(ulong addend, ulong boundary) => Change(AddBitByBit(Value, addend, boundary));

    /// <summary>So many of the last ones had no good end: the word may be as it was before any of them.</summary>
    public bool Allows(ulong actual, int uncertain) =>
        actual == Value || _before.AsSpan()[^Math.Min(uncertain, _before.Count)..].Contains(actual);

    // As on paper, from the lowest bit on: what is carried out of the highest bit of a field is forgotten.
    private static ulong AddBitByBit(ulong left, ulong right, ulong boundary)
    {
        ulong sum = 0;
        ulong carry = 0;
        for (int bit = 0; bit < 64; bit++)
        {
            ulong digits = ((left >> bit) & 1) + ((right >> bit) & 1) + carry;
            sum |= (digits & 1) << bit;
            carry = ((boundary >> bit) & 1) == 0 ? digits >> 1 : 0;
        }
        return sum;
    }

    private ulong Change(ulong to)
    {
        ulong original = Value;
        _before.Add(original);
        Value = to;
        return original;
    }
}

internal static class ListSpans
{
    /// <summary>The list's elements, valid until it changes.</summary>
    public static Span<T> AsSpan<T>(this List<T> list) => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(list);
}
