using RoceEngine.Wire;

namespace RoceEngine.Simulation.World;

/// <summary>A link to nowhere, which counts what was sent.</summary>
internal sealed class SilentLink : ILink
{
    /// <summary>Packets sent.</summary>
    public long Emitted { get; private set; }

    public bool HasRoom => true;

    public int PollDescriptor => -1;

    public void Emit(in Packet packet, Route route) => Emitted++;

    public void Flush()
    {
    }

    public int Receive(IPacketReceiver receiver, int packetsMax) => 0;

    public int JoinMulticast(in Gid group) => 0;

    public void LeaveMulticast(in Gid group)
    {
    }

    public void Dispose()
    {
    }
}
