using System.Buffers;

namespace RoceEngine.Host.Migration;

/// <summary>Memory outside the garbage collector as <see cref="Memory{T}"/>. Whoever makes it keeps the memory mapped.</summary>
internal sealed unsafe class NativeBytes(byte* start, int bytes) : MemoryManager<byte>
{
    public override Span<byte> GetSpan() => new(start, bytes);

    public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
