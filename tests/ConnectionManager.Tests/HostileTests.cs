using System.Net;
using RoceEngine.ConnectionManager.Messages;
using RoceEngine.ConnectionManager.Protocol;

namespace ConnectionManager.Tests;

/// <summary>Datagrams that lie. Nothing throws, what they can make is bounded, and what is there goes on.</summary>
public sealed class HostileTests
{
    private static readonly IPAddress s_mallory = IPAddress.Parse("10.6.6.6");
    private static readonly ulong s_service = ServiceId.Of(ServiceId.Tcp, 7174);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Any_bytes_are_taken_calmly(int seed)
    {
        (Network network, Network.Node victim, CmConnection connection) = Established(seed);
        byte[] datagram = new byte[300];
        for (int i = 0; i < 20_000; i++)
        {
            byte[] message = GoldenMessages.All[network.Random.Next(GoldenMessages.All.Length)];
            network.Random.NextBytes(datagram);
            if (network.Random.Next(4) != 0)
                message.CopyTo(datagram, 0);
            if (network.Random.Next(2) == 0)
                datagram[17] = (byte)network.Random.Next(0x10, 0x1C);
            for (int flips = network.Random.Next(4); flips > 0; flips--)
                datagram[network.Random.Next(256)] = (byte)network.Random.Next(256);
            network.Inject(victim, s_mallory, datagram[..network.Random.Next(200, 300)]);
            network.Run(1_000_000);
        }

        Assert.Equal(ConnectionState.Established, connection.State);
        Assert.True(victim.Core.Counters.Malformed > 0 && victim.Core.Counters.Strays > 0, "the lies were not told apart");
    }

    [Fact]
    public void Somebody_else_cannot_end_a_connection_though_he_knows_its_numbers()
    {
        (Network network, Network.Node victim, CmConnection connection) = Established(1);
        foreach (CmAttribute attribute in (CmAttribute[])[CmAttribute.DisconnectRequest, CmAttribute.DisconnectReply, CmAttribute.Reject, CmAttribute.ReadyToUse])
        {
            byte[] lie = new ConnectionNotice
            {
                Attribute = attribute, LocalId = connection.RemoteId, RemoteId = connection.LocalId, QueuePairNumber = connection.LocalQueuePair,
            }.Write(1);
            network.Inject(victim, s_mallory, lie);
        }

        Assert.Equal(ConnectionState.Established, connection.State);
        Assert.Equal(4, victim.Core.Counters.Strays);
    }

    [Fact]
    public void A_disconnect_that_names_another_QP_ends_nothing()
    {
        (Network network, Network.Node victim, CmConnection connection) = Established(1);
        byte[] lie = new ConnectionNotice
        {
            Attribute = CmAttribute.DisconnectRequest, LocalId = connection.RemoteId, RemoteId = connection.LocalId, QueuePairNumber = 5,
        }.Write(1);
        network.Inject(victim, connection.Peer, lie);
        Assert.Equal(ConnectionState.Established, connection.State);
    }

    [Fact]
    public void Requests_without_end_fill_a_bounded_table()
    {
        (Network network, Network.Node victim, _) = Established(1);
        for (uint i = 1; i <= 10_000; i++)
        {
            network.Inject(victim, s_mallory, new ConnectRequest
            {
                LocalId = i, ServiceId = s_service, QueuePairNumber = i, PathMtuCode = 3, LocalAddress = s_mallory, RemoteAddress = victim.Address,
            }.Write(i));
        }

        Assert.InRange(victim.Core.ConnectionCount, 1, 4097);
        Assert.True(victim.Core.Counters.Refused >= 5_000, "too few were refused");
    }

    [Fact]
    public void Receipts_without_end_do_not_hold_a_request_for_ever()
    {
        Network network = new(1);
        Network.Node client = network.Add("10.0.0.1");
        CmConnection connection = client.Core.Connect(
            s_mallory, new ConnectRequest { ServiceId = s_service, PathMtuCode = 3, LocalAddress = client.Address, RemoteAddress = s_mallory }, 0);
        for (int i = 0; i < 100_000 && connection.State == ConnectionState.RequestSent; i++)
        {
            network.Inject(client, s_mallory, new ConnectionNotice { Attribute = CmAttribute.ReceiptAck, RemoteId = connection.LocalId, ServiceTimeout = 31 }.Write(1));
            network.Run(1_000_000_000);
        }

        Assert.NotEqual(ConnectionState.RequestSent, connection.State);
        Assert.InRange(network.NowNs / 1_000_000_000, 1, 16 * 75);
    }

    private static (Network Network, Network.Node Victim, CmConnection Connection) Established(int seed)
    {
        Network network = new(seed);
        Network.Node client = network.Add("10.0.0.1");
        Network.Node server = network.Add("10.0.0.2");
        Assert.True(server.Core.TryListen(s_service, 0, out _));
        client.Core.Connect(
            server.Address,
            new ConnectRequest { ServiceId = s_service, QueuePairNumber = 3, PathMtuCode = 3, LocalAddress = client.Address, RemoteAddress = server.Address },
            0);
        network.Run(1_000_000_000, (node, happened) => _ = happened.Kind switch
        {
            CmEventKind.Request => node.Core.TryAccept((CmConnection)happened.Exchange, new ConnectReply { QueuePairNumber = 4 }, network.NowNs),
            CmEventKind.Reply => node.Core.TryEstablish((CmConnection)happened.Exchange, []),
            _ => true,
        });
        var connection = (CmConnection)server.Events[0].Exchange;
        Assert.Equal(ConnectionState.Established, connection.State);
        return (network, server, connection);
    }
}
