using System.Text;
using CsCheck;
using RoceEngine.Interop;

namespace RoceEngine.Snapshots.Tests;

public unsafe class RoundTripTests
{
    [Fact]
    public void Whatever_a_device_holds_comes_back_exactly()
    {
        Gen.Select(Gen.Int, Gen.Int[0, 4].Array[0, 600], Gen.Int[0, 20_000], Gen.Int[0, 5000]).Sample((seed, pages, state, control) =>
        {
            Sample sample = Sample.Create(seed, pages, state, control);
            using SnapshotFileReader reader = SnapshotFileReader.Open(new MemoryStream(sample.ToFile()));
            sample.AssertIsIn(reader);
        }, iter: 100, threads: 1);
    }

    [Fact]
    public void A_large_state_takes_several_sections_and_comes_back()
    {
        Sample sample = Sample.Create(3, [1], stateBytes: (7 << 19) + 5, controlBytes: (1 << 20) + 1);
        using SnapshotFileReader reader = SnapshotFileReader.Open(new MemoryStream(sample.ToFile()));
        sample.AssertIsIn(reader);
    }

    [Fact]
    public void Pages_that_are_zero_take_no_room_and_stay_untouched()
    {
        Sample sample = Sample.Create(1, [.. Enumerable.Repeat(0, 1000), 1], stateBytes: 0, controlBytes: 0);
        byte[] file = sample.ToFile();
        Assert.InRange(file.Length, Sample.PageBytes, Sample.PageBytes + 2048);

        var ram = new byte[sample.Ram.Length];
        ram.AsSpan().Fill(9);
        using SnapshotFileReader reader = SnapshotFileReader.Open(new MemoryStream(file));
        fixed (byte* into = ram)
            reader.ReadRam(into, ram.Length);
        Assert.False(ram.AsSpan(0, 1000 * Sample.PageBytes).ContainsAnyExcept((byte)9));
        Assert.True(ram.AsSpan(1000 * Sample.PageBytes).SequenceEqual(sample.Ram.AsSpan(1000 * Sample.PageBytes)));
    }

    [Fact]
    public void Noise_is_stored_as_it_is_and_text_is_compressed()
    {
        long noiseBytes = Sample.Create(1, [.. Enumerable.Repeat(1, 500)], 0, 0).ToFile().Length;
        long textBytes = Sample.Create(1, [.. Enumerable.Repeat(2, 500)], 0, 0).ToFile().Length;
        Assert.InRange(noiseBytes, 500 * Sample.PageBytes, 500 * Sample.PageBytes + 2048);
        Assert.InRange(textBytes, 0, 500 * Sample.PageBytes / 20);
    }

    [Fact]
    public void The_manifest_comes_back_and_can_be_read_with_head()
    {
        SnapshotManifest manifest = Sample.Small.Manifest with { Note = "before the upgrade" };
        var stream = new MemoryStream();
        using (SnapshotFileWriter writer = SnapshotFileWriter.Create(stream))
            writer.WriteManifest(manifest);
        string[] lines = Encoding.UTF8.GetString(stream.ToArray()).Split('\n');
        Assert.Contains("  \"device\": \"vrdma0\",", lines);
        Assert.Contains("  \"epoch\": 7,", lines);

        using SnapshotFileReader reader = SnapshotFileReader.Open(new MemoryStream(Sample.Small.ToFile()));
        SnapshotManifest expected = Sample.Small.Manifest;
        Assert.Equal(expected.Objects, reader.Manifest.Objects);
        Assert.Equal(expected.QueuePairs, reader.Manifest.QueuePairs);
        Assert.Equal(expected, reader.Manifest with { Objects = expected.Objects, QueuePairs = expected.QueuePairs }, EqualBesideLists);
    }

    [Fact]
    public void Members_of_a_newer_manifest_are_ignored()
    {
        byte[] json = Forge.ManifestJson(Sample.Describe(0, 0, 0), m =>
        {
            m["colour"] = "green";
            m["objects"]!.AsArray()[0]!["weight"] = 3;
        });
        using SnapshotFileReader reader = SnapshotFileReader.Open(new MemoryStream(new Forge().Add(Forge.Manifest, json).Finish()));
        reader.Verify();
        Assert.Equal("vrdma0", reader.Manifest.Device);
    }

