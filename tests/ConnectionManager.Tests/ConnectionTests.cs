using System.Net;
using RoceEngine.ConnectionManager.Messages;
using RoceEngine.ConnectionManager.Protocol;

namespace ConnectionManager.Tests;

/// <summary>Two managers and a network that does as it is told.</summary>
public sealed class ConnectionTests
{
    private const long Second = 1_000_000_000;
    private static readonly ulong s_service = ServiceId.Of(ServiceId.Tcp, 7174);

    private readonly Network _network = new(1);
    private readonly Network.Node _client;
    private readonly Network.Node _server;

    public ConnectionTests()
    {
        _client = _network.Add("10.0.0.1");
        _server = _network.Add("10.0.0.2");
    }

    [Fact]
    public void A_connection_is_made_used_and_ended()
    {
        CmListener listener = Listen();
        CmConnection active = Connect(privateData: [7, 8]);
        _network.Run(Second);
        CmEvent request = Assert.Single(_server.Events);
        CmConnection passive = Assert.IsType<CmConnection>(request.Exchange);
        Assert.Equal((CmEventKind.Request, listener), (request.Kind, passive.Listener));
        Assert.Equal([7, 8], request.PrivateData[..2]);

        Assert.True(_server.Core.TryAccept(passive, new ConnectReply { QueuePairNumber = 22, FirstPsn = 222, PrivateData = [9] }, _network.NowNs));
        _network.Run(Second);
        Assert.Equal([CmEventKind.Reply], _client.Kinds);
        Assert.Equal((22u, 11u, 222u), (active.RemoteQueuePair, passive.RemoteQueuePair, active.Reply!.FirstPsn));
        Assert.Equal(9, _client.Events[0].PrivateData[0]);

        Assert.True(_client.Core.TryEstablish(active, []));
        _network.Run(Second);
        Assert.Equal((ConnectionState.Established, ConnectionState.Established), (active.State, passive.State));

        Assert.True(_client.Core.TryDisconnect(active, _network.NowNs));
        _network.Run(Second / 2);
        Assert.Equal([CmEventKind.Reply, CmEventKind.Disconnected], _client.Kinds);
        Assert.Equal([CmEventKind.Request, CmEventKind.Established, CmEventKind.Disconnected], _server.Kinds);
        _network.Run(5 * Second);
        Assert.Equal((CmEventKind.TimeWaitEnded, CmEventKind.TimeWaitEnded), (_client.Events[^1].Kind, _server.Events[^1].Kind));
        Assert.Equal((0, 0), (_client.Core.ConnectionCount, _server.Core.ConnectionCount));
    }

    [Fact]
    public void Nobody_listens()
    {
        Connect();
        _network.Run(Second / 2);
        Assert.Equal((CmEventKind.Rejected, 8), (_client.Events[0].Kind, _client.Events[0].Status));
        Assert.Equal(1, _server.Core.Counters.Refused);
    }

    [Fact]
    public void The_application_refuses_and_says_why()
    {
        Listen();
        Connect();
        _network.Run(Second);
        Assert.True(_server.Core.TryReject(Passive(), RejectReason.Consumer, [1, 2, 3], _network.NowNs));
        _network.Run(Second / 2);
        Assert.Equal((CmEventKind.Rejected, 28), (_client.Events[0].Kind, _client.Events[0].Status));
        Assert.Equal([1, 2, 3], _client.Events[0].PrivateData[..3]);
        Assert.False(_server.Core.TryAccept(Passive(), new ConnectReply(), _network.NowNs));
    }

    [Fact]
    public void A_peer_that_never_answers_is_unreachable_after_all_retries()
    {
        _network.Passes = _ => false;
        Connect();
        _network.Run(80 * Second);
        Assert.Equal((CmEventKind.Unreachable, -110), (_client.Events[0].Kind, _client.Events[0].Status));
        Assert.Equal(16, _client.Sent.Count(attribute => attribute == CmAttribute.ConnectRequest));
        Assert.Equal(0, _client.Core.ConnectionCount);
    }

    [Fact]
    public void A_lost_RTU_is_asked_for_by_another_REP()
    {
        bool lost = false;
        _network.Passes = attribute => attribute != CmAttribute.ReadyToUse || !(lost = !lost);
        Establish();
        Assert.Equal(2, _client.Sent.Count(attribute => attribute == CmAttribute.ReadyToUse));
        Assert.Contains(CmEventKind.Established, _server.Kinds);
    }

