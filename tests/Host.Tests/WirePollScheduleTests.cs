namespace RoceEngine.Host.Tests;

public class WirePollScheduleTests
{
    [Fact]
    public void A_link_with_traffic_is_looked_at_every_turn_and_a_silent_one_seldom_but_always()
    {
        var schedule = new WirePollSchedule();
        long now = 1_000_000_000;
        schedule.Polled(now, foundPackets: true, 8);
        Assert.True(schedule.IsDue(now + 100, isBusy: false));
        schedule.Polled(now + 10_000, foundPackets: false, 0);
        Assert.True(schedule.IsDue(now + 10_100, isBusy: false));

        long quiet = now + 1_000_000_000;
        schedule.Polled(quiet, foundPackets: false, 0);
        Assert.False(schedule.IsDue(quiet + WirePollSchedule.IntervalNsMax - 1, isBusy: false));
        Assert.True(schedule.IsDue(quiet + WirePollSchedule.IntervalNsMax, isBusy: false));
        schedule.Force();
        Assert.True(schedule.IsDue(quiet, isBusy: false));
        schedule.Polled(quiet, foundPackets: false, 0);
        Assert.False(schedule.IsDue(quiet + 1, isBusy: false));
        schedule.Sent(quiet + 1, 8);
        Assert.True(schedule.IsDue(quiet + 200, isBusy: false));
    }

    [Fact]
    public void While_large_batches_move_the_socket_is_looked_at_less_often_and_while_small_ones_do_every_turn_again()
    {
        var schedule = new WirePollSchedule();
        long now = 1_000_000_000;
        schedule.Sent(now, 64 * 1024);
        schedule.Polled(now, foundPackets: true, 0);
        Assert.False(schedule.IsDue(now + 1000, isBusy: false));
        Assert.True(schedule.IsDue(now + 1024, isBusy: false));
        schedule.Polled(now, foundPackets: true, 16 * 1024 * 1024);
        Assert.False(schedule.IsDue(now + 1999, isBusy: false));
        Assert.True(schedule.IsDue(now + 2000, isBusy: false));
        schedule.Polled(now + 2000, foundPackets: false, 0);
        Assert.False(schedule.IsDue(now + 9999, isBusy: false));
        Assert.True(schedule.IsDue(now + 10_000, isBusy: false));
        schedule.Sent(now, 8);
        schedule.Polled(now, foundPackets: true, 8);
        Assert.True(schedule.IsDue(now + 100, isBusy: false));
    }

    [Fact]
    public void A_worker_with_other_work_lets_a_silent_link_wait_longer_and_one_with_traffic_not()
    {
        var schedule = new WirePollSchedule();
        long now = 1_000_000_000;
        schedule.Polled(now, foundPackets: true, 8);
        schedule.Polled(now + 10_000, foundPackets: false, 0);
        Assert.True(schedule.IsDue(now + 10_100, isBusy: true));

        long quiet = now + 1_000_000_000;
        schedule.Polled(quiet, foundPackets: false, 0);
        Assert.False(schedule.IsDue(quiet + WirePollSchedule.BusyIntervalNsMax - 1, isBusy: true));
        Assert.True(schedule.IsDue(quiet + WirePollSchedule.BusyIntervalNsMax, isBusy: true));
        Assert.True(schedule.IsDue(quiet + WirePollSchedule.IntervalNsMax, isBusy: false));
    }
}
