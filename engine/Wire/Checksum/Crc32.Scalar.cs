using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>
/// Table form, eight bytes a step ("slicing by eight": M. Kounavis and F. Berry, "A Systematic Approach to Building High Performance
/// Software-based CRC Generators", 2005). The oracle of the vector forms, and the form for what is shorter than a vector.
/// </summary>
internal static partial class Crc32
{
    private const int SliceCount = 8;

    /// <summary>Row s, column b: the register after byte b and s zero bytes, from register 0.</summary>
    private static readonly uint[] Slices = BuildSlices();

    internal static uint UpdateScalar(uint register, ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<uint> slices = Slices;
        while (bytes.Length >= 8)
        {
            uint low = register ^ BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            register = Slice4(slices[(4 * 256)..], low) ^ Slice4(slices, high);
            bytes = bytes[8..];
        }

        if (bytes.Length >= 4)
        {
            register = Slice4(slices, register ^ BinaryPrimitives.ReadUInt32LittleEndian(bytes));
            bytes = bytes[4..];
        }

        foreach (byte value in bytes)
        {
            register = (register >> 8) ^ slices[(byte)(register ^ value)];
        }

        return register;
    }

    internal static uint UpdateAndCopyScalar(uint register, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        // A cache line at a time by way of a copy that nobody else writes to: each byte of the source is read once.
        Span<byte> line = stackalloc byte[64];
        while (source.Length > 0)
        {
            Span<byte> chunk = line[..Math.Min(line.Length, source.Length)];
            source[..chunk.Length].CopyTo(chunk);
            register = UpdateScalar(register, chunk);
            chunk.CopyTo(destination);
            destination = destination[chunk.Length..];
            source = source[chunk.Length..];
        }

        return register;
    }

    /// <summary>Four bytes whose last is followed by as many bytes as <paramref name="rows"/> skips.</summary>
    private static uint Slice4(ReadOnlySpan<uint> rows, uint word) =>
        rows[(3 * 256) + (byte)word]
        ^ rows[(2 * 256) + (byte)(word >> 8)]
        ^ rows[256 + (byte)(word >> 16)]
        ^ rows[(int)(word >> 24)];

    private static uint[] BuildSlices()
    {
        var slices = new uint[SliceCount * 256];
        for (uint value = 0; value < 256; value++)
        {
            uint register = value;
            for (int bit = 0; bit < 8; bit++)
            {
                register = (register >> 1) ^ (Crc32Field.Polynomial & (0u - (register & 1)));
            }

            slices[value] = register;
        }

        for (int index = 256; index < slices.Length; index++)
        {
            uint previous = slices[index - 256];
            slices[index] = (previous >> 8) ^ slices[(byte)previous];
        }

        return slices;
    }
}
