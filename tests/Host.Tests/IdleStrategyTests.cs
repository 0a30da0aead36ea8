namespace RoceEngine.Host.Tests;

public class IdleStrategyTests
{
    private const long MicrosecondNs = 1000;

    [Fact]
    public void An_idle_worker_spins_then_yields_then_sleeps()
    {
        var idle = new IdleStrategy(processorCount: 4);
        var steps = new List<IdleStep>();
        for (long now = 0; steps.Count == 0 || steps[^1] != IdleStep.Sleep; now += MicrosecondNs)
            steps.Add(idle.Next(now < 5 * MicrosecondNs ? 1 : 0, false, now));
        Assert.Equal([IdleStep.Turn, IdleStep.Spin, IdleStep.Yield, IdleStep.Sleep], steps.Distinct());
        Assert.Equal(steps.Order(), steps);
        Assert.InRange(steps.Count, 50, 1000);
    }

    [Fact]
    public void Work_starts_the_idle_time_anew()
    {
        var idle = new IdleStrategy(processorCount: 4);
        for (long now = 0; now < 10_000 * MicrosecondNs; now += MicrosecondNs)
            Assert.NotEqual(IdleStep.Sleep, idle.Next(now % (50 * MicrosecondNs) == 0 ? 1 : 0, false, now));
    }

    [Fact]
    public void A_worker_taken_off_its_core_stops_spinning_for_a_while()
    {
        var idle = new IdleStrategy(processorCount: 2);
        Assert.Equal(IdleStep.Spin, idle.Next(0, false, 0));
        long now = IdleStrategy.PreemptedNs + 1;
        Assert.NotEqual(IdleStep.Spin, idle.Next(0, false, now));
        Assert.True(idle.IsContended(now));
        idle.Next(1, false, now + MicrosecondNs);
        Assert.Equal(IdleStep.Yield, idle.Next(0, false, now + 2 * MicrosecondNs));
        now += IdleStrategy.ContendedForNs;
        idle.Woke(now);
        Assert.Equal(IdleStep.Spin, idle.Next(0, false, now + MicrosecondNs));
    }

    [Fact]
    public void A_worker_whose_yield_was_taken_yields_at_once_for_a_while()
    {
        var idle = new IdleStrategy(processorCount: 2);
        idle.Yielded(0, IdleStrategy.YieldTakenNs);
        Assert.False(idle.IsContended(IdleStrategy.YieldTakenNs));
        idle.Yielded(0, IdleStrategy.YieldTakenNs + 1);
        Assert.Equal(IdleStep.Yield, idle.Next(0, false, 2 * IdleStrategy.YieldTakenNs));
        long later = 2 * IdleStrategy.YieldTakenNs + IdleStrategy.ContendedForNs;
        idle.Woke(later);
        Assert.Equal(IdleStep.Spin, idle.Next(0, false, later));
    }

    [Fact]
    public void On_contended_cores_a_guest_gets_the_core_when_there_is_news_for_it()
    {
        var idle = new IdleStrategy(processorCount: 2);
        Assert.Equal(IdleStep.Turn, idle.Next(1, hasNews: true, 0));
        idle.Yielded(0, IdleStrategy.YieldTakenNs + 1);
        long now = 2 * IdleStrategy.YieldTakenNs;
        Assert.Equal(IdleStep.Yield, idle.Next(1, hasNews: true, now));
        Assert.Equal(IdleStep.Turn, idle.Next(1, hasNews: false, now));
    }

    [Fact]
    public void A_stream_is_not_interrupted_by_each_piece_of_news()
    {
        var idle = new IdleStrategy(processorCount: 2);
        idle.Yielded(0, IdleStrategy.YieldTakenNs + 1);
        long now = 2 * IdleStrategy.YieldTakenNs;
        Assert.Equal(IdleStep.Turn, idle.Next(IdleStrategy.SmallTurnWork + 1, hasNews: true, now));
        Assert.Equal(IdleStep.Turn, idle.Next(1, hasNews: true, now + IdleStrategy.StreamNs - 1));
        Assert.Equal(IdleStep.Yield, idle.Next(1, hasNews: true, now + IdleStrategy.StreamNs));
    }

    [Fact]
    public void A_long_turn_of_work_is_not_taken_for_a_lost_core()
    {
        var idle = new IdleStrategy(processorCount: 2);
        idle.Next(1, false, 0);
        idle.Next(1, false, 10 * IdleStrategy.PreemptedNs);
        Assert.Equal(IdleStep.Spin, idle.Next(0, false, 10 * IdleStrategy.PreemptedNs + MicrosecondNs));
    }

    [Fact]
    public void With_a_single_core_nobody_spins()
    {
        var idle = new IdleStrategy(processorCount: 1);
        Assert.Equal(IdleStep.Yield, idle.Next(0, false, 0));
    }
}
