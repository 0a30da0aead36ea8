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

    /// <summary>So many of the last ones had no good end: the word may be as it was before any of them.</summary>
    public bool Allows(ulong actual, int uncertain) =>
        actual == Value || _before.AsSpan()[^Math.Min(uncertain, _before.Count)..].Contains(actual);

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