    [Fact]
    public void An_application_that_takes_its_time_is_waited_for()
    {
        Listen();
        CmConnection active = Connect();
        _network.Run(60 * Second);
        Assert.Equal(CmAttribute.ReceiptAck, Assert.Single(_server.Sent));
        Assert.Equal(2, _client.Sent.Count);
        Assert.True(_server.Core.TryAccept(Passive(), new ConnectReply { QueuePairNumber = 22 }, _network.NowNs));
        _network.Run(Second);
        Assert.Equal(ConnectionState.ReplyReceived, active.State);
    }

    [Fact]
    public void A_request_that_comes_again_after_a_refusal_gets_the_same_answer()
    {
        Listen();
        Connect();
        _network.Run(Second);
        _server.Core.TryReject(Passive(), RejectReason.Consumer, [], _network.NowNs);
        _network.Passes = _ => false;
        _network.Run(Second / 2);
        _network.Inject(_server, _client.Address, Passive().Request.Write(1));
        Assert.Equal(1, _server.Core.Counters.Duplicates);
        Assert.Single(_server.Kinds, kind => kind == CmEventKind.Request);
    }

    [Fact]
    public void A_peer_that_forgot_its_connection_gets_a_stale_one_refused_and_then_a_new_one()
    {
        (_, CmConnection passive) = Establish();
        Network.Node reborn = _client;
        CmConnection second = Connect();
        _network.Run(Second);
        Assert.Contains(reborn.Events, happened => happened is { Kind: CmEventKind.Rejected, Status: 10 });
        Assert.NotEqual(ConnectionState.Established, passive.State);
        Assert.Equal(ConnectionState.Idle, second.State is ConnectionState.TimeWait ? ConnectionState.Idle : second.State);
        Connect();
        _network.Run(Second);
        Assert.Equal(2, _server.Kinds.Count(kind => kind == CmEventKind.Request));
    }

    [Theory]
    [InlineData(6, 0, 26)]
    [InlineData(0, 0, 26)]
    [InlineData(3, 3, 9)]
    public void A_request_for_what_there_is_not_is_refused(byte mtu, byte transport, int reason)
    {
        Listen();
        _client.Core.Connect(_server.Address, Request() with { PathMtuCode = mtu, Transport = transport }, _network.NowNs);
        _network.Run(Second);
        Assert.Equal(reason, _client.Events[0].Status);
        Assert.Empty(_server.Events);
    }

    [Fact]
    public void All_peers_are_told_when_the_application_ends()
    {
        (CmConnection established, _) = Establish();
        CmConnection asked = _client.Core.Connect(_server.Address, Request() with { QueuePairNumber = 12 }, _network.NowNs);
        _network.Run(Second);
        Assert.Equal(2, _server.Core.AbandonAll(_network.NowNs));
        _network.Run(10 * Second);
        Assert.Contains(_client.Events, happened => happened.Kind == CmEventKind.Disconnected && happened.Exchange == established);
        Assert.Contains(_client.Events, happened => happened.Kind == CmEventKind.Rejected && happened.Exchange == asked);
        Assert.Equal(0, _server.Core.AbandonAll(_network.NowNs));
    }

    [Fact]
    public void Abandoned_connections_end_in_the_way_of_their_state()
    {
        Listen();
        CmConnection first = Connect();
        _network.Run(Second);
        _client.Core.Abandon(first, _network.NowNs);
        _network.Run(20 * Second);
        Assert.Equal([CmEventKind.Request, CmEventKind.Rejected], _server.Kinds);
        Assert.Equal((0, 0), (_client.Core.ConnectionCount, _server.Core.ConnectionCount));
        (CmConnection active, CmConnection passive) = Establish(listen: false);
        _server.Core.Abandon(passive, _network.NowNs);
        _network.Run(10 * Second);
        Assert.Contains(_client.Events, happened => happened.Kind == CmEventKind.Disconnected && happened.Exchange == active);
        Assert.DoesNotContain(_server.Events, happened => happened.Kind == CmEventKind.Disconnected && happened.Exchange == passive);
        Assert.Equal((0, 0), (_client.Core.ConnectionCount, _server.Core.ConnectionCount));
    }

