using System.Diagnostics;
using RoceEngine.Embedded;
using RoceEngine.Verbs;

namespace RoceEngine.Host.Tests;

public class AllocationTests
{
    private const int Requests = 2000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Turns_allocate_nothing_while_traffic_flows(bool local)
    {
        using EmbeddedHost left = EmbeddedHost.Create(new EmbeddedHostOptions { Drive = DriveMode.Inline });
        using EmbeddedHost right = EmbeddedHost.Create(new EmbeddedHostOptions { Drive = DriveMode.Inline });
        using Endpoint a = Endpoint.Embedded(local ? "127.12.9.1" : "127.12.9.3", host: left);
        using Endpoint b = Endpoint.Embedded(local ? "127.12.9.2" : "127.12.9.4", host: local ? left : right);
        Endpoint.Connect(a, b);

        // Code that is not yet compiled for good may allocate where the final code does not: some batch must be clean.
        long start = Stopwatch.GetTimestamp();
        long allocated;
        do
        {
            Exchange(a, b, 64);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Exchange(a, b, 64);
            Exchange(a, b, 20_000);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        while (allocated != 0 && Stopwatch.GetElapsedTime(start) < Endpoint.Patience);
        Assert.Equal(0, allocated);
    }

    // Both hosts work on this thread, from inside the polls.
    private static void Exchange(Endpoint a, Endpoint b, int bytes)
    {
        Span<WorkCompletion> completions = stackalloc WorkCompletion[16];
        int posted = 0;
        int completed = 0;
        while (completed < Requests)
        {
            while (posted < Requests && posted - completed < 100)
            {
                a.PostWrite(b, 0, bytes);
                posted++;
            }
            completed += a.Completions.Poll(completions);
            b.Completions.Poll(completions);
        }
    }
}
