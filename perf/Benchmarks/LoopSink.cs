using System.Runtime.InteropServices;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Benchmarks;

/// <summary>Holds the packets of one turn as fields, and hands them to the other side: a link without bytes.</summary>
internal sealed unsafe class LoopSink : IPacketSink, IDisposable
{
    private const int PacketCapacity = 256;
    private const int SegmentsPerPacketMax = 32;

    private readonly Packet[] _packets = new Packet[PacketCapacity];
    private MemorySegment* _segments = (MemorySegment*)NativeMemory.Alloc(
        PacketCapacity * SegmentsPerPacketMax, (nuint)sizeof(MemorySegment));

    private int _count;

    public bool HasRoom => _count < PacketCapacity;

    public void Emit(in Packet packet, Route route)
    {
        if (packet.SegmentCount > SegmentsPerPacketMax)
        {
            throw new InvalidOperationException($"a packet of {packet.SegmentCount} segments");
        }

        ref Packet kept = ref _packets[_count];
        kept = packet;
        kept.Segments = _segments + (_count * SegmentsPerPacketMax);
        new ReadOnlySpan<MemorySegment>(packet.Segments, packet.SegmentCount)
            .CopyTo(new Span<MemorySegment>(kept.Segments, packet.SegmentCount));
        _count++;
    }

    /// <summary>Hands all packets over; returns how many.</summary>
    public int Deliver(QueuePair to, in Gid source, long nowNs)
    {
        int count = _count;
        _count = 0;
        for (int i = 0; i < count; i++)
        {
            to.HandlePacket(_packets[i], source, nowNs);
        }

        return count;
    }

    public void Dispose()
    {
        NativeMemory.Free(_segments);
        _segments = null;
    }
}
