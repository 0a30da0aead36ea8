using CsCheck;
using RoceEngine.PerfTool.Statistics;

namespace RoceEngine.PerfTool.Tests;

public sealed class LatencyStatisticsTests
{
    [Fact]
    public void Half_round_trips_by_hand()
    {
        // Round trips of 4, 2, 8, 6, 100, 10, 50 µs: halves 2 1 4 3 50 5 25; the two largest are left out of the moments.
        long[] posts = [0, 4_000, 6_000, 14_000, 20_000, 120_000, 130_000, 180_000];

        LatencyResult result = LatencyStatistics.FromPosts(64, posts, parts: 2);

        Assert.Equal(64, result.SizeBytes);
        Assert.Equal(8, result.Iterations);
        Assert.Equal([2, 1, 4, 3, 50, 5, 25], result.UnsortedUs);
        Assert.Equal([1, 2, 3, 4, 5], result.SortedUs);
        Assert.Equal(1, result.MinimumUs);
        Assert.Equal(25, result.MaximumUs);
        Assert.Equal(3, result.TypicalUs);
        Assert.Equal(3, result.AverageUs);
        Assert.Equal(Math.Sqrt(2), result.DeviationUs, 12);
        Assert.Equal(25, result.Percentile99Us);
        Assert.Equal(25, result.Percentile999Us);
        Assert.Null(result.TransactionsPerSecond);
    }

    [Fact]
    public void Full_round_trips_by_hand_with_an_even_count()
    {
        long[] posts = [0, 1_000, 4_000, 9_000, 16_000, 25_000, 36_000];

        LatencyResult result = LatencyStatistics.FromPosts(8, posts, parts: 1);

        Assert.Equal(4, result.TypicalUs);
        Assert.Equal(4, result.AverageUs);
        Assert.Equal(Math.Sqrt(5), result.DeviationUs, 12);
        Assert.Equal(9, result.MaximumUs);
    }

    [Fact]
    public void Percentiles_are_at_the_ceiling_of_their_share()
    {
        // Samples of 1 … 1000 µs: 998 count; ceil(0.99 · 998) = 989 and ceil(0.999 · 998) = 998, from 0.
        long[] posts = new long[1001];
        for (int index = 1; index < posts.Length; index++)
            posts[index] = posts[index - 1] + (index * 1000L);

        LatencyResult result = LatencyStatistics.FromPosts(2, posts, parts: 1);

        Assert.Equal(990, result.Percentile99Us);
        Assert.Equal(999, result.Percentile999Us);
        Assert.Equal(999, result.MaximumUs);
        Assert.Equal(499.5, result.TypicalUs);
    }

    [Fact]
    public void A_deviation_below_one_is_not_cut_to_zero()
    {
        (double average, double deviation) = LatencyStatistics.Moments([1.0, 1.5]);

        Assert.Equal(1.25, average);
        Assert.Equal(0.25, deviation);
    }

    [Fact]
    public void Samples_do_not_depend_on_when_the_run_began() =>
        Gen.Select(Gen.Long[1, 1_000_000].Array[5, 60], Gen.Long[1, long.MaxValue / 4]).Sample((gaps, start) =>
        {
            LatencyResult first = LatencyStatistics.FromPosts(1, Posts(gaps, 0), 2);
            LatencyResult second = LatencyStatistics.FromPosts(1, Posts(gaps, start), 2);

            Assert.Equal(first.SortedUs, second.SortedUs);
            Assert.Equal(gaps.Min() / 2e3, first.MinimumUs);
            Assert.True(first.MinimumUs <= first.TypicalUs && first.TypicalUs <= first.MaximumUs);
            Assert.True(first.Percentile99Us <= first.Percentile999Us && first.Percentile999Us <= first.MaximumUs);
        });

    [Fact]
    public void A_run_by_duration_averages_over_its_time()
    {
        LatencyRecorder recorder = LatencyRecorder.ForDuration(parts: 2);
        for (int post = 0; post <= 100; post++)
            recorder.Posted(1_000_000 + (post * 20_000L));

        LatencyResult result = recorder.FinishDuration(2, 100, 0.002);

        Assert.Equal(10, result.AverageUs, 9);
        Assert.Equal(50_000, result.TransactionsPerSecond!.Value, 6);
        Assert.Equal(10, result.TypicalUs, 0.02);
        Assert.Equal(10, result.MinimumUs, 0.02);
        Assert.Equal(10, result.Percentile99Us, 0.02);
        Assert.Equal(0, result.DeviationUs, 0.02);
    }

    [Fact]
    public void Very_many_iterations_are_counted_in_a_histogram()
    {
        const long iterations = LatencyRecorder.ExactIterations + 1;
        LatencyRecorder recorder = LatencyRecorder.ForIterations(iterations, parts: 1);
        for (long post = 0; post < iterations; post++)
            recorder.Posted(1 + (post * 3_000));

        LatencyResult result = recorder.Finish(8, iterations);

        Assert.Equal(iterations, result.Iterations);
        Assert.Equal(3, result.TypicalUs, 0.01);
        Assert.Equal(3, result.AverageUs, 0.01);
        Assert.Empty(result.UnsortedUs);
    }

    [Fact]
    public void A_run_without_an_exchange_has_no_numbers()
    {
        LatencyResult result = LatencyRecorder.ForDuration(parts: 2).FinishDuration(2, 0, 0);

        Assert.Equal(0, result.AverageUs);
        Assert.Equal(0, result.TransactionsPerSecond);
    }

    private static long[] Posts(long[] gaps, long start)
    {
        long[] posts = new long[gaps.Length + 1];
        posts[0] = start;
        for (int index = 0; index < gaps.Length; index++)
            posts[index + 1] = posts[index] + gaps[index];
        return posts;
    }
}
