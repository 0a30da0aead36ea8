using System.Text.Json.Nodes;

namespace RoceEngine.Snapshots.Tests;

public class ForgedFileTests
{
    [Fact]
    public void A_second_writer_by_the_table_is_understood()
    {
        byte[] file = new Forge()
            .Add(Forge.Manifest, Manifest(5, 3, 4 * Sample.PageBytes))
            .Add(Forge.DeviceState, [1, 2])
            .Add(Forge.DeviceState, [3, 4, 5])
            .Add(Forge.Control, [6, 7, 8])
            .Add(Forge.GuestRam, Forge.Chunk(2, 2, [(0, 1), (3, 1)], 2 * Sample.PageBytes))
            .Finish();
        Assert.Null(Victim.Try(file));
        using SnapshotFileReader reader = SnapshotFileReader.Open(new MemoryStream(file));
        Assert.Equal([1, 2, 3, 4, 5], reader.ReadDeviceState());
        Assert.Equal([6, 7, 8], reader.ReadControl());
    }

    [Fact]
    public void A_format_that_needs_a_newer_reader_is_refused_with_both_versions()
    {
        byte[] file = new Forge(version: 3, minReader: 2).Add(Forge.Manifest, Manifest(0, 0, 0, m => m["formatVersion"] = 3)).Finish();
        Assert.Equal("The snapshot has format version 3 and needs a reader of version 2, but this program reads version 1.",
            Victim.Try(file));
    }

    [Fact]
    public void A_newer_format_that_says_this_reader_will_do_is_read()
    {
        byte[] file = new Forge(version: 2, minReader: 1, extraHeaderBytes: 9)
            .Add(Forge.Manifest, Manifest(0, 0, 0, m => m["formatVersion"] = 2))
            .Finish();
        Assert.Null(Victim.Try(file));
    }

    [Fact]
    public void An_unknown_section_that_may_be_skipped_is_skipped()
    {
        byte[] file = new Forge()
            .Add(Forge.Manifest, Manifest(2, 1, Sample.PageBytes))
            .Add(900, new byte[200_000], (ushort)(Forge.MaySkip | 0x80))
            .Add(Forge.DeviceState, [1, 2])
            .Add(901, [], Forge.MaySkip)
            .Add(Forge.Control, [3])
            .Add(Forge.GuestRam, Forge.Chunk(1, 1, [(0, 1)], Sample.PageBytes))
            .Add(902, [1, 2, 3], Forge.MaySkip)
            .Finish();
        Assert.Null(Victim.Try(file));
    }

    [Fact]
    public void An_unknown_section_that_must_not_be_skipped_is_refused() => Refused(
        "The snapshot holds a section of type 900, which this program does not know and must not skip.",
        new Forge().Add(Forge.Manifest, Manifest(0, 0, 0)).Add(900, [1]));

    [Fact]
    public void A_known_section_with_an_unknown_flag_is_refused() => Refused(
        "Section 1 of the snapshot has flags 0x10, which this program does not know.",
        new Forge().Add(Forge.Manifest, Manifest(1, 0, 0)).Add(Forge.DeviceState, [1], flags: 0x10));

    [Fact]
    public void Sections_out_of_order_are_refused() => Refused(
        "The snapshot has a section DeviceState after a section Control.",
        new Forge().Add(Forge.Manifest, Manifest(1, 1, 0)).Add(Forge.Control, [1]).Add(Forge.DeviceState, [1]));

    [Fact]
    public void A_missing_section_is_noticed_by_its_number() => Refused(
        "The snapshot has section 2 where section 1 belongs.",
        new Forge().Add(Forge.Manifest, Manifest(1, 0, 0)).Add(Forge.DeviceState, [1], sequence: 2));

    [Fact]
    public void A_second_manifest_and_a_late_manifest_are_refused()
    {
        const string sentence = "The snapshot's manifest is not its first section, or not the only one.";
        Refused(sentence, new Forge().Add(Forge.Manifest, Manifest(0, 0, 0)).Add(Forge.Manifest, Manifest(0, 0, 0)));
        Refused(sentence, new Forge().Add(Forge.DeviceState, [1]).Add(Forge.Manifest, Manifest(1, 0, 0)));
    }

