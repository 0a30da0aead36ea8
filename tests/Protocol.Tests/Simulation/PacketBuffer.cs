using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests.Simulation;

/// <summary>A sink that keeps packets with their segments where they are, in memory of its own and without allocation once warm.</summary>
internal sealed unsafe class PacketBuffer : IPacketSink
{
    private readonly Packet[] _packets;
    private readonly MemorySegment[] _segments;
    private int _segmentCount;

    public PacketBuffer(int packets = 256)
    {
        _packets = GC.AllocateArray<Packet>(packets, pinned: true);
        _segments = GC.AllocateArray<MemorySegment>(packets * 8 + 256, pinned: true);
    }

    public int Count { get; private set; }

    public ref Packet this[int index] => ref _packets[index];

    public bool HasRoom => Count < _packets.Length && _segmentCount + 128 <= _segments.Length;

    public void Emit(in Packet packet, Route route)
    {
        ref Packet copy = ref _packets[Count++];
        copy = packet;
        copy.Segments = (MemorySegment*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _segments[_segmentCount]);
        for (int i = 0; i < packet.SegmentCount; i++)
        {
            _segments[_segmentCount++] = packet.Segments[i];
        }
    }

    public void Clear()
    {
        Count = 0;
        _segmentCount = 0;
    }
}
