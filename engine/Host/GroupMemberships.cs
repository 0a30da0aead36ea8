using RoceEngine.Interop;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace RoceEngine.Host;

/// <summary>
/// The multicast groups of one device: on the wire, and among its neighbours of the same worker. A group is joined once, however often
/// the device asks.
/// </summary>
/// <param name="address">The device's.</param>
/// <param name="receiver">Gets the groups' packets from the device's neighbours.</param>
/// <param name="link">Joins the groups on the wire.</param>
/// <param name="local">The worker's.</param>
/// <param name="onDescriptorsChanged">Called when the link may poll with another descriptor than before.</param>
internal sealed class GroupMemberships(
    Gid address, IPacketReceiver receiver, ILink link, LocalSwitch local, Action onDescriptorsChanged)
{
    private readonly Dictionary<Gid, int> _joins = [];

    /// <summary>One more join. Returns 0 or an error number.</summary>
    public int Join(in Gid group)
    {
        if (!group.IsMulticast || group.IsIPv4 != address.IsIPv4)
            return Errno.EINVAL;
        if (_joins.TryGetValue(group, out int count))
        {
            _joins[group] = count + 1;
            return 0;
        }

        int error = link.JoinMulticast(group);
        if (error != 0)
            return error;
        local.Join(group, receiver);
        _joins.Add(group, 1);
        onDescriptorsChanged();
        return 0;
    }

    /// <summary>Takes one join back. Nothing happens when there is none.</summary>
    public void Leave(in Gid group)
    {
        if (!_joins.TryGetValue(group, out int count))
            return;
        if (count > 1)
        {
            _joins[group] = count - 1;
            return;
        }

        _joins.Remove(group);
        Drop(group);
    }

    public void LeaveAll()
    {
        foreach (Gid group in _joins.Keys)
            Drop(group);
        _joins.Clear();
    }

    private void Drop(in Gid group)
    {
        local.Leave(group, receiver);
        link.LeaveMulticast(group);
        onDescriptorsChanged();
    }
}
