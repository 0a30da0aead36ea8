using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>
/// Who may talk to the daemon: root, the daemon's own user, and the users and groups that it was told to allow. Judged by
/// SO_PEERCRED and SO_PEERGROUPS, which the kernel vouches for.
/// </summary>
public sealed class PeerPolicy
{
    private readonly uint _ownUserId;
    private readonly HashSet<uint> _userIds;
    private readonly HashSet<uint> _groupIds;

    public PeerPolicy(uint ownUserId, IEnumerable<uint> allowedUserIds, IEnumerable<uint> allowedGroupIds)
    {
        _ownUserId = ownUserId;
        _userIds = [.. allowedUserIds];
        _groupIds = [.. allowedGroupIds];
    }

    /// <summary>Null when the peer is permitted, otherwise the reason for the refusal.</summary>
    public string? Judge(uint userId, uint groupId, ReadOnlySpan<uint> supplementaryGroupIds)
    {
        if (userId == 0 || userId == _ownUserId || _userIds.Contains(userId) || _groupIds.Contains(groupId))
            return null;
        foreach (uint group in supplementaryGroupIds)
        {
            if (_groupIds.Contains(group))
                return null;
        }
        return $"user {userId} (group {groupId}) is not permitted: the daemon serves root, user {_ownUserId}, and those named by --allow-uid and --allow-group";
    }

    /// <summary>Judges the process at the other end of a connected Unix socket.</summary>
    public string? Judge(UnixSocket socket)
    {
        PeerCredentials peer = socket.PeerCredentials;
        return Judge(peer.UserId, peer.GroupId, _groupIds.Count == 0 ? [] : socket.GetPeerGroups());
    }
}
