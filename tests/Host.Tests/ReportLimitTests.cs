namespace RoceEngine.Host.Tests;

public class ReportLimitTests
{
    [Fact]
    public void A_flood_is_cut_down_and_what_was_left_out_is_counted()
    {
        var limit = new ReportLimit();
        int passed = Enumerable.Range(0, 1000).Count(_ => limit.TryPass(0, out long _));
        Assert.Equal(ReportLimit.Burst, passed);
        Assert.False(limit.TryPass(ReportLimit.IntervalNs - 1, out _));
        Assert.True(limit.TryPass(ReportLimit.IntervalNs, out long suppressed));
        Assert.Equal(1000 - ReportLimit.Burst + 1, suppressed);
        Assert.True(limit.TryPass(2 * ReportLimit.IntervalNs, out suppressed));
        Assert.Equal(0, suppressed);
    }
}
