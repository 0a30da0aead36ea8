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

    /// <summary>Those that the link was asked for; all but those of a device that was loaded and does not run yet.</summary>
    private readonly HashSet<Gid> _joined = [];

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
            _joined.Add(group);
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
            Leave(group);
        }

        return PvrdmaCommandError.None;
    }

    /// <summary>Groups and members as part of a device's state; when loading, nothing is joined yet. QPs are there already.</summary>
    public void Transfer(StateCursor state)
    {
        int groups = state.Count(_groups.Count, core.Limits.MulticastGroups);
        KeyValuePair<Gid, List<DeviceQueuePair>>[] known = [.. _groups];
        for (int i = 0; i < groups; i++)
        {
            Gid group = state.Value(i < known.Length ? known[i].Key : default);
            List<DeviceQueuePair> members = i < known.Length ? known[i].Value : [];
            int count = state.Count(members.Count, core.Limits.QueuePairsPerMulticastGroup);
            state.Check(group.IsMulticast && count > 0, "a group is none, or nobody's");
            for (int j = 0; j < count; j++)
            {
                DeviceQueuePair? member = core.Objects.QueuePairs[state.Value(j < members.Count ? members[j].Handle : 0)];
                if (state.IsLoading)
                {
                    state.Check(member is { Service: TransportService.UnreliableDatagram } && !members.Contains(member), "a group has an impossible member");
                    members.Add(member!);
                    member!.GroupCount++;
                    MemberCount++;
                }
            }

            state.Check(!state.IsLoading || _groups.TryAdd(group, members), "a group is there twice");
        }
    }

    /// <summary>
    /// Joins at the link what was loaded. A group that cannot be joined here hears nothing from outside, and the members are told by nobody: datagrams may
    /// be lost.
    /// </summary>
    public void JoinAgain()
    {
        foreach (Gid group in _groups.Keys)
        {
            if (_joined.Contains(group))
            {
                continue;
            }

            if (core.Environment.JoinMulticast(group) == 0)
            {
                _joined.Add(group);
            }
            else
            {
                core.Fault(GuestFault.Command, 0, "a multicast group could not be joined where the device is now");
            }
        }
    }

    /// <summary>Leaves all groups.</summary>
    public void Clear()
    {
        foreach (Gid group in _groups.Keys)
        {
            Leave(group);
        }

        _groups.Clear();
        MemberCount = 0;
    }

    private void Leave(in Gid group)
    {
        if (_joined.Remove(group))
        {
            core.Environment.LeaveMulticast(group);
        }
    }
}