    [Fact]
    public void A_file_without_sections_is_refused() => Refused("The snapshot has no manifest.", new Forge());

    [Fact]
    public void Less_or_more_state_than_announced_is_refused()
    {
        Refused("The snapshot's device state has 2 bytes where its manifest announces 3.",
            new Forge().Add(Forge.Manifest, Manifest(3, 0, 0)).Add(Forge.DeviceState, [1, 2]));
        Refused("The snapshot's control region has 2 bytes where its manifest announces 1.",
            new Forge().Add(Forge.Manifest, Manifest(0, 1, 0)).Add(Forge.Control, [1, 2]));
    }

    [Fact]
    public void A_decompression_bomb_ends_at_the_announced_length() => Refused(
        "Section 1 of the snapshot does not decompress to what it announces.",
        new Forge().Add(Forge.Manifest, Manifest(50_000, 0, 0))
            .Add(Forge.DeviceState, Forge.Compress(new byte[100 << 20]), Forge.Compressed, contentBytes: 50_000));

    [Fact]
    public void Bytes_behind_the_compressed_ones_are_refused() => Refused(
        "Section 1 of the snapshot does not decompress to what it announces.",
        new Forge().Add(Forge.Manifest, Manifest(50_000, 0, 0))
            .Add(Forge.DeviceState, [.. Forge.Compress(new byte[50_000]), 0], Forge.Compressed, contentBytes: 50_000));

