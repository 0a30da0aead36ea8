using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>The members of a multicast group on one worker: each gets every packet.</summary>
internal sealed class LocalGroup : IPacketReceiver
{
    private readonly List<IPacketReceiver> _members = [];

    public bool IsEmpty => _members.Count == 0;

    public void Add(IPacketReceiver member)
    {
        if (!_members.Contains(member))
            _members.Add(member);
    }

    public bool Remove(IPacketReceiver member) => _members.Remove(member);

    public void OnPacket(in Packet packet, in Gid source, in Gid destination)
    {
        foreach (IPacketReceiver member in _members)
            member.OnPacket(packet, source, destination);
    }
}
