using RoceEngine.Abi;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <summary>
/// Which UD QPs belong to which multicast group. The device joins a group at the link with its first member and leaves it with its last.
/// IBTA vol. 1, 10.5.
/// </summary>
internal sealed class MulticastTable(DeviceCore core)
{
    private const int InvalidArgument = (int)PvrdmaCommandError.InvalidArgument;

    private readonly Dictionary<Gid, List<DeviceQueuePair>> _groups = [];

    public int GroupCount => _groups.Count;

    /// <summary>Memberships of all groups.</summary>
    public int MemberCount { get; private set; }

    /// <summary>The members of a group, in the order in which they came; null when nobody belongs to it.</summary>
    public List<DeviceQueuePair>? Find(in Gid group) => _groups.GetValueOrDefault(group);

    /// <summary><c>ibv_attach_mcast</c>. A QP that belongs to the group already stays in it once.</summary>
    public PvrdmaCommandError Attach(DeviceQueuePair qp, in Gid group)
    {
        if (qp.Service != TransportService.UnreliableDatagram || !group.IsMulticast)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        if (_groups.TryGetValue(group, out List<DeviceQueuePair>? members))
        {
            if (members.Contains(qp))
            {
                return PvrdmaCommandError.None;
            }

            if (members.Count >= core.Limits.QueuePairsPerMulticastGroup)
            {
                return PvrdmaCommandError.LimitReached;
            }
        }
        else
        {
            if (_groups.Count >= core.Limits.MulticastGroups)
            {
                return PvrdmaCommandError.LimitReached;
            }

            int error = core.Environment.JoinMulticast(group);
            if (error != 0)
            {
                return error == InvalidArgument ? PvrdmaCommandError.InvalidArgument : PvrdmaCommandError.LimitReached;
            }

            _groups.Add(group, members = []);
        }

        members.Add(qp);
        qp.GroupCount++;
        MemberCount++;
        return PvrdmaCommandError.None;
    }

    /// <summary><c>ibv_detach_mcast</c>.</summary>
    public PvrdmaCommandError Detach(DeviceQueuePair qp, in Gid group)
    {
        if (!_groups.TryGetValue(group, out List<DeviceQueuePair>? members) || !members.Remove(qp))
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        qp.GroupCount--;
        MemberCount--;
        if (members.Count == 0)
        {
            _groups.Remove(group);
            core.Environment.LeaveMulticast(group);
        }

        return PvrdmaCommandError.None;
    }

    /// <summary>Leaves all groups.</summary>
    public void Clear()
    {
        foreach (Gid group in _groups.Keys)
        {
            core.Environment.LeaveMulticast(group);
        }

        _groups.Clear();
        MemberCount = 0;
    }
}
