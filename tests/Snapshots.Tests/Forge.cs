using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace RoceEngine.Snapshots.Tests;

/// <summary>
/// A second writer of the format, by its table, without any check: what it makes has the right hashes and digest whatever it holds, so
/// that a reader is tried behind them.
/// </summary>
internal sealed class Forge
{
    public const ushort Manifest = 1;
    public const ushort DeviceState = 2;
    public const ushort Control = 3;
    public const ushort GuestRam = 4;
    public const ushort Compressed = 1;
    public const ushort MaySkip = 2;

    private readonly MemoryStream _file = new();
    private uint _sections;

    public Forge(ushort version = 1, ushort minReader = 1, int extraHeaderBytes = 0)
    {
        var header = new byte[16 + extraHeaderBytes];
        "VRDMASNP"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), version);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(10), minReader);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(12), (ushort)header.Length);
        _file.Write(header);
    }

    public static byte[] ManifestJson(SnapshotManifest manifest, Action<JsonObject>? change = null)
    {
        JsonObject json = JsonNode.Parse(SnapshotJson.Write(manifest))!.AsObject();
        change?.Invoke(json);
        return Encoding.UTF8.GetBytes(json.ToJsonString());
    }

    public static byte[] Chunk(uint runs, uint pages, (uint First, uint Count)[] table, int dataBytes)
    {
        var content = new byte[8 + 8 * table.Length + dataBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(content, runs);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(4), pages);
        for (int i = 0; i < table.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(8 + 8 * i), table[i].First);
            BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(12 + 8 * i), table[i].Count);
        }
        content.AsSpan(8 + 8 * table.Length).Fill(0x5A);
        return content;
    }

    public static byte[] Compress(byte[] content)
    {
        var stored = new byte[content.Length + 1024];
        Assert.True(BrotliEncoder.TryCompress(content, stored, out int bytes, quality: 9, window: 22));
        return stored[..bytes];
    }

    public Forge Add(ushort type, byte[] stored, ushort flags = 0, uint? contentBytes = null, uint? sequence = null)
    {
        var header = new byte[24];
        BinaryPrimitives.WriteUInt16LittleEndian(header, type);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(2), flags);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), sequence ?? _sections);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), contentBytes ?? (uint)stored.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), (uint)stored.Length);
        ulong hash = XxHash3.HashToUInt64([.. header.AsSpan(0, 16), .. stored]);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(16), hash);
        _file.Write(header);
        _file.Write(stored);
        _sections++;
        return this;
    }

    public byte[] Finish()
    {
        var head = new byte[16];
        "VRDMAEND"u8.CopyTo(head);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(8), _sections);
        _file.Write(head);
        _file.Write(SHA256.HashData(_file.ToArray()));
        return _file.ToArray();
    }
}