    [Fact]
    public void Who_listens_a_moment_after_the_request_hears_it()
    {
        CmConnection active = Connect();
        _client.Core.Resolve(_server.Address, new ResolveRequest { ServiceId = s_service }, _network.NowNs);
        _network.Run(Second / 4);
        Assert.Empty(_server.Events);
        Assert.Empty(_client.Events);
        CmListener listener = Listen();
        _network.Run(Second);
        Assert.Equal([CmEventKind.Request, CmEventKind.ResolveRequest], _server.Kinds.Order());
        Assert.All(_server.Events, happened => Assert.Equal(listener, happened.Exchange.Listener));
        Assert.True(_server.Core.TryAccept(Passive(), new ConnectReply { QueuePairNumber = 22 }, _network.NowNs));
        _network.Run(Second);
        Assert.Equal(ConnectionState.ReplyReceived, active.State);
        Assert.Equal(0, _server.Core.Counters.Refused);
    }

    [Fact]
    public void A_request_that_comes_again_before_anybody_listens_is_one()
    {
        Network.Node mute = _network.Add("10.0.0.3");
        for (int i = 0; i < 3; i++)
            _network.Inject(_server, mute.Address, (Request() with { LocalId = 5 }).Write(77));
        Listen();
        _network.Run(Second);
        Assert.Equal([CmEventKind.Request], _server.Kinds);
        Assert.Equal(2, _server.Core.Counters.Duplicates);
    }

    [Fact]
    public void Few_requests_wait_for_one_who_listens()
    {
        Network.Node mute = _network.Add("10.0.0.3");
        for (uint i = 1; i <= 1000; i++)
            _network.Inject(_server, mute.Address, (Request() with { LocalId = i, QueuePairNumber = i }).Write(i));
        Assert.InRange(_server.Core.Counters.Refused, 900, 999);
        _network.Run(Second);
        Assert.Equal(1000, _server.Core.Counters.Refused);
        Assert.Equal(long.MaxValue, _server.Core.NextDeadlineNs);
    }

    [Fact]
    public void A_service_of_datagrams_is_found()
    {
        ulong service = ServiceId.Of(ServiceId.Udp, 5);
        Assert.True(_server.Core.TryListen(service, _network.NowNs, out _));
        _client.Core.Resolve(_server.Address, new ResolveRequest { ServiceId = service, PrivateData = [4] }, _network.NowNs);
        _network.Run(Second);
        var passive = (CmResolution)_server.Events[0].Exchange;
        Assert.True(_server.Core.TryAnswer(passive, new ResolveReply { QueuePairNumber = 33, QueueKey = 44 }, _network.NowNs));
        Assert.False(_server.Core.TryAnswer(passive, new ResolveReply(), _network.NowNs));
        _network.Run(Second);
        var active = (CmResolution)_client.Events[0].Exchange;
        Assert.Equal((CmEventKind.Resolved, 0, 33u, 44u), (_client.Events[0].Kind, _client.Events[0].Status, active.Reply!.QueuePairNumber, active.Reply.QueueKey));
    }

    [Fact]
    public void A_service_of_datagrams_that_is_not_there_is_said_to_be_none()
    {
        _client.Core.Resolve(_server.Address, new ResolveRequest { ServiceId = 1 }, _network.NowNs);
        _network.Run(Second);
        Assert.Equal((CmEventKind.Resolved, 1), (_client.Events[0].Kind, _client.Events[0].Status));
    }

    private CmListener Listen()
    {
        Assert.True(_server.Core.TryListen(s_service, _network.NowNs, out CmListener? listener));
        Assert.False(_server.Core.TryListen(s_service, _network.NowNs, out _));
        return listener;
    }

    private ConnectRequest Request() => new()
    {
        ServiceId = s_service, QueuePairNumber = 11, FirstPsn = 111, PathMtuCode = 3, LocalAddress = _client.Address, RemoteAddress = _server.Address,
    };

    private CmConnection Connect(byte[]? privateData = null) =>
        _client.Core.Connect(_server.Address, Request() with { PrivateData = privateData ?? [] }, _network.NowNs);

    private CmConnection Passive() => (CmConnection)_server.Events.Last(happened => happened.Kind == CmEventKind.Request).Exchange;

    private (CmConnection Active, CmConnection Passive) Establish(bool listen = true)
    {
        if (listen)
            Listen();
        CmConnection active = Connect();
        _network.Run(Second);
        CmConnection passive = Passive();
        Assert.True(_server.Core.TryAccept(passive, new ConnectReply { QueuePairNumber = 22 }, _network.NowNs));
        _network.Run(Second);
        Assert.True(_client.Core.TryEstablish(active, []));
        _network.Run(10 * Second);
        return (active, passive);
    }
}
