namespace RoceEngine.Links;

/// <summary>
/// SplitMix64 (G. Steele et al., "Fast Splittable Pseudorandom Number Generators", 2014): the same seed gives the same sequence on
/// every machine and runtime, so that a failing simulation replays.
/// </summary>
public struct DeterministicRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>64 random bits.</summary>
    public ulong NextUInt64()
    {
        _state += 0x9E37_79B9_7F4A_7C15;
        ulong mixed = _state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A number in 0 … <paramref name="bound"/> - 1; 0 for a bound of 0 or less.</summary>
    public long Next(long bound) => bound <= 0 ? 0 : (long)Math.BigMul(NextUInt64(), (ulong)bound, out _);

    /// <summary>True with that probability. Takes one number from the sequence whatever the probability is.</summary>
    public bool Chance(double probability) => (NextUInt64() >> 11) * (1.0 / (1UL << 53)) < probability;
}
