using System.Net;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <content>Multicast: both ends are members of a group, so that each datagram comes to the peer and back to its sender.</content>
internal sealed partial class ConnectionEnd
{
    private IPAddress? _group;
    private ReceiveLedger _ownCopies = new("");

    // Another group each time: a late datagram to the group before must not come to the new members.
    private IPAddress JoinGroup()
    {
        int number = _connection.Plan.Index + 1;
        int life = _connection.Incarnation;
        _group = IPAddress.Parse(_world.Plan.IsIPv6 ? $"ff0e::{number:x}:{life:x}" : $"239.{number}.{life >> 8}.{life & 0xFF}");
        _pair.AttachMulticast(_group);
        return _group;
    }

    private void LeaveGroup()
    {
        if (_group is not null)
            _pair.DetachMulticast(_group);
        _group = null;
    }

    private bool IsOwnCopy(in WorkCompletion completion) => _connection.Plan.UsesGroup && completion.SourceQueuePair == _pair.Number;
}
