using RoceEngine.Wire;

namespace Transport.Tests;

/// <summary>Counts and allocates nothing.</summary>
internal sealed class CountingReceiver : IPacketReceiver
{
    public long Packets;
    public long Bytes;

    public void OnPacket(in Packet packet, in Gid source, in Gid destination)
    {
        Packets++;
        Bytes += packet.PayloadBytes;
    }
}
