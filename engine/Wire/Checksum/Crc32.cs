using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace RoceEngine.Wire;

/// <summary>
/// The CRC-32 register of IEEE 802.3, reflected, without the inversions at either end. Chooses the fastest form that the processor
/// has; all forms give the same register. See the files Crc32.Scalar, Crc32.Pclmulqdq,
/// Crc32.Vpclmulqdq and Crc32.Vpclmulqdq512.
/// </summary>
internal static partial class Crc32
{
    /// <summary>The register after <paramref name="bytes"/>.</summary>
    public static uint Update(uint register, ReadOnlySpan<byte> bytes)
    {
        return bytes.Length >= BlockBytes && IsPclmulqdqUsable
            ? UpdateCarry(CarryOf(register), bytes)
            : UpdateScalar(register, bytes);
    }

    /// <summary>
    /// The register after <paramref name="source"/>, which is copied to the start of <paramref name="destination"/> in the same pass.
    /// The two must not overlap. The bytes are written in rising order, and the CRC is that of the bytes read, whatever happens to
    /// the destination meanwhile.
    /// </summary>
    /// <exception cref="ArgumentException">The destination is shorter than the source.</exception>
    public static uint UpdateAndCopy(uint register, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        if (destination.Length < source.Length)
        {
            throw new ArgumentException("the destination is shorter than the source", nameof(destination));
        }

        ref byte from = ref MemoryMarshal.GetReference(source);
        ref byte to = ref MemoryMarshal.GetReference(destination);
        if (source.Length >= WidestBytesMin && Pclmulqdq.V512.IsSupported)
        {
            return UpdateVpclmulqdq512<Copy>(CarryOf(register), ref from, ref to, (nuint)source.Length);
        }

        if (source.Length >= VectorBytesMin && Pclmulqdq.V256.IsSupported)
        {
            return UpdateVpclmulqdq<Copy>(CarryOf(register), ref from, ref to, (nuint)source.Length);
        }

        if (source.Length >= BlockBytes && IsPclmulqdqUsable)
        {
            return UpdatePclmulqdq<Copy>(CarryOf(register), ref from, ref to, (nuint)source.Length);
        }

        return UpdateAndCopyScalar(register, source, destination);
    }
}
