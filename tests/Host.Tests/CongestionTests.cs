using RoceEngine.Links;
using RoceEngine.Verbs;
using RoceEngine.Wire;

namespace RoceEngine.Host.Tests;

/// <summary>Whole hosts over a port that is slower than they are.</summary>
public class CongestionTests
{
    private const long PortBytesPerSecond = 500_000_000;
    private const int Requests = 200;
    private const int RequestBytes = 128 * 1024;

    private static SimulatedNetworkOptions Port => new()
    {
        PortBytesPerSecond = PortBytesPerSecond,
        QueueBytesMax = 200 * 1024,
        DelayMinNs = 5_000,
        DelayMaxNs = 5_000,
    };

    private static (SimulatedNetworkStatistics Statistics, double Goodput) Stream(SimulatedNetworkOptions options)
    {
        using var hosts = new SimulatedHosts(3, options);
        using Endpoint a = hosts.AddGuest("192.0.2.1");
        using Endpoint b = hosts.AddGuest("192.0.2.2");
        Endpoint.Connect(a, b);
        Span<WorkCompletion> completions = stackalloc WorkCompletion[16];
        long startNs = hosts.NowNs;
        int posted = 0;
        int done = 0;
        while (done < Requests)
        {
            for (; posted < Requests && posted - done < 8; posted++)
                a.PostWrite(b, 0, RequestBytes, (ulong)posted);
            int count = a.Completions.Poll(completions);
            b.Completions.Poll(completions[count..]);
            for (int i = 0; i < count; i++)
                Assert.Equal(CompletionStatus.Success, completions[i].Status);
            done += count;
            Assert.True(hosts.NowNs < 60_000_000_000, "no end after a minute of virtual time");
        }
        return (hosts.Network.Statistics, (double)Requests * RequestBytes * 1e9 / (hosts.NowNs - startNs) / PortBytesPerSecond);
    }

    [Fact]
    public void Marks_keep_the_queue_short_where_it_would_overflow_without_them()
    {
        (SimulatedNetworkStatistics unmarked, _) = Stream(Port);
        (SimulatedNetworkStatistics marked, double goodput) = Stream(Port with { MarkQueueBytes = 40 * 1024 });
        Assert.True(unmarked.QueueDrops > 0, "the port was fast enough: nothing is shown");
        Assert.True(marked.Marked > 0);
        Assert.True(marked.QueueDrops < unmarked.QueueDrops / 4, $"{marked.QueueDrops} drops with marks, {unmarked.QueueDrops} without");
        Assert.True(goodput > 0.7, $"goodput {goodput:0.00} of the port's rate");
    }

    [Fact]
    public void Without_marks_the_window_still_finds_the_ports_rate()
    {
        (SimulatedNetworkStatistics statistics, double goodput) = Stream(Port);
        Assert.True(goodput > 0.7, $"goodput {goodput:0.00} of the port's rate, {statistics.QueueDrops} of {statistics.Sent} dropped");
    }

    [Fact]
    public void Datagrams_and_notifications_are_not_ecn_capable_and_connected_traffic_is()
    {
        using var hosts = new SimulatedHosts(4, Port with { MarkQueueBytes = 0 });
        using Endpoint a = hosts.AddGuest("192.0.2.1");
        using Endpoint b = hosts.AddGuest("192.0.2.2");
        var seen = new ClassTap();
        hosts.Network.Tap = seen;
        Endpoint.Connect(a, b);
        a.PostWrite(b, 0, RequestBytes);
        Span<WorkCompletion> completion = stackalloc WorkCompletion[1];
        while (a.Completions.Poll(completion) == 0)
            b.Completions.Poll(completion);
        Assert.Equal([0], seen.Classes[Opcode.CongestionNotification]);
        Assert.All(seen.Classes.Where(pair => pair.Key != Opcode.CongestionNotification), pair => Assert.Equal([2], pair.Value));
        Assert.Contains(Opcode.RcAcknowledge, seen.Classes.Keys);
    }

    private sealed class ClassTap : IPacketTap
    {
        public Dictionary<Opcode, HashSet<int>> Classes { get; } = [];

        public void OnDatagram(
            in Gid source, in Gid destination, ushort sourcePort, byte tos, ushort identification, ReadOnlySpan<byte> udpPayload, bool outgoing, long nowNs)
        {
            var opcode = (Opcode)udpPayload[0];
            if (!Classes.TryGetValue(opcode, out HashSet<int>? classes))
                Classes.Add(opcode, classes = []);
            classes.Add(tos);
        }
    }
}
