using RoceEngine.Links;

namespace RoceEngine.Simulation.Drawing;

/// <summary>A seeded source of decisions. Each part of a world has its own, so that a decision more in one part moves no other's.</summary>
internal sealed class Dice(ulong seed)
{
    private DeterministicRandom _random = new(seed);

    /// <summary>64 random bits.</summary>
    public ulong Next64() => _random.NextUInt64();

    /// <summary>A number from <paramref name="least"/> to <paramref name="most"/>, both included.</summary>
    public int Between(int least, int most) => least + (int)_random.Next((long)most - least + 1);

    /// <summary>A number from <paramref name="least"/> to <paramref name="most"/>, both included.</summary>
    public long Between(long least, long most) => least + _random.Next(most - least + 1);

    /// <summary>True with that probability.</summary>
    public bool Chance(double probability) => _random.Chance(probability);

    /// <summary>One of them.</summary>
    public T Pick<T>(params ReadOnlySpan<T> choices) => choices[Between(0, choices.Length - 1)];

    /// <summary>An index, each with a probability in proportion to its weight.</summary>
    public int Weighted(ReadOnlySpan<int> weights)
    {
        int total = 0;
        foreach (int weight in weights)
            total += weight;
        int drawn = Between(0, total - 1);
        int index = 0;
        while (drawn >= weights[index])
            drawn -= weights[index++];
        return index;
    }

    /// <summary>Other dice that follow from these.</summary>
    public Dice Fork() => new(Next64());
}
