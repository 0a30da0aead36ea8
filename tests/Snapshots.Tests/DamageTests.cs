using CsCheck;

namespace RoceEngine.Snapshots.Tests;

public class DamageTests
{
    // Two buffers of a megabyte for each of five passes, and what the manifest and a state of this size can take.
    private const long AllocatedBytesMax = 16 << 20;

    [Fact]
    public void A_change_of_any_byte_is_noticed()
    {
        byte[] file = Sample.Small.ToFile();
        Assert.True(Victim.IsAccepted(file));
        var random = new Random(5);
        for (int at = 0; at < file.Length; at++)
        {
            byte was = file[at];
            file[at] ^= (byte)random.Next(1, 256);
            Assert.False(Victim.IsAccepted(file), $"A change at byte {at} of {file.Length} passed.");
            file[at] = was;
        }
    }

    [Fact]
    public void Any_bit_flip_of_a_large_snapshot_is_noticed()
    {
        byte[] file = Sample.Create(8, [.. Enumerable.Range(0, 700).Select(i => i % 5)], 5000, 5000).ToFile();
        Assert.True(Victim.IsAccepted(file));
        Gen.Select(Gen.Int[0, file.Length - 1], Gen.Int[0, 7]).Sample((at, bit) =>
        {
            byte[] changed = [.. file];
            changed[at] ^= (byte)(1 << bit);
            return !Victim.IsAccepted(changed);
        }, iter: 500, threads: 1);
    }

    [Fact]
    public void A_file_that_ends_early_is_noticed_wherever_it_ends()
    {
        byte[] file = Sample.Small.ToFile();
        for (int bytes = 0; bytes < file.Length; bytes++)
            Assert.False(Victim.IsAccepted(file[..bytes]), $"{bytes} of {file.Length} bytes passed.");
    }

    [Fact]
    public void Bytes_behind_the_end_are_noticed()
    {
        Assert.Equal("The snapshot has 1 bytes behind its end.", Victim.Try([.. Sample.Small.ToFile(), 0]));
    }

    [Fact]
    public void Random_mutations_are_refused_or_harmless_and_take_bounded_memory()
    {
        byte[] file = Sample.Small.ToFile();
        Gen<(int At, int Value)[]> changes = Gen.Select(Gen.Int[0, file.Length - 1], Gen.Int[0, 255]).Array[1, 8];
        Gen.Select(changes, Gen.Int[0, 40], Gen.Int[0, file.Length]).Sample((mutations, cut, from) =>
        {
            byte[] changed = [.. file];
            foreach ((int at, int value) in mutations)
                changed[at] = (byte)value;
            if (cut == 0)
                changed = [.. changed.AsSpan(0, from), .. changed.AsSpan(Math.Min(changed.Length, from + 24))];
            string? refusal = TryWithinBounds(changed);
            return refusal is not null || changed.AsSpan().SequenceEqual(file);
        }, iter: 10_000, threads: 1);
    }

    [Fact]
    public void Random_contents_with_the_right_checksums_are_refused_or_harmless_and_take_bounded_memory()
    {
        byte[] manifest = Forge.ManifestJson(Sample.Describe(40_000, 0, 8 * Sample.PageBytes));
        byte[] state = Forge.Compress(new byte[40_000]);
        byte[] chunk = Forge.Chunk(2, 3, [(1, 1), (4, 2)], 3 * Sample.PageBytes);
        byte[] compressedChunk = Forge.Compress(chunk);
        int refused = 0;
        Gen.Select(Gen.Int[0, 4], Gen.Select(Gen.UInt, Gen.Int[0, 300]).Array[1, 4]).Sample((where, changes) =>
        {
            byte[] Mutate(int part, byte[] content, int reach)
            {
                content = [.. content];
                foreach ((uint at, int value) in where == part ? changes : [])
                    content[at % Math.Min(content.Length, reach)] = (byte)value;
                return content;
            }

            byte[] file = new Forge()
                .Add(Forge.Manifest, Mutate(0, manifest, 2000))
                .Add(Forge.DeviceState, Mutate(1, state, 100), Forge.Compressed, 40_000)
                .Add(Forge.GuestRam, Mutate(2, where == 3 ? Forge.Compress(Mutate(3, chunk, 24)) : compressedChunk, 200), Forge.Compressed,
                    where == 4 ? (uint)changes[0].Item2 * 4000 : (uint)chunk.Length)
                .Finish();
            refused += TryWithinBounds(file) is null ? 0 : 1;
        }, iter: 10_000, threads: 1);
        Assert.InRange(refused, 5000, 9999);
    }

    private static string? TryWithinBounds(byte[] file)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        string? refusal = Victim.Try(file);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, AllocatedBytesMax);
        return refusal;
    }
}
