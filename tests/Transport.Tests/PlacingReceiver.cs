using RoceEngine.Wire;

namespace Transport.Tests;

/// <summary>Expects one message on one QP, packet after packet, in memory of 700-byte pieces that are no neighbours.</summary>
internal sealed unsafe class PlacingReceiver(uint firstPsn, int mtuBytes, int packetsMax) : IPacketReceiver, IDisposable
{
    public const uint Qpn = 0x1234;

    private Psn _expected = new(firstPsn);
    private int _placed;

    public NativeBuffer Memory { get; } = new(1 << 17, seed: 2);

    public List<(Psn Psn, int Packets, PacketFlags Flags)> Runs { get; } = [];

    public List<Packet> Others { get; } = [];

    public bool TryFindPlace(ref Packet run, in Gid source, in Gid destination)
    {
        if (run.Psn != _expected || run.DestinationQpn != Qpn)
            return false;
        run.PsnCount = Math.Min(run.PsnCount, packetsMax);
        run.PayloadBytes = run.PsnCount * mtuBytes;
        Assert.True(run.SegmentCount >= 2);
        run.Segments[0] = new MemorySegment(Memory.Pointer + _placed, 700);
        run.Segments[1] = new MemorySegment(Memory.Pointer + _placed + 700, run.PayloadBytes - 700);
        run.SegmentCount = 2;
        return true;
    }

    public void OnPacket(in Packet packet, in Gid source, in Gid destination)
    {
        if (packet.Segments->Address != Memory.Pointer + _placed)
        {
            Others.Add(packet);
            return;
        }
        int bytes = 0;
        for (int i = 0; i < packet.SegmentCount; i++)
            bytes += packet.Segments[i].Bytes;
        Assert.Equal((packet.PayloadBytes, packet.PsnCount * mtuBytes), (bytes, bytes));
        Runs.Add((packet.Psn, packet.PsnCount, packet.Flags));
        _expected += packet.PsnCount;
        _placed += bytes;
    }

    public void Dispose() => Memory.Dispose();
}
