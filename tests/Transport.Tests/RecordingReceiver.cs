using RoceEngine.Wire;

namespace Transport.Tests;

internal sealed record ReceivedPacket(Packet Fields, byte[] Payload, Gid Source, Gid Destination);

/// <summary>Keeps what it receives.</summary>
internal sealed unsafe class RecordingReceiver : IPacketReceiver
{
    public List<ReceivedPacket> Packets { get; } = [];

    public Action<ReceivedPacket>? Then { get; init; }

    public void OnPacket(in Packet packet, in Gid source, in Gid destination)
    {
        var payload = new byte[packet.PayloadBytes];
        int offset = 0;
        for (int i = 0; i < packet.SegmentCount; i++)
        {
            MemorySegment segment = packet.Segments[i];
            new ReadOnlySpan<byte>(segment.Address, segment.Bytes).CopyTo(payload.AsSpan(offset));
            offset += segment.Bytes;
        }
        Assert.Equal(packet.PayloadBytes, offset);
        Packet fields = packet;
        fields.Segments = null;
        fields.SegmentCount = 0;
        var received = new ReceivedPacket(fields, payload, source, destination);
        Packets.Add(received);
        Then?.Invoke(received);
    }
}
