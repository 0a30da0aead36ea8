using RoceEngine.Channel;

namespace RoceEngine.Channel.Tests;

public class PeerPolicyTests
{
    private static readonly PeerPolicy Policy = new(ownUserId: 1000, [2000, 2001], [3000]);

    [Theory]
    [InlineData(0, 0, 0, true)]
    [InlineData(1000, 1000, 1000, true)]
    [InlineData(2000, 7, 7, true)]
    [InlineData(2001, 7, 7, true)]
    [InlineData(4000, 3000, 7, true)]
    [InlineData(4000, 7, 3000, true)]
    [InlineData(4000, 7, 7, false)]
    [InlineData(3000, 2000, 1000, false)]
    [InlineData(uint.MaxValue, 0, 0, false)]
    public void Users_and_groups_are_judged(uint userId, uint groupId, uint otherGroupId, bool permitted)
    {
        string? reason = Policy.Judge(userId, groupId, [1, otherGroupId]);
        Assert.Equal(permitted, reason is null);
        if (reason is not null)
            Assert.Contains($"user {userId} ", reason);
    }
}