    [Fact]
    public void A_manifest_without_lists_has_empty_ones()
    {
        byte[] json = Forge.ManifestJson(Sample.Describe(0, 0, 0), m => Assert.True(m.Remove("objects") && m.Remove("queuePairs")));
        using SnapshotFileReader reader = SnapshotFileReader.Open(new MemoryStream(new Forge().Add(Forge.Manifest, json).Finish()));
        Assert.Empty(reader.Manifest.Objects);
        Assert.Empty(reader.Manifest.QueuePairs);
    }

    [Fact]
    public void A_snapshot_of_a_sparse_guest_allocates_none_of_its_holes()
    {
        const int pages = 4096;
        int descriptor = SharedMemory.CreateMemfd("snapshot-test\0"u8, pages * Sample.PageBytes);
        byte* ram = SharedMemory.MapShared(descriptor, pages * Sample.PageBytes);
        try
        {
            ram[5 * Sample.PageBytes + 1] = 1;
            ram[3000 * Sample.PageBytes] = 2;
            GuestRamMap map = GuestRamMap.FromDescriptor(descriptor, pages * Sample.PageBytes);
            Assert.InRange(map.AllocatedBytes, 2 * Sample.PageBytes, pages * Sample.PageBytes / 2);

            var stream = new MemoryStream();
            using (SnapshotFileWriter writer = SnapshotFileWriter.Create(stream))
            {
                writer.WriteManifest(Sample.Describe(0, 0, pages * Sample.PageBytes));
                writer.WriteRam(ram, pages * Sample.PageBytes, map);
                writer.Complete();
            }
            Assert.Equal(map.AllocatedBytes, GuestRamMap.FromDescriptor(descriptor, pages * Sample.PageBytes).AllocatedBytes);

            var copy = new byte[pages * Sample.PageBytes];
            using SnapshotFileReader reader = SnapshotFileReader.Open(stream);
            reader.Verify();
            fixed (byte* into = copy)
                reader.ReadRam(into, copy.Length);
            Assert.True(copy.AsSpan().SequenceEqual(new ReadOnlySpan<byte>(ram, copy.Length)));
        }
        finally
        {
            SharedMemory.Unmap(ram, pages * Sample.PageBytes);
            Events.Close(descriptor);
        }
    }

    [Fact]
    public void Progress_rises_to_the_whole()
    {
        Sample sample = Sample.Create(1, [.. Enumerable.Repeat(2, 1000)], 0, 0);
        var written = new Steps();
        var stream = new MemoryStream();
        using (SnapshotFileWriter writer = SnapshotFileWriter.Create(stream))
        {
            writer.WriteManifest(sample.Manifest);
            fixed (byte* ram = sample.Ram)
                writer.WriteRam(ram, sample.Ram.Length, progress: written);
            writer.Complete();
            Assert.Equal(stream.Length, writer.BytesWritten);
        }
        var read = new Steps();
        using SnapshotFileReader reader = SnapshotFileReader.Open(stream);
        fixed (byte* ram = new byte[sample.Ram.Length])
            reader.ReadRam(ram, sample.Ram.Length, read);
        Assert.Equal([0, 1 << 20, 2 << 20, 3 << 20, sample.Ram.Length], written.Bytes);
        Assert.Equal(read.Bytes.Order(), read.Bytes);
        Assert.Equal(sample.Ram.Length, read.Bytes[^1]);
    }

    private static bool EqualBesideLists(SnapshotManifest expected, SnapshotManifest actual) =>
        expected with { Objects = [], QueuePairs = [] } == actual with { Objects = [], QueuePairs = [] };

    private sealed class Steps : IProgress<long>
    {
        public List<long> Bytes { get; } = [];

        public void Report(long value) => Bytes.Add(value);
    }
}
