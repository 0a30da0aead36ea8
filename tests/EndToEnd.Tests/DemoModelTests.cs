using RoceEngine.Vrdma.Demo;

namespace EndToEnd.Tests;

/// <summary>What the demo compares with: a wrong byte must be seen wherever it is.</summary>
public sealed class DemoModelTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(61)]
    [InlineData(4096)]
    public void A_pattern_sees_a_wrong_bit_at_any_byte(int bytes)
    {
        byte[] filled = new byte[bytes];
        Pattern.Fill(filled, 5);
        Assert.Equal(-1, Pattern.FirstDifference(filled, 5));
        for (int i = 0; i < bytes; i++)
        {
            filled[i] ^= 0x80;
            Assert.Equal(i, Pattern.FirstDifference(filled, 5));
            filled[i] ^= 0x80;
        }
    }

    [Fact]
    public void Patterns_of_neighbouring_seeds_and_places_share_nothing()
    {
        HashSet<ulong> words = [];
        for (ulong seed = 0; seed < 64; seed++)
        {
            for (int i = 0; i < 1024; i++)
                Assert.True(words.Add(Pattern.Word(seed, i)), $"word {i} of seed {seed} was there before");
        }
    }

    [Theory]
    [InlineData("CompareSwap")]
    [InlineData("FetchAdd")]
    public void The_atomics_model_is_what_a_sequential_word_does(string operation)
    {
        Pass pass = new() { Operation = Enum.Parse<DemoOperation>(operation), Bytes = 8, Messages = 30, Window = 1, Seed = 9 };
        ulong[] values = AtomicModel.Values(pass);
        ulong word = AtomicModel.InitialValue(pass);
        int unchanged = 0;
        for (int i = 0; i < pass.Messages; i++)
        {
            Assert.Equal(values[i], word);
            (ulong compareOrAdd, ulong swap) = AtomicModel.Operands(pass, values, i);
            ulong before = word;
            if (pass.Operation == DemoOperation.FetchAdd)
                word = unchecked(word + compareOrAdd);
            else if (word == compareOrAdd)
                word = swap;
            unchanged += word == before ? 1 : 0;
        }

        Assert.Equal(values[^1], word);
        Assert.Equal(pass.Operation == DemoOperation.CompareSwap ? 10 : 0, unchanged);
    }

    [Fact]
    public void Slots_lie_apart_and_within_the_area()
    {
        foreach (DemoStep step in DemoStep.All)
        {
            for (int i = 0; i < step.Messages; i++)
            {
                int end = MemoryArea.SlotOffset(step.Bytes, i) + step.Bytes;
                int next = i + 1 < step.Messages ? MemoryArea.SlotOffset(step.Bytes, i + 1) : MemoryArea.AreaBytes;
                Assert.True(next - end >= 64, $"{step}: slot {i} ends at {end}, the next begins at {next}");
            }
        }
    }
}
