using CsCheck;
using RoceEngine.Device;

namespace Device.Tests;

public sealed class TableTests
{
    /// <summary>A source that gives what a seed says, squeezed so that numbers collide often.</summary>
    private sealed class SeededSource(int seed) : IRandomSource
    {
        private readonly Random _random = new(seed);

        public void Fill(Span<byte> bytes) => _random.NextBytes(bytes);
    }

    [Fact]
    public void Numbers_behave_as_a_dictionary_under_any_sequence_of_adds_and_removes() =>
        Gen.Select(Gen.Int, Gen.Int[0, 99].Array[0, 400]).Sample((seed, steps) =>
        {
            // Ten bits: collisions and long probes are common, and the table grows.
            var table = new NumberTable<object>(new SeededSource(seed), bits: 10, reservedBelow: 2);
            var model = new Dictionary<uint, object>();
            foreach (int step in steps)
            {
                if (step < 60 && model.Count < 300)
                {
                    var item = new object();
                    uint number = table.Add(item);
                    if (number is < 2 or >= 1023 || !model.TryAdd(number, item))
                    {
                        return false;
                    }
                }
                else if (model.Count > 0)
                {
                    uint number = model.Keys.ElementAt(step % model.Count);
                    table.Remove(number);
                    model.Remove(number);
                }
            }

            return table.Count == model.Count
                && Enumerable.Range(0, 1024).All(number => ReferenceEquals(table.Find((uint)number), model.GetValueOrDefault((uint)number)));
        });

    [Fact]
    public void Removing_a_number_that_names_nothing_is_a_bug_and_says_so()
    {
        var table = new NumberTable<object>(CryptographicRandomSource.Instance, bits: 32, reservedBelow: 1);
        uint number = table.Add(new object());
        table.Remove(number);
        Assert.Throws<InvalidOperationException>(() => table.Remove(number));
    }

    [Fact]
    public void Handles_begin_at_one_and_a_freed_one_is_the_last_to_be_reused()
    {
        var table = new ResourceTable<object>(4);
        Assert.True(table.TryAdd("a", out uint first));
        Assert.Equal(1u, first);
        table.Remove(first);
        Assert.True(table.TryAdd("b", out uint second));
        Assert.True(table.TryAdd("c", out uint third));
        Assert.Equal((2u, 3u), (second, third));
        Assert.True(table.TryAdd("d", out uint again));
        Assert.Equal(first, again);
        Assert.False(table.TryAdd("e", out _));
        Assert.Equal(3, table.Count);
        Assert.Null(table[0]);
        Assert.Null(table[4]);
        Assert.Null(table[uint.MaxValue]);
    }
}
