using System.Runtime.InteropServices;

namespace Transport.Tests;

/// <summary>Memory outside the collector, as guest memory is.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    public NativeBuffer(int bytes, int seed = 1)
    {
        Bytes = bytes;
        Pointer = (byte*)NativeMemory.Alloc((nuint)bytes);
        new Random(seed).NextBytes(Span);
    }

    public byte* Pointer { get; private set; }

    public int Bytes { get; }

    public Span<byte> Span => new(Pointer, Bytes);

    public void Dispose()
    {
        NativeMemory.Free(Pointer);
        Pointer = null;
    }
}
