using System.Net;
using RoceEngine.Libibverbs;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Objects;

using Addresses = RoceEngine.Libibverbs.Addresses;

/// <summary>A multicast group that an identifier is in.</summary>
internal sealed unsafe class JoinedGroup(IPAddress address, void* context)
{
    public IPAddress Address { get; } = address;

    public void* Context { get; } = context;

    /// <summary>The identifier's QP receives from it.</summary>
    public bool IsAttached { get; set; }
}

/// <content>Multicast groups. A RoCE network has no subnet manager: the group's GID is its IP address. IBTA annex A17.</content>
internal sealed unsafe partial class CmId
{
    private readonly List<JoinedGroup> _groups = [];

    /// <summary><c>rdma_join_multicast(3)</c>: the event tells how to send to the group.</summary>
    /// <exception cref="VerbsException">EINVAL: not bound, not for datagrams, or no group.</exception>
    public void Join(IPAddress address, void* context)
    {
        if (_device is null || !IsDatagram || !SocketAddress.IsMulticast(address))
        {
            throw new VerbsException(Errno.Invalid, $"rdma_join_multicast: {address}, the identifier is {State}");
        }

        var group = new JoinedGroup(address, context);
        _groups.Add(group);
        Tell(RdmaEventType.MulticastJoin, 0, group);
    }

    /// <summary><c>rdma_leave_multicast(3)</c>.</summary>
    /// <exception cref="VerbsException">EADDRNOTAVAIL: not in that group.</exception>
    public void Leave(IPAddress address)
    {
        JoinedGroup group = _groups.Find(joined => joined.Address.Equals(address))
            ?? throw new VerbsException(Interop.Errno.EADDRNOTAVAIL, $"rdma_leave_multicast: not in {address}");
        Leave(group);
    }

    private void LeaveAll()
    {
        foreach (JoinedGroup group in _groups.ToArray())
        {
            Leave(group);
        }
    }

    private void Leave(JoinedGroup group)
    {
        _ = _groups.Remove(group);
        if (group.IsAttached && Pointer->Qp != null)
        {
            IbvGid gid = Addresses.ToGid(group.Address);
            _ = VerbsCalls.Detach(Pointer->Qp, &gid);
        }
    }

    private RdmaCmEvent* ProcessJoin(JoinedGroup group)
    {
        if (!_groups.Contains(group))
        {
            return null;
        }

        int errno = 0;
        if (Pointer->Qp != null)
        {
            IbvGid gid = Addresses.ToGid(group.Address);
            errno = VerbsCalls.Attach(Pointer->Qp, &gid);
            group.IsAttached = errno == 0;
        }

        RdmaEventType type = errno == 0 ? RdmaEventType.MulticastJoin : RdmaEventType.MulticastError;
        RdmaCmEvent* made = DeliveredEvent.Create(Events, this, type, -errno);
        made->Ud.PrivateData = group.Context;
        made->Ud.AhAttr = WayTo(group.Address);
        made->Ud.QpNum = AddressHandle.MulticastQueuePair;
        made->Ud.Qkey = UdQueueKey;
        return made;
    }
}
