using RoceEngine.Links;
using RoceEngine.Verbs;

namespace RoceEngine.Host.Tests;

/// <summary>Hosts that are kept from running for longer than the local ACK timeout, as on a machine with too few processors.</summary>
public class StalledHostTests
{
    private const long Millisecond = 1_000_000;

    /// <summary>67 ms: what perftest and the ping-pongs ask for.</summary>
    private const byte Timeout = 14;

    private static readonly SimulatedNetworkOptions s_network = new() { DelayMinNs = 10_000, DelayMaxNs = 10_000 };

    [Fact]
    public void An_acknowledgement_that_came_during_a_stall_is_seen_before_its_timeout()
    {
        using var scene = new Scene(1, retryCount: 0);
        (Endpoint a, Endpoint b) = (scene.A, scene.B);
        a.PostWrite(b, 0, 4096);
        scene.StallAndGoOn(0);
        Assert.Equal(CompletionStatus.Success, Poll(a));
    }

    [Fact]
    public void Everything_that_came_during_a_stall_is_seen_before_a_timeout()
    {
        using var scene = new Scene(2, retryCount: 0, pathMtuBytes: 256);
        (Endpoint a, Endpoint b) = (scene.A, scene.B);

        // Many more packets than one look at the socket takes wait before the acknowledgement.
        for (int i = 0; i < 8; i++)
            b.PostWrite(a, 0, 128 * 1024, (ulong)i);
        a.PostWrite(b, 512 * 1024, 4096);
        scene.StallAndGoOn(0);
        Assert.Equal(CompletionStatus.Success, Poll(a));
    }

    [Fact]
    public void A_peer_that_stood_still_as_long_has_a_moment_to_answer()
    {
        using var scene = new Scene(3, retryCount: 0);
        (Endpoint a, Endpoint b) = (scene.A, scene.B);
        a.PostWrite(b, 0, 4096);
        scene.StallAndGoOn(0, 1);
        Assert.Equal(CompletionStatus.Success, Poll(a));
    }

    [Fact]
    public void A_peer_that_is_gone_is_given_up_all_the_same()
    {
        using var scene = new Scene(4, retryCount: 1);
        (SimulatedHosts hosts, Endpoint a, Endpoint b) = (scene.Hosts, scene.A, scene.B);
        hosts.Stall(1, long.MaxValue);
        a.PostWrite(b, 0, 4096);
        long beganNs = hosts.NowNs;
        CompletionStatus? status = null;
        while (status is null && hosts.NowNs < beganNs + (1000 * Millisecond))
        {
            // Never as long as timers are held after a stall.
            hosts.TickUntil(hosts.NowNs + 50_000);
            hosts.Stall(0, hosts.NowNs + (5 * Millisecond));
            hosts.TickUntil(hosts.NowNs + (5 * Millisecond));
            status = Poll(a);
        }
        Assert.Equal(CompletionStatus.RetryExceededError, status);
        Assert.InRange(hosts.NowNs - beganNs, 134 * Millisecond, 160 * Millisecond);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Hosts_that_stall_all_the_time_lose_no_connection(ulong seed)
    {
        using var scene = new Scene(seed, retryCount: 7);
        (SimulatedHosts hosts, Endpoint a, Endpoint b) = (scene.Hosts, scene.A, scene.B);
        var random = new Random((int)seed);
        long[] nextStallNs = [hosts.NowNs, hosts.NowNs];
        Span<WorkCompletion> completions = stackalloc WorkCompletion[16];
        int posted = 0, done = 0;
        long endNs = hosts.NowNs + (2500 * Millisecond);
        while (hosts.NowNs < endNs)
        {
            for (int i = 0; i < 2; i++)
            {
                if (hosts.NowNs >= nextStallNs[i])
                {
                    long untilNs = hosts.NowNs + random.NextInt64(30 * Millisecond, 70 * Millisecond);
                    hosts.Stall(i, untilNs);
                    nextStallNs[i] = untilNs + random.NextInt64(20_000, 3 * Millisecond);
                }
            }
            for (; posted - done < 8; posted++)
                a.PostWrite(b, 0, 256 * 1024, (ulong)posted);
            hosts.Tick();
            int count = a.Completions.Poll(completions);
            for (int i = 0; i < count; i++)
                Assert.True(completions[i].Status == CompletionStatus.Success, $"seed {seed}: {completions[i].Status} after {done} messages");
            done += count;
        }
        Assert.True(done > 8, $"seed {seed}: {done} messages only");
    }

    private static CompletionStatus? Poll(Endpoint end)
    {
        Span<WorkCompletion> completion = stackalloc WorkCompletion[1];
        return end.Completions.Poll(completion) == 1 ? completion[0].Status : null;
    }

    /// <summary>Two hosts with a guest each, connected.</summary>
    private sealed class Scene : IDisposable
    {
        public Scene(ulong seed, byte retryCount, int pathMtuBytes = 4096)
        {
            Hosts = new SimulatedHosts(seed, s_network);
            A = Hosts.AddGuest("192.0.2.1");
            B = Hosts.AddGuest("192.0.2.2");
            QueuePairAddress addressA = A.QueuePair.AddressWith(100);
            QueuePairAddress addressB = B.QueuePair.AddressWith(200);
            A.QueuePair.ToInit();
            B.QueuePair.ToInit();
            A.QueuePair.ToReadyToReceive(addressB, pathMtuBytes);
            B.QueuePair.ToReadyToReceive(addressA, pathMtuBytes);
            A.QueuePair.ToReadyToSend(100, Timeout, retryCount);
            B.QueuePair.ToReadyToSend(200, Timeout);
        }

        public SimulatedHosts Hosts { get; }

        public Endpoint A { get; }

        public Endpoint B { get; }

        /// <summary>What was posted leaves, and the hosts stand still for longer than the timeout; then each of them runs for a moment.</summary>
        public void StallAndGoOn(params ReadOnlySpan<int> hosts)
        {
            Hosts.Tick();
            foreach (int host in hosts)
                Hosts.Stall(host, Hosts.NowNs + (100 * Millisecond));
            Hosts.TickUntil(Hosts.NowNs + (101 * Millisecond));
        }

        public void Dispose()
        {
            B.Dispose();
            A.Dispose();
            Hosts.Dispose();
        }
    }
}
