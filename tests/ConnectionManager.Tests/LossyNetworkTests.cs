using RoceEngine.ConnectionManager.Messages;
using RoceEngine.ConnectionManager.Protocol;

namespace ConnectionManager.Tests;

/// <summary>Many connections between managers over a network that loses, doubles and reorders: from a seed, which a failure names.</summary>
public sealed class LossyNetworkTests
{
    private const long Second = 1_000_000_000;
    private const int Connections = 20;
    private static readonly ulong s_service = ServiceId.Of(ServiceId.Tcp, 1);

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_connection_is_made_once_and_ends_once(int seed)
    {
        Network network = new(seed, loss: 0.3, duplication: 0.3, delayMaxNs: Second / 2);
        Network.Node client = network.Add("10.0.0.1");
        Network.Node server = network.Add("10.0.0.2");
        Assert.True(server.Core.TryListen(s_service, 0, out _));
        for (uint i = 0; i < Connections; i++)
        {
            client.Core.Connect(
                server.Address,
                new ConnectRequest
                {
                    ServiceId = s_service, QueuePairNumber = 100 + i, PathMtuCode = 3, LocalAddress = client.Address, RemoteAddress = server.Address,
                },
                network.NowNs);
        }

        network.Run(2000 * Second, (node, happened) => Play(network, node, happened));
        for (uint i = 0; i < Connections; i++)
        {
            CmEventKind[] asked = KindsOf(client, 100 + i);
            CmEventKind[] served = KindsOf(server, 100 + i);
            string text = $"seed {seed}, connection {i}: {string.Join(',', asked)} / {string.Join(',', served)}";

            // Who refused forgets that sooner than a peer gives up that hears nothing for long.
            Assert.True(served.Count(kind => kind == CmEventKind.Request) == 1 || (i % 5 == 0 && served.All(kind => kind == CmEventKind.Request)), text);
            Assert.True(asked.Count(kind => kind is CmEventKind.Reply or CmEventKind.Rejected or CmEventKind.Unreachable) is 1 or 2, text);
            Assert.True(asked.Count(kind => kind == CmEventKind.Disconnected) == asked.Count(kind => kind == CmEventKind.Reply), text);
            Assert.True(served.Count(kind => kind == CmEventKind.Established) <= 1, text);
            Assert.True(asked[^1] == CmEventKind.TimeWaitEnded == asked.Contains(CmEventKind.Reply), text);
        }

        Assert.Equal((0, 0), (client.Core.ConnectionCount, server.Core.ConnectionCount));
        Assert.Equal((0, 0), (client.Core.Counters.Malformed, server.Core.Counters.Malformed));
    }

    // Every fifth is refused; both sides end what is established, now and then at the same time.
    private static void Play(Network network, Network.Node node, CmEvent happened)
    {
        var connection = (CmConnection)happened.Exchange;
        switch (happened.Kind)
        {
            case CmEventKind.Request when connection.RemoteQueuePair % 5 == 0:
                _ = node.Core.TryReject(connection, RejectReason.Consumer, [], network.NowNs);
                break;
            case CmEventKind.Request:
                _ = node.Core.TryAccept(connection, new ConnectReply { QueuePairNumber = 1000 + connection.RemoteQueuePair }, network.NowNs);
                break;
            case CmEventKind.Reply:
                _ = node.Core.TryEstablish(connection, []);
                if (connection.LocalQueuePair % 2 == 0)
                    _ = node.Core.TryDisconnect(connection, network.NowNs);
                break;
            case CmEventKind.Established:
                _ = node.Core.TryDisconnect(connection, network.NowNs);
                break;
        }
    }

    private static CmEventKind[] KindsOf(Network.Node node, uint clientQueuePair) =>
    [
        .. node.Events.Where(happened => ((CmConnection)happened.Exchange).Request.QueuePairNumber == clientQueuePair).Select(happened => happened.Kind),
    ];
}
