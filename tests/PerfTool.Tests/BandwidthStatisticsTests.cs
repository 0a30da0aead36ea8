using CsCheck;
using RoceEngine.PerfTool.Running;
using RoceEngine.PerfTool.Statistics;

namespace RoceEngine.PerfTool.Tests;

public sealed class BandwidthStatisticsTests
{
    [Fact]
    public void Rates_by_hand()
    {
        BandwidthResult result = BandwidthResult.From(1 << 20, 1000, 2, peakNsPerMessage: 1_000_000);

        Assert.Equal(500, result.MessagesPerSecond);
        Assert.Equal(500.0 * (1 << 20), result.AverageBytesPerSecond);
        Assert.Equal(1000.0 * (1 << 20), result.PeakBytesPerSecond);
    }

    [Fact]
    public void Both_directions_add_their_rates()
    {
        BandwidthResult sum = BandwidthResult.From(100, 10, 1, 1e8).Plus(BandwidthResult.From(100, 30, 1, 1e7));

        Assert.Equal(10, sum.Iterations);
        Assert.Equal(4000, sum.AverageBytesPerSecond);
        Assert.Equal(40, sum.MessagesPerSecond);
        Assert.Equal(11_000, sum.PeakBytesPerSecond);
    }

    [Fact]
    public void No_time_gives_no_rate() =>
        Assert.Equal(new BandwidthResult(1, 0, 0, 0, 0), BandwidthResult.From(1, 0, 0));

    [Fact]
    public void The_peak_by_hand()
    {
        // The best stretch is from the third post to the fourth completion: two messages in 30 ns.
        Assert.Equal(15, PeakRate.LeastNsPerMessage([10, 20, 100, 110], [90, 95, 128, 130]));
        Assert.Equal(0, PeakRate.LeastNsPerMessage([10, 20], [0, 0]));
    }

    [Fact]
    public void The_peak_is_the_least_of_all_pairs() =>
        Gen.Select(Gen.Int[0, 500].Array[1, 40], Gen.Int[0, 2000].Array[40], Gen.Int[1, 5]).Sample((postGaps, delays, moderation) =>
        {
            long[] posted = new long[postGaps.Length];
            long[] completed = new long[postGaps.Length];
            long now = 1;
            long last = 0;
            for (int index = 0; index < posted.Length; index++)
            {
                posted[index] = now += postGaps[index];
                last = Math.Max(last, now + delays[index]);
                if ((index + 1) % moderation == 0 || index == posted.Length - 1)
                    completed[index] = last;
            }

            double least = double.PositiveInfinity;
            for (int from = 0; from < posted.Length; from++)
            {
                for (int to = from; to < posted.Length; to++)
                {
                    if (completed[to] != 0)
                        least = Math.Min(least, (completed[to] - posted[from]) / (double)(to - from + 1));
                }
            }

            Assert.Equal(least, PeakRate.LeastNsPerMessage(posted, completed), 1e-9);
        });

    [Fact]
    public void A_run_counts_only_between_its_margins()
    {
        RunClock clock = new(1_000_000_000, durationSeconds: 4, marginSeconds: 1);

        Assert.Equal(RunPhase.WarmUp, clock.At(1_999_999_999));
        Assert.Equal(RunPhase.Measure, clock.At(2_100_000_000));
        Assert.Equal(RunPhase.Measure, clock.At(3_900_000_000));
        Assert.Equal(RunPhase.CoolDown, clock.At(4_000_000_000));
        Assert.Equal(RunPhase.End, clock.At(5_000_000_000));
        Assert.Equal(1.8, clock.MeasuredSeconds, 9);
    }
}
