using CsCheck;
using RoceEngine.Wire;

namespace RoceEngine.Host.Tests;

public unsafe class SpscRingTests
{
    [Fact]
    public void Records_come_out_in_order_and_whole_whatever_their_sizes()
    {
        Gen.Select(Gen.Int[0, 900].Array[1, 300], Gen.Int[1, 5]).Sample((sizes, burst) =>
        {
            using var ring = new SpscRing(4096);
            int produced = 0;
            int consumed = 0;
            while (consumed < sizes.Length)
            {
                for (int i = 0; i < burst && produced < sizes.Length; i++)
                {
                    byte* at = ring.TryClaim(sizes[produced]);
                    if (at == null)
                        break;
                    new Span<byte>(at, sizes[produced]).Fill((byte)produced);
                    ring.Publish(sizes[produced++]);
                }
                if (!ring.TryPeek(out ReadOnlySpan<byte> record))
                    return false;
                if (record.Length != sizes[consumed] || record.IndexOfAnyExcept((byte)consumed) >= 0)
                    return false;
                ring.Release(record);
                consumed++;
            }
            return !ring.TryPeek(out _);
        });
    }

    [Fact]
    public void Two_threads_lose_and_mix_nothing()
    {
        const int count = 200_000;
        using var ring = new SpscRing(1 << 12);
        var producer = new Thread(() =>
        {
            for (long i = 0; i < count; i++)
            {
                int bytes = sizeof(long) * (1 + (int)(i % 7));
                byte* at;
                while ((at = ring.TryClaim(bytes)) == null)
                    Thread.Yield();
                new Span<long>(at, bytes / sizeof(long)).Fill(i);
                ring.Publish(bytes);
            }
        });
        producer.Start();
        for (long i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> record;
            while (!ring.TryPeek(out record))
                Thread.Yield();
            Assert.Equal(sizeof(long) * (1 + (int)(i % 7)), record.Length);
            fixed (byte* at = record)
                Assert.True(new ReadOnlySpan<long>(at, record.Length / sizeof(long)).IndexOfAnyExcept(i) < 0);
            ring.Release(record);
        }
        producer.Join();
    }
}

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

public class IdleStrategyTests
{
    private const long MicrosecondNs = 1000;

    [Fact]
    public void An_idle_worker_spins_then_yields_then_sleeps()
    {
        var idle = new IdleStrategy(processorCount: 4);
        var steps = new List<IdleStep>();
        for (long now = 0; steps.Count == 0 || steps[^1] != IdleStep.Sleep; now += MicrosecondNs)
            steps.Add(idle.Next(hadWork: now < 5 * MicrosecondNs, now));
        Assert.Equal([IdleStep.Turn, IdleStep.Spin, IdleStep.Yield, IdleStep.Sleep], steps.Distinct());
        Assert.Equal(steps.Order(), steps);
        Assert.InRange(steps.Count, 50, 1000);
    }

    [Fact]
    public void Work_starts_the_idle_time_anew()
    {
        var idle = new IdleStrategy(processorCount: 4);
        for (long now = 0; now < 10_000 * MicrosecondNs; now += MicrosecondNs)
            Assert.NotEqual(IdleStep.Sleep, idle.Next(hadWork: now % (50 * MicrosecondNs) == 0, now));
    }

    [Fact]
    public void A_worker_taken_off_its_core_stops_spinning_for_a_while()
    {
        var idle = new IdleStrategy(processorCount: 2);
        Assert.Equal(IdleStep.Spin, idle.Next(false, 0));
        long now = IdleStrategy.PreemptedNs + 1;
        Assert.NotEqual(IdleStep.Spin, idle.Next(false, now));
        Assert.True(idle.IsContended(now));
        idle.Next(true, now + MicrosecondNs);
        Assert.Equal(IdleStep.Yield, idle.Next(false, now + 2 * MicrosecondNs));
        Assert.Equal(IdleStep.Sleep, idle.Next(false, now + 100 * MicrosecondNs));
        now += IdleStrategy.ContendedForNs;
        idle.Woke(now);
        Assert.Equal(IdleStep.Spin, idle.Next(false, now + MicrosecondNs));
    }

    [Fact]
    public void A_long_turn_of_work_is_not_taken_for_a_lost_core()
    {
        var idle = new IdleStrategy(processorCount: 2);
        idle.Next(true, 0);
        idle.Next(true, 10 * IdleStrategy.PreemptedNs);
        Assert.Equal(IdleStep.Spin, idle.Next(false, 10 * IdleStrategy.PreemptedNs + MicrosecondNs));
    }

    [Fact]
    public void With_a_single_core_nobody_spins()
    {
        var idle = new IdleStrategy(processorCount: 1);
        Assert.Equal(IdleStep.Yield, idle.Next(false, 0));
    }
}

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

public class WindowPolicyTests
{
    [Theory]
    [InlineData(425_984, 106_496)]
    [InlineData(33_554_432, 1 << 20)]
    [InlineData(1, 2 * 4400)]
    public void The_window_fits_into_the_receivers_buffer(int bufferBytes, long windowBytes) =>
        Assert.Equal(windowBytes, WindowPolicy.LimitBytes(bufferBytes));
}
