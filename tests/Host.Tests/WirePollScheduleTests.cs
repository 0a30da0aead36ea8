namespace RoceEngine.Host.Tests;

public class WirePollScheduleTests
{
    [Fact]
    public void A_link_with_traffic_is_looked_at_every_turn_and_a_silent_one_seldom_but_always()
    {
        var schedule = new WirePollSchedule();
        long now = 1_000_000_000;
        schedule.Polled(now, foundPackets: true);
        Assert.True(schedule.IsDue(now + 100));
        schedule.Polled(now + 10_000, foundPackets: false);
        Assert.True(schedule.IsDue(now + 10_100));

        long quiet = now + 1_000_000_000;
        schedule.Polled(quiet, foundPackets: false);
        Assert.False(schedule.IsDue(quiet + WirePollSchedule.IntervalNsMax - 1));
        Assert.True(schedule.IsDue(quiet + WirePollSchedule.IntervalNsMax));
        schedule.Force();
        Assert.True(schedule.IsDue(quiet));
        schedule.Polled(quiet, foundPackets: false);
        Assert.False(schedule.IsDue(quiet + 1));
        schedule.Sent(quiet + 1);
        Assert.True(schedule.IsDue(quiet + 200));
    }
}
