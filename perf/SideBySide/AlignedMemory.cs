using System.Runtime.InteropServices;

namespace RoceEngine.SideBySide;

/// <summary>Page-aligned memory outside the collector, every page touched.</summary>
internal sealed unsafe class AlignedMemory : IDisposable
{
    public AlignedMemory(long bytes)
    {
        Bytes = bytes;
        Pointer = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 4096);
        for (long i = 0; i < bytes; i++)
            Pointer[i] = (byte)(i * 31 >> 3);
    }

    public byte* Pointer { get; private set; }

    public long Bytes { get; }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Pointer);
        Pointer = null;
    }
}