    [Theory]
    [InlineData((1u << 20) + 1)]
    [InlineData(uint.MaxValue)]
    [InlineData(0u)]
    public void A_part_longer_than_a_section_may_be_is_refused_before_memory_is_taken(uint contentBytes)
    {
        byte[] file = new Forge().Add(Forge.Manifest, Manifest(256 << 20, 0, 0))
            .Add(Forge.DeviceState, [1, 2, 3], Forge.Compressed, contentBytes).Finish();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal($"Section 1 of the snapshot announces {contentBytes} bytes in 3, which a section DeviceState cannot have.",
            Victim.Try(file));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);
    }

    [Theory]
    [InlineData(1, 1, 5, 1, "names 1 pages at page 5 of 4")]
    [InlineData(1, 2, 3, 2, "names 2 pages at page 3 of 4")]
    [InlineData(1, 1, uint.MaxValue, 1, "names 1 pages at page 4294967295 of 4")]
    [InlineData(1, 1, 0, uint.MaxValue, "names 4294967295 pages at page 0 and does not hold them")]
    [InlineData(1, 1, 0, 0, "names 0 pages at page 0 and does not hold them")]
    [InlineData(1, 2, 0, 1, "holds pages that no run names")]
    [InlineData(0, 1, 0, 1, "claims 0 runs and 1 pages")]
    [InlineData(1, 256, 0, 1, "claims 1 runs and 256 pages")]
    [InlineData(uint.MaxValue, 1, 0, 1, "claims 4294967295 runs and 1 pages")]
    public void Runs_that_lie_are_refused(uint runs, uint pages, uint first, uint count, string what)
    {
        byte[] chunk = Forge.Chunk(runs, pages, [(first, count)], (int)Math.Min(pages, 255) * Sample.PageBytes);
        Refused($"A guest RAM section of the snapshot {what}.",
            new Forge().Add(Forge.Manifest, Manifest(0, 0, 4 * Sample.PageBytes)).Add(Forge.GuestRam, chunk));
    }

    [Fact]
    public void Pages_come_once_and_in_order_through_the_whole_file()
    {
        Refused("A guest RAM section of the snapshot names page 1 after page 2.",
            new Forge().Add(Forge.Manifest, Manifest(0, 0, 4 * Sample.PageBytes))
                .Add(Forge.GuestRam, Forge.Chunk(1, 1, [(2, 1)], Sample.PageBytes))
                .Add(Forge.GuestRam, Forge.Chunk(1, 1, [(1, 1)], Sample.PageBytes)));
        Refused("A guest RAM section of the snapshot names page 1 after page 1.",
            new Forge().Add(Forge.Manifest, Manifest(0, 0, 4 * Sample.PageBytes))
                .Add(Forge.GuestRam, Forge.Chunk(2, 3, [(0, 2), (1, 1)], 3 * Sample.PageBytes)));
    }

    [Theory]
    [InlineData("guestRamBytes", -4096L)]
    [InlineData("guestRamBytes", 4097L)]
    [InlineData("guestRamBytes", long.MaxValue - 4095)]
    [InlineData("usedRamBytes", 4096L)]
    [InlineData("controlBytes", (16L << 20) + 1)]
    [InlineData("deviceStateBytes", (256L << 20) + 1)]
    [InlineData("deviceStateBytes", -1L)]
    public void A_manifest_with_impossible_lengths_is_refused(string member, long value)
    {
        string? refusal = Victim.Try(new Forge().Add(Forge.Manifest, Manifest(0, 0, 0, m => m[member] = value)).Finish());
        Assert.StartsWith("The snapshot's manifest is impossible: ", refusal);
    }

    [Fact]
    public void A_manifest_that_is_none_is_refused()
    {
        string?[] refusals =
        [
            Victim.Try(new Forge().Add(Forge.Manifest, "{"u8.ToArray()).Finish()),
            Victim.Try(new Forge().Add(Forge.Manifest, "null"u8.ToArray()).Finish()),
            Victim.Try(new Forge().Add(Forge.Manifest, [0xFF, 0xFE, 0]).Finish()),
            Victim.Try(new Forge().Add(Forge.Manifest, [.. Enumerable.Repeat((byte)'[', 100_000)]).Finish()),
            Victim.Try(new Forge().Add(Forge.Manifest, Manifest(0, 0, 0, m => m["device"] = null)).Finish()),
            Victim.Try(new Forge().Add(Forge.Manifest, Manifest(0, 0, 0, m => m.Remove("identity"))).Finish()),
            Victim.Try(new Forge().Add(Forge.Manifest, Manifest(0, 0, 0, m => m["objects"] = new JsonArray(null, null))).Finish()),
            Victim.Try(new Forge().Add(Forge.Manifest, Manifest(0, 0, 0, m => m["queuePairs"] = null)).Finish()),
        ];
        Assert.All(refusals, r => Assert.StartsWith("The snapshot's manifest is not readable: ", r));
    }

    [Fact]
    public void A_manifest_of_the_greatest_length_takes_memory_in_proportion()
    {
        byte[] json = Forge.ManifestJson(Sample.Describe(0, 0, 0));
        byte[] empties = [.. Enumerable.Repeat("{},"u8.ToArray(), 5_000_000).SelectMany(b => b)];
        byte[] padded = [(byte)'{', .. "\"queuePairs\":["u8, .. empties.AsSpan(0, empties.Length - 1), .. "],"u8, .. json.AsSpan(1)];
        byte[] file = new Forge().Add(Forge.Manifest, padded).Finish();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.StartsWith("The snapshot's manifest is not readable: ", Victim.Try(file));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 24 << 20);
    }

    [Fact]
    public void Ram_that_does_not_fit_is_refused() => Refused(
        $"The snapshot holds {Victim.RoomBytes + Sample.PageBytes} bytes of guest RAM, which do not fit into {Victim.RoomBytes}.",
        ReadRamOf(new Forge().Add(Forge.Manifest, Manifest(0, 0, Victim.RoomBytes + Sample.PageBytes)).Finish()));

    private static unsafe string ReadRamOf(byte[] file)
    {
        using SnapshotFileReader reader = SnapshotFileReader.Open(new MemoryStream(file));
        fixed (byte* into = new byte[16])
        {
            byte* room = into;
            return Assert.Throws<SnapshotException>(() => reader.ReadRam(room, Victim.RoomBytes)).Message;
        }
    }

    private static byte[] Manifest(long state, long control, long ram, Action<JsonObject>? change = null) =>
        Forge.ManifestJson(Sample.Describe(state, control, ram), change);

    private static void Refused(string sentence, Forge forge) => Refused(sentence, Victim.Try(forge.Finish()));

    private static void Refused(string sentence, string? refusal) => Assert.Equal(sentence, refusal);
}
