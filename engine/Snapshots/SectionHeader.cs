using System.Buffers.Binary;

namespace RoceEngine.Snapshots;

/// <summary>What a section holds; known types stand in the file in the order of their numbers.</summary>
internal enum SectionType : ushort
{
    Manifest = 1,
    DeviceState = 2,
    Control = 3,
    GuestRam = 4,
}

/// <summary>How a section is stored.</summary>
[Flags]
internal enum SectionFlags : ushort
{
    None = 0,
    Compressed = 1,
    MaySkip = 2,
}

/// <summary>The 24 bytes before a section's stored bytes, see <see cref="SnapshotFormat"/>.</summary>
internal readonly record struct SectionHeader(
    SectionType Type, SectionFlags Flags, uint Sequence, uint ContentBytes, uint StoredBytes, ulong Hash)
{
    public const int Bytes = 24;

    /// <summary>The part of the header that the hash covers.</summary>
    public const int HashedBytes = 16;

    public bool IsKnown => Type is >= SectionType.Manifest and <= SectionType.GuestRam;

    public bool IsCompressed => (Flags & SectionFlags.Compressed) != 0;

    public bool MaySkip => (Flags & SectionFlags.MaySkip) != 0;

    /// <summary>The most content bytes that a section of this known type may announce.</summary>
    public int ContentBytesMax => Type == SectionType.Manifest ? SnapshotFormat.ManifestBytesMax : SnapshotFormat.PartBytesMax;

    public static SectionHeader Read(ReadOnlySpan<byte> bytes) => new(
        (SectionType)BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        (SectionFlags)BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)Type);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[2..], (ushort)Flags);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], Sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], ContentBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], StoredBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], Hash);
    }
}
