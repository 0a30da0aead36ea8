using RoceEngine.Rsockets;

namespace Rsockets.Tests;

/// <summary>One end against a peer that the test plays.</summary>
public sealed class StreamCoreTests
{
    private const uint Credits = 0x8000_0000;
    private const uint Mapping = 0xC000_0000;
    private const uint Disconnect = 0xE000_0000;
    private const uint Shutdown = 0xE000_0002;
    private const int Protocol = 71;

    private static readonly ConnectionData s_peer = new()
    {
        Credits = 100, MappingCount = 1, Targets = new(0x9000, 0x77, 2), FirstTarget = new(0x5000, 0x66, 100),
    };

    private readonly byte[] _send;
    private readonly byte[] _targets;
    private readonly byte[] _receive;
    private readonly StreamCore _core;

    public StreamCoreTests()
    {
        StreamOptions options = new() { SendBytes = 4096, ReceiveBytes = 1000, SendDepth = 20, ReceiveDepth = 16, MappingCount = 1 };
        _send = new byte[options.SendMemoryBytes];
        _targets = new byte[options.TargetMemoryBytes];
        _receive = new byte[options.ReceiveBytes];
        _core = new StreamCore(options, new StreamBuffers
        {
            Send = _send, Receive = _receive, ReceiveName = new(0x1000, 0x11, 1000), Targets = _targets, TargetsName = new(0x2000, 0x22, (uint)_targets.Length),
        });
    }

    [Fact]
    public void The_peer_is_told_of_the_list_and_of_the_first_half()
    {
        Assert.Equal(new RemoteBuffer(0x2000, 0x22, 2), _core.LocalData.Targets);
        Assert.Equal(new RemoteBuffer(0x1000, 0x11, 500), _core.LocalData.FirstTarget);
        Assert.Equal((16, 1), (_core.LocalData.Credits, _core.LocalData.MappingCount));
    }

    [Fact]
    public void The_second_half_is_announced_in_the_second_entry_with_the_first_news()
    {
        _core.Connect(s_peer);
        _core.HandleReceived(Data(0));
        StreamPost post = Take();
        Assert.Equal((0x9010UL, 0x77u, Credits | 17u), (post.RemoteAddress, post.RemoteKey, post.Immediate));
        Assert.Equal(new RemoteBuffer(0x1000 + 500, 0x11, 500), RemoteBuffer.Read(_send.AsSpan(post.Offset, post.Length), isBigEndian: false));
        AssertNoPost();
    }

    [Fact]
    public void A_big_endian_peer_gets_big_endian_entries()
    {
        _core.Connect(s_peer with { IsBigEndian = true });
        _core.HandleReceived(Data(0));
        StreamPost post = Take();
        Assert.Equal(new RemoteBuffer(0x1000 + 500, 0x11, 500), RemoteBuffer.Read(_send.AsSpan(post.Offset, post.Length), isBigEndian: true));
    }

    [Fact]
    public void Data_fills_one_target_before_the_next()
    {
        _core.Connect(s_peer);
        Assert.Equal(60, _core.Send(new byte[60]));
        StreamPost first = Take();
        Assert.Equal((0x5000UL, 0x66u, 60, Data(60)), (first.RemoteAddress, first.RemoteKey, first.Length, first.Immediate));

        // Forty bytes are left, and no second target is known.
        Assert.Equal(40, _core.Send(new byte[60]));
        StreamPost second = Take();
        Assert.Equal((0x5000UL + 60, 40, Data(40)), (second.RemoteAddress, second.Length, second.Immediate));
        Assert.False(_core.CanSend);
        Assert.Equal(0, _core.Send(new byte[1]));

        new RemoteBuffer(0x6000, 0x67, 50).Write(_targets.AsSpan(RemoteBuffer.Bytes), isBigEndian: false);
        _core.HandleReceived(Credits | 100u);
        Assert.Equal(20, _core.Send(new byte[20]));
        _ = Take();
        StreamPost third = Take();
        Assert.Equal((0x6000UL, 0x67u, 20), (third.RemoteAddress, third.RemoteKey, third.Length));
    }

    [Fact]
    public void Without_credits_nothing_is_sent()
    {
        _core.Connect(s_peer with { Credits = 2 });
        Assert.Equal((1, 1, 0), (_core.Send(new byte[1]), _core.Send(new byte[1]), _core.Send(new byte[1])));
        _core.HandleReceived(Credits | 3u);
        Assert.Equal((1, 0), (_core.Send(new byte[1]), _core.Send(new byte[1])));
    }

    [Fact]
    public void A_mapped_buffer_is_announced_behind_the_targets_and_takes_a_credit()
    {
        _core.Connect(s_peer with { Credits = 2 });
        Assert.Equal(0, _core.Map(new MappedBuffer(42, new RemoteBuffer(0xAAAA, 0xBB, 10))));
        Assert.Null(_core.Map(new MappedBuffer(0, default)));
        Assert.Equal((1, 0), (_core.Send(new byte[1]), _core.Send(new byte[1])));
        StreamPost post = Take();
        Assert.Equal((0x9020UL, 0x77u, 24, Mapping), (post.RemoteAddress, post.RemoteKey, post.Length, post.Immediate));
        Assert.Equal(new MappedBuffer(42, new RemoteBuffer(0xAAAA, 0xBB, 10)), MappedBuffer.Read(_send.AsSpan(post.Offset), isBigEndian: false));
        _core.Unmap(0);
        Assert.Equal(0, _core.Map(new MappedBuffer(43, default)));
    }

