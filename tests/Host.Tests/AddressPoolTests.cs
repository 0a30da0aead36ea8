using RoceEngine.Wire;

namespace RoceEngine.Host.Tests;

public class AddressPoolTests
{
    [Fact]
    public void Each_address_is_given_to_one_at_a_time_in_order()
    {
        var pool = new AddressPool([Gid.FromIPv4(2), Gid.FromIPv4(1), Gid.FromIPv4(2)]);
        Assert.Equal(2, pool.All.Count);
        Assert.False(pool.TryClaim(Gid.FromIPv4(3)));
        Assert.True(pool.TryClaimAny(out Gid first));
        Assert.Equal(Gid.FromIPv4(2), first);
        Assert.False(pool.TryClaim(first));
        Assert.True(pool.TryClaim(Gid.FromIPv4(1)));
        Assert.False(pool.TryClaimAny(out _));
        pool.Release(first);
        Assert.True(pool.TryClaimAny(out Gid again));
        Assert.Equal(first, again);
    }
}
