using RoceEngine.Wire;

namespace RoceEngine.Simulation.World;

/// <summary>Stands between a device and its link, which it owns: what arrives goes through it, everything else straight on.</summary>
internal abstract class LinkFilter(ILink inner) : ILink, IPacketReceiver
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

    public void Dispose() => inner.Dispose();

    void IPacketReceiver.OnPacket(in Packet packet, in Gid source, in Gid destination) => OnPacket(packet, source, destination, _receiver!);

    /// <summary>A packet arrived; the device gets what is given to its receiver.</summary>
    protected abstract void OnPacket(in Packet packet, in Gid source, in Gid destination, IPacketReceiver receiver);
}
