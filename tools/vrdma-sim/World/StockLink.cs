using RoceEngine.Wire;

namespace RoceEngine.Simulation.World;

/// <summary>The link of a device that does not understand its peers' notices that they stand still: they never come.</summary>
internal sealed class StockLink(ILink inner) : ILink, IPacketReceiver
{
    private IPacketReceiver? _receiver;

    public bool HasRoom => inner.HasRoom;

    public int PollDescriptor => inner.PollDescriptor;

    public void Emit(in Packet packet, Route route) => inner.Emit(packet, route);

    public void Flush() => inner.Flush();

    public int Receive(IPacketReceiver receiver, int packetsMax)
    {
        _receiver = receiver;
        return inner.Receive(this, packetsMax);
    }

    public int JoinMulticast(in Gid group) => inner.JoinMulticast(group);

    public void LeaveMulticast(in Gid group) => inner.LeaveMulticast(group);

    public void OnPacket(in Packet packet, in Gid source, in Gid destination)
    {
        if (packet.Opcode is not (Opcode.RcPause or Opcode.RcResume))
            _receiver!.OnPacket(packet, source, destination);
    }

    public void Dispose() => inner.Dispose();
}