    [Fact]
    public void Writes_to_mapped_buffers_tell_nobody()
    {
        _core.Connect(s_peer);
        new MappedBuffer(100, new RemoteBuffer(0xD000, 0xDD, 50)).Write(_targets.AsSpan(2 * RemoteBuffer.Bytes), isBigEndian: false);
        Assert.Equal(0, _core.WriteMapped(new byte[10], 99));
        Assert.Equal(20, _core.WriteMapped(new byte[30], 130));
        StreamPost post = Take();
        Assert.Equal((0xD000UL + 30, 0xDDu, 20, null), (post.RemoteAddress, post.RemoteKey, post.Length, post.Immediate));
    }

    [Fact]
    public void Writes_to_mapped_buffers_need_a_credit_only_to_announce_own_ones()
    {
        _core.Connect(s_peer with { Credits = 1 });
        Assert.Equal(1, _core.Send(new byte[1]));
        Assert.True(_core is { CanSend: false, CanWriteMapped: true });
        Assert.Equal(0, _core.Map(new MappedBuffer(42, new RemoteBuffer(0xAAAA, 0xBB, 10))));
        Assert.False(_core.CanWriteMapped);
        _core.HandleReceived(Credits | 2u);
        Assert.True(_core.CanWriteMapped);
    }

    [Fact]
    public void A_disconnect_waits_for_a_free_control_slot_and_ends_when_it_has_arrived()
    {
        _core.Connect(s_peer);
        for (uint i = 0; i < 40; i++)
            _core.HandleReceived(Data(0));
        _core.Shutdown(ShutdownKind.Both);
        List<StreamPost> posts = TakeAll();
        Assert.Equal(StreamCore.ControlSlots, posts.Count);
        Assert.All(posts, post => Assert.Equal(Credits, post.Immediate & 0xE000_0000));
        _core.HandleSent(posts[0].Id);
        StreamPost last = Take();
        Assert.Equal(Disconnect, last.Immediate);
        Assert.True(_core.IsConnected);
        _core.HandleSent(last.Id);
        Assert.True(_core.IsDisconnected);
    }

    [Theory]
    [InlineData(ShutdownKind.Sending, Shutdown)]
    [InlineData(ShutdownKind.Both, Disconnect)]
    public void A_shutdown_is_told(ShutdownKind kind, uint immediate)
    {
        _core.Connect(s_peer);
        _core.Shutdown(kind);
        Assert.Equal(immediate, Take().Immediate);
        Assert.False(_core.IsWritable);
    }

    [Fact]
    public void Two_halves_of_a_shutdown_are_a_disconnect()
    {
        _core.Connect(s_peer);
        _core.Shutdown(ShutdownKind.Receiving);
        AssertNoPost();
        Assert.True(_core.IsWritable);
        _core.Shutdown(ShutdownKind.Sending);
        Assert.Equal(Disconnect, Take().Immediate);
    }

    [Fact]
    public void What_was_received_can_be_read_after_the_peer_has_gone()
    {
        _core.Connect(s_peer);
        _receive[0] = 9;
        _core.HandleReceived(Data(1));
        _core.HandleReceived(Disconnect);
        Assert.True(_core is { IsDisconnected: true, CanReceive: true, CanSend: false, Error: 0 });
        byte[] into = new byte[2];
        Assert.Equal((1, 9, 0), (_core.Receive(into), into[0], _core.Receive(into)));
    }

    [Fact]
    public void A_peer_that_sends_more_than_there_is_room_for_breaks_the_connection()
    {
        _core.Connect(s_peer);
        _core.HandleReceived(Data(900));
        _core.HandleReceived(Data(101));
        Assert.Equal((Protocol, 900), (_core.Error, _core.AvailableBytes));
    }

    [Theory]
    [InlineData(0x2000_0000u)]
    [InlineData(0x4000_0000u)]
    [InlineData(0x6000_0000u)]
    [InlineData(0xA000_0000u)]
    public void Messages_that_nobody_may_send_break_the_connection(uint immediate)
    {
        _core.Connect(s_peer);
        _core.HandleReceived(immediate);
        Assert.Equal(Protocol, _core.Error);
    }

    [Fact]
    public void A_quiet_peer_is_asked_for_a_sign_of_life_and_news_count_as_one()
    {
        _core.Connect(s_peer);
        Assert.Equal(110, _core.HandleTime(10, 100));
        _core.HandleReceived(Credits | 100u);
        _core.HandleSent(Take().Id);
        Assert.Equal(200, _core.HandleTime(100, 100));
        AssertNoPost();
        _ = _core.HandleTime(200, 100);
        StreamPost post = Take();
        Assert.Equal((0, null, 0UL), (post.Length, post.Immediate, post.RemoteAddress));

        // While the question is open there is no second one.
        _ = _core.HandleTime(500, 100);
        AssertNoPost();
        _core.HandleSent(post.Id);
        Assert.True(_core.IsAllSent);
    }

    private static uint Data(uint bytes) => bytes;

    private StreamPost Take()
    {
        Assert.True(_core.TryTakePost(out StreamPost post));
        return post;
    }

    private List<StreamPost> TakeAll()
    {
        List<StreamPost> all = [];
        while (_core.TryTakePost(out StreamPost post))
            all.Add(post);
        return all;
    }

    private void AssertNoPost() => Assert.False(_core.TryTakePost(out _));
}
