using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RoceEngine.Libibverbs;

/// <summary>Text to and from C.</summary>
internal static unsafe class NativeText
{
    /// <summary>A pointer to a literal that ends with a zero. It lies in the image, so it neither moves nor goes.</summary>
    public static byte* Of(ReadOnlySpan<byte> literal) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(literal));

    /// <summary>A program's text; empty for null.</summary>
    public static string Read(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? string.Empty;
}
