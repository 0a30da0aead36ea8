using System.Buffers;

namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>Memory of the device's guest RAM, as managed code knows memory. Whoever makes it keeps the memory alive.</summary>
internal sealed unsafe class NativeSpanMemory(byte* first, int bytes) : MemoryManager<byte>
{
    public override Span<byte> GetSpan() => new(first, bytes);

    public override MemoryHandle Pin(int elementIndex = 0) => new(first + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
