using System.Text.Json;

namespace Benchmarks.Tests;

public class AllocationBudgetTests
{
    private const int Operations = 200;
    private const int Rounds = 5;

    private static readonly Dictionary<string, double> Budget = JsonSerializer.Deserialize<Dictionary<string, double>>(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "allocation-budget.json")))!;

    public static TheoryData<string> Keys => [.. Budget.Keys.Order()];

    [Fact]
    public void Every_benchmark_has_a_budget_and_every_budget_a_benchmark() =>
        Assert.Equal(BenchmarkCase.All().Select(each => each.Key).Distinct().Order(StringComparer.Ordinal), Budget.Keys.Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Keys))]
    public void A_benchmark_stays_within_its_budget(string key)
    {
        foreach (BenchmarkCase each in BenchmarkCase.All().Where(each => each.Key == key))
        {
            double bytes = each.AllocatedBytesPerOperation(Operations, Rounds);
            Assert.True(bytes <= Budget[key], $"{each} allocates {bytes} bytes per operation, its budget is {Budget[key]}");
        }
    }

    [Fact]
    public void The_measurement_sees_an_allocation()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        object kept = new byte[100];
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 100, 200);
        GC.KeepAlive(kept);
    }
}
