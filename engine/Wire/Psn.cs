namespace RoceEngine.Wire;

/// <summary>
/// A 24-bit packet sequence number. All wrap-around arithmetic of the engine lives here.
/// IBTA vol. 1, 9.7.2.
/// </summary>
public readonly struct Psn : IEquatable<Psn>
{
    /// <summary>The number of distinct PSNs, 2^24.</summary>
    public const uint Modulus = 1u << 24;

    private const uint Mask = Modulus - 1;

    /// <summary>Takes the low 24 bits of <paramref name="value"/>.</summary>
    public Psn(uint value) => Value = value & Mask;

    /// <summary>0 … 2^24 - 1.</summary>
    public uint Value { get; }

    /// <summary>This PSN minus <paramref name="other"/>, in -2^23 … 2^23 - 1: negative when this one is earlier.</summary>
    public int DistanceFrom(Psn other) => (int)((Value - other.Value) << 8) >> 8;

    /// <summary>The PSN <paramref name="count"/> packets later (earlier when negative).</summary>
    public static Psn operator +(Psn psn, int count) => new(psn.Value + (uint)count);

    /// <summary>The PSN <paramref name="count"/> packets later.</summary>
    public static Psn operator +(Psn psn, uint count) => new(psn.Value + count);

    /// <summary>The PSN <paramref name="count"/> packets earlier.</summary>
    public static Psn operator -(Psn psn, int count) => new(psn.Value - (uint)count);

    public static bool operator ==(Psn left, Psn right) => left.Value == right.Value;

    public static bool operator !=(Psn left, Psn right) => left.Value != right.Value;

    public bool Equals(Psn other) => Value == other.Value;

    public override bool Equals(object? obj) => obj is Psn other && Equals(other);

    public override int GetHashCode() => (int)Value;

    public override string ToString() => $"0x{Value:x6}";
}
