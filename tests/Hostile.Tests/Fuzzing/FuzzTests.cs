namespace Hostile.Tests.Fuzzing;

/// <summary>
/// A bounded run of every fuzz target: each seed, each seed cut at every length, and mutations of the seeds from a fixed random sequence. The same inputs
/// each time; long runs with coverage are the business of tests/Fuzz.
/// </summary>
public sealed class FuzzTests
{
    public static TheoryData<string, int> Targets => new()
    {
        { "codec", 200_000 }, { "capture", 3_000 }, { "commands", 1_500 }, { "requests", 1_500 }, { "responder", 1_500 }, { "requester", 1_500 },
    };

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_target_survives_its_seeds_and_their_mutations(string name, int mutations)
    {
        Action<byte[]> target = FuzzTargets.All[name];
        IReadOnlyList<byte[]> seeds = FuzzSeeds.For(name);
        Assert.NotEmpty(seeds);
        foreach (byte[] seed in seeds)
        {
            Run(target, seed, "a seed");
        }

        byte[] shortest = seeds.MinBy(seed => seed.Length)!;
        for (int length = 0; length <= Math.Min(shortest.Length, 200); length++)
        {
            Run(target, shortest[..length], $"a seed cut at {length}");
        }

        var random = new Random(20261122);
        for (int i = 0; i < mutations; i++)
        {
            Run(target, Mutate(random, seeds), $"mutation {i}");
        }
    }

    [Fact]
    public void Every_target_has_its_bounded_run() =>
        Assert.Equal(FuzzTargets.All.Keys.Order(), Targets.Select(row => row.Data.Item1).Order());

    private static void Run(Action<byte[]> target, byte[] input, string what)
    {
        try
        {
            target(input);
        }
        catch (Exception e)
        {
            Assert.Fail($"{what}: {Convert.ToHexString(input.AsSpan(0, Math.Min(input.Length, 4096)))}: {e}");
        }
    }

    private static byte[] Mutate(Random random, IReadOnlyList<byte[]> seeds)
    {
        byte[] seed = seeds[random.Next(seeds.Count)];
        byte[] bytes = random.Next(4) == 0 ? [.. seed, .. seeds[random.Next(seeds.Count)]] : [.. seed];
        if (bytes.Length > 4096 && random.Next(2) == 0)
        {
            bytes = bytes[..random.Next(1, 4096)];
        }

        for (int change = random.Next(1, 9); change > 0 && bytes.Length > 0; change--)
        {
            int at = random.Next(Math.Min(bytes.Length, 2048));
            bytes[at] = random.Next(5) switch
            {
                0 => (byte)random.Next(256),
                1 => 0xFF,
                2 => 0,
                3 => (byte)(bytes[at] ^ (1 << random.Next(8))),
                _ => (byte)(bytes[at] + random.Next(-4, 5)),
            };
        }

        return random.Next(8) == 0 ? bytes[..random.Next(bytes.Length + 1)] : bytes;
    }
}
