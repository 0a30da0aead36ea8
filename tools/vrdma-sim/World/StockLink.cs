using RoceEngine.Wire;

namespace RoceEngine.Simulation.World;

/// <summary>The link of a device that does not understand its peers' notices that they stand still: they never come.</summary>
internal sealed class StockLink(ILink inner) : LinkFilter(inner)
{
    protected override void OnPacket(in Packet packet, in Gid source, in Gid destination, IPacketReceiver receiver)
    {
        if (packet.Opcode is not (Opcode.RcPause or Opcode.RcResume))
            receiver.OnPacket(packet, source, destination);
    }
}
