using RoceEngine.Links;
using RoceEngine.Verbs;

namespace RoceEngine.Host.Tests;

public class SimulationTests
{
    private static readonly SimulatedNetworkOptions Rough = new()
    {
        LossRate = 0.01,
        DuplicateRate = 0.01,
        ReorderRate = 0.01,
        CorruptRate = 0.01,
        DelayMinNs = 3_000,
        DelayMaxNs = 15_000,
    };

    private sealed record Outcome(long SentDatagrams, long Lost, long Corrupted, long EndNs);

    /// <summary>Guests write to each other over a rough network; all bytes arrive, each request completes once.</summary>
    private static Outcome Exchange(ulong seed)
    {
        using var hosts = new SimulatedHosts(seed, Rough);
        using Endpoint a = hosts.AddGuest("192.0.2.1");
        using Endpoint b = hosts.AddGuest("192.0.2.2");
        ConnectWith(a, b, 100, 0xFFFFF0);
        var random = new Random((int)seed);
        random.NextBytes(a.Memory.Span);
        Span<WorkCompletion> completions = stackalloc WorkCompletion[16];
        const int pieces = 64;
        int pieceBytes = Endpoint.MemoryBytes / pieces;
        int posted = 0;
        var finished = new HashSet<ulong>();
        while (finished.Count < pieces)
        {
            while (posted < pieces && posted - finished.Count < 8)
            {
                a.PostWrite(b, posted * pieceBytes, pieceBytes, (ulong)posted);
                posted++;
            }
            int count = a.Completions.Poll(completions);
            b.Completions.Poll(completions[count..]);
            foreach (ref readonly WorkCompletion completion in completions[..count])
            {
                Assert.Equal(CompletionStatus.Success, completion.Status);
                Assert.True(finished.Add(completion.WorkRequestId), $"seed {seed}: request {completion.WorkRequestId} completed twice");
            }
            Assert.True(hosts.NowNs < 60_000_000_000, $"seed {seed}: no end after a minute of virtual time");
        }
        Assert.True(a.Memory.Span.SequenceEqual(b.Memory.Span), $"seed {seed}: bytes differ");
        SimulatedNetworkStatistics statistics = hosts.Network.Statistics;
        return new Outcome(statistics.Sent, statistics.Lost, statistics.Corrupted, hosts.NowNs);
    }

    private static void ConnectWith(Endpoint a, Endpoint b, uint psnA, uint psnB)
    {
        QueuePairAddress addressA = a.QueuePair.AddressWith(psnA);
        QueuePairAddress addressB = b.QueuePair.AddressWith(psnB);
        a.QueuePair.ToInit();
        b.QueuePair.ToInit();
        a.QueuePair.ToReadyToReceive(addressB, pathMtuBytes: 1024);
        b.QueuePair.ToReadyToReceive(addressA, pathMtuBytes: 1024);
        a.QueuePair.ToReadyToSend(psnA, timeout: 8);
        b.QueuePair.ToReadyToSend(psnB, timeout: 8);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Every_write_arrives_and_completes_once_over_a_rough_network(ulong seed)
    {
        Outcome outcome = Exchange(seed);
        Assert.True(outcome.Lost > 0 && outcome.Corrupted > 0, $"seed {seed}: the network was not rough: {outcome}");
    }

    [Fact]
    public void The_same_seed_gives_the_same_run() => Assert.Equal(Exchange(77), Exchange(77));
}
