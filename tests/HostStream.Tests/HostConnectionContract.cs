using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace RoceEngine.HostStream.Tests;

/// <summary>What a connection does, with TLS or without.</summary>
public abstract class HostConnectionContract
{
    private const int PayloadBytesMax = 300_000;

    protected abstract StreamSecurity Security { get; }

    protected abstract string ExpectedPeerName { get; }

    /// <summary>The stream of somebody who can write what no connection would, up to the version handshake.</summary>
    protected abstract Task<Stream> ConnectRawAsync(Socket socket);

    [Fact]
    public async Task Frames_come_back_as_they_were_sent()
    {
        await using var hosts = new Hosts(Options());
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Options());
        await using (caller)
        await using (called)
        {
            int[] sizes = [0, 1, 16 * 1024 - 9, 16 * 1024 - 8, 16 * 1024 - 7, 100_000, PayloadBytesMax];
            Task echo = EchoAsync(called, sizes.Length, hosts.Limit);
            foreach (int size in sizes)
            {
                byte[] payload = RandomNumberGenerator.GetBytes(size);
                ushort type = (ushort)(size * 7);
                await caller.SendAsync(type, payload, hosts.Limit);
                HostFrame frame = await caller.ReceiveAsync(hosts.Limit);
                Assert.Equal(type, frame.Type);
                Assert.True(frame.Payload.Span.SequenceEqual(payload), $"payload of {size} bytes");
            }
            await echo;
            Assert.Equal(sizes.Sum(size => 8L + size), caller.BytesSent);
            Assert.Equal(caller.BytesSent, called.BytesReceived);
            Assert.Equal(called.BytesSent, caller.BytesReceived);
            Assert.Equal(hosts.Listener.EndPoint, caller.RemoteEndPoint);
            Assert.Equal("127.0.0.1", called.RemoteEndPoint.Address.ToString());
        }
    }

    [Fact]
    public async Task Both_sides_know_whom_they_talk_to()
    {
        await using var hosts = new Hosts(Options(product: "2.5.0"));
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Options(product: "2.4.1"));
        await using (caller)
        await using (called)
        {
            Assert.Equal((ExpectedPeerName, "2.5.0", 1), (caller.PeerName, caller.PeerProductVersion, caller.Version));
            Assert.Equal((ExpectedPeerName, "2.4.1", 1), (called.PeerName, called.PeerProductVersion, called.Version));
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(24, 65_536)]
    [InlineData(20_000, 3)]
    [InlineData(0, 40_000)]
    [InlineData(140_001, 159_999)]
    public async Task A_payload_in_two_parts_arrives_as_one(int firstBytes, int secondBytes)
    {
        await using var hosts = new Hosts(Options());
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Options());
        await using (caller)
        await using (called)
        {
            byte[] whole = RandomNumberGenerator.GetBytes(firstBytes + secondBytes);
            await Task.WhenAll(
                caller.SendAsync(5, whole.AsMemory(0, firstBytes), whole.AsMemory(firstBytes), hosts.Limit).AsTask(),
                AssertReceivesAsync(called, 5, whole, hosts.Limit));
        }
    }

    [Fact]
    public async Task A_payload_that_is_too_large_is_not_sent_and_harms_nothing()
    {
        await using var hosts = new Hosts(Options());
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Options());
        await using (caller)
        await using (called)
        {
            HostStreamException refused = await Assert.ThrowsAsync<HostStreamException>(
                () => caller.SendAsync(1, new byte[PayloadBytesMax], new byte[1], hosts.Limit).AsTask());
            Assert.Equal(HostStreamFault.Protocol, refused.Fault);
            Assert.StartsWith($"a payload of {PayloadBytesMax + 1} bytes cannot be sent; at most {PayloadBytesMax}", refused.Message);
            await caller.SendAsync(2, new byte[] { 9 }, hosts.Limit);
            await AssertReceivesAsync(called, 2, [9], hosts.Limit);
        }
    }

    [Fact]
    public async Task A_frame_one_byte_too_large_ends_the_connection()
    {
        await using var hosts = new Hosts(Options());
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Options(payloadBytesMax: PayloadBytesMax + 1));
        await using (caller)
        await using (called)
        {
            Task sending = caller.SendAsync(1, new byte[PayloadBytesMax + 1], hosts.Limit).AsTask();
            HostStreamException failure = await AssertReceiveFailsAsync(called, HostStreamFault.Protocol, hosts.Limit);
            Assert.EndsWith($"announced a frame of {PayloadBytesMax + 1} bytes; at most {PayloadBytesMax} are allowed", failure.Message);
            HostStreamException later = await Assert.ThrowsAsync<HostStreamException>(
                () => called.SendAsync(1, default, hosts.Limit).AsTask());
            Assert.Equal(failure.Message, later.Message);
            await AssertReceiveFailsAsync(caller, HostStreamFault.Closed, hosts.Limit);
            await Record.ExceptionAsync(() => sending);
        }
    }

    [Fact]
    public async Task A_reserved_field_that_is_not_zero_ends_the_connection()
    {
        await using var hosts = new Hosts(Options());
        (Stream raw, HostConnection called) = await ConnectRawAsync(hosts);
        await using (raw)
        await using (called)
        {
            await raw.WriteAsync(new byte[] { 0, 0, 0, 0, 1, 0, 1, 0 }, hosts.Limit);
            HostStreamException failure = await AssertReceiveFailsAsync(called, HostStreamFault.Protocol, hosts.Limit);
            Assert.Contains("reserved field", failure.Message);
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(5000)]
    public async Task A_peer_that_dies_in_the_middle_of_a_frame_is_noticed(int bytesBefore)
    {
        await using var hosts = new Hosts(Options());
        (Stream raw, HostConnection called) = await ConnectRawAsync(hosts);
        await using (called)
        {
            byte[] frame = new byte[8 + 10_000];
            BinaryPrimitives.WriteInt32LittleEndian(frame, 10_000);
            await raw.WriteAsync(frame.AsMemory(0, bytesBefore), hosts.Limit);
            await raw.DisposeAsync();
            HostStreamException failure = await AssertReceiveFailsAsync(called, HostStreamFault.Closed, hosts.Limit);
            Assert.EndsWith("closed the connection in the middle of a frame", failure.Message);
        }
    }

    [Fact]
    public async Task An_end_between_frames_comes_after_all_that_was_sent()
    {
        await using var hosts = new Hosts(Options());
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Options());
        await using (called)
        {
            byte[] payload = RandomNumberGenerator.GetBytes(200_000);
            await caller.SendAsync(1, payload, hosts.Limit);
            await caller.DisposeAsync();
            await AssertReceivesAsync(called, 1, payload, hosts.Limit);
            HostStreamException failure = await AssertReceiveFailsAsync(called, HostStreamFault.Closed, hosts.Limit);
            Assert.EndsWith("closed the connection", failure.Message);
        }
    }

    [Fact]
    public async Task A_peer_that_sends_nothing_is_given_up()
    {
        await using var hosts = new Hosts(Options(idle: TimeSpan.FromMilliseconds(250)));
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Options());
        await using (caller)
        await using (called)
        {
            HostStreamException failure = await AssertReceiveFailsAsync(called, HostStreamFault.Idle, hosts.Limit);
            Assert.Equal($"nothing came from the host at {called.RemoteEndPoint} for 0.25 s", failure.Message);
            await AssertReceiveFailsAsync(caller, HostStreamFault.Closed, hosts.Limit);
        }
    }

    [Fact]
    public async Task A_peer_that_takes_nothing_is_given_up()
    {
        await using var hosts = new Hosts(Options());
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Options(idle: TimeSpan.FromMilliseconds(250)));
        await using (caller)
        await using (called)
        {
            HostStreamException failure = await Assert.ThrowsAsync<HostStreamException>(async () =>
            {
                while (true)
                    await caller.SendAsync(1, new byte[PayloadBytesMax], hosts.Limit);
            });
            Assert.Equal(HostStreamFault.Idle, failure.Fault);
            Assert.Equal($"the host at {caller.RemoteEndPoint} took nothing for 0.25 s", failure.Message);
        }
    }

    [Fact]
    public async Task Slow_progress_is_not_idleness()
    {
        await using var hosts = new Hosts(Options(idle: TimeSpan.FromMilliseconds(1500)));
        (Stream raw, HostConnection called) = await ConnectRawAsync(hosts);
        await using (raw)
        await using (called)
        {
            Task receiving = AssertReceivesAsync(called, 3, [1, 2], hosts.Limit);
            byte[] frame = [2, 0, 0, 0, 3, 0, 0, 0, 1, 2];
            var time = Stopwatch.StartNew();
            foreach (byte part in frame)
            {
                await raw.WriteAsync(new[] { part }, hosts.Limit);
                await Task.Delay(200, hosts.Limit);
            }
            await receiving;
            Assert.True(time.ElapsedMilliseconds > 1500);
        }
    }

    [Fact]
    public async Task Abort_ends_what_waits_on_both_sides()
    {
        await using var hosts = new Hosts(Options());
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Options());
        Task<HostStreamException> here = AssertReceiveFailsAsync(caller, HostStreamFault.Closed, hosts.Limit);
        Task<HostStreamException> there = AssertReceiveFailsAsync(called, HostStreamFault.Closed, hosts.Limit);
        caller.Abort();
        Assert.StartsWith("this side closed the connection", (await here).Message);
        Assert.StartsWith($"the host at {called.RemoteEndPoint} ", (await there).Message);
        await caller.DisposeAsync();
        await called.DisposeAsync();
    }

    [Fact]
    public async Task A_cancelled_receive_is_a_cancellation_and_ends_the_connection()
    {
        await using var hosts = new Hosts(Options());
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Options());
        await using (caller)
        await using (called)
        {
            using var cancel = new CancellationTokenSource();
            Task<HostFrame> receiving = caller.ReceiveAsync(cancel.Token).AsTask();
            await Assert.ThrowsAsync<InvalidOperationException>(() => caller.ReceiveAsync(hosts.Limit).AsTask());
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receiving);
            await AssertReceiveFailsAsync(caller, HostStreamFault.Closed, hosts.Limit);
            await AssertReceiveFailsAsync(called, HostStreamFault.Closed, hosts.Limit);
        }
    }

    [Fact]
    public async Task Sends_of_many_at_once_arrive_whole()
    {
        const int Senders = 8;
        await using var hosts = new Hosts(Options());
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Options());
        await using (caller)
        await using (called)
        {
            Task[] sends = [.. Enumerable.Range(0, Senders).Select(sender => Task.Run(async () =>
            {
                byte[] payload = new byte[50_000 + sender];
                Array.Fill(payload, (byte)sender);
                await caller.SendAsync((ushort)sender, payload, hosts.Limit);
            }))];
            var seen = new HashSet<int>();
            for (int i = 0; i < Senders; i++)
            {
                HostFrame frame = await called.ReceiveAsync(hosts.Limit);
                Assert.Equal(50_000 + frame.Type, frame.Payload.Length);
                Assert.False(frame.Payload.Span.ContainsAnyExcept((byte)frame.Type));
                Assert.True(seen.Add(frame.Type));
            }
            await Task.WhenAll(sends);
        }
    }

    private HostStreamOptions Options(int payloadBytesMax = PayloadBytesMax, TimeSpan? idle = null, string product = "1.0.0") => new()
    {
        Security = Security,
        PayloadBytesMax = payloadBytesMax,
        SendIdleTimeout = idle ?? TimeSpan.FromSeconds(10),
        ReceiveIdleTimeout = idle ?? TimeSpan.FromSeconds(10),
        ProductVersion = product,
    };

    private async Task<(Stream Raw, HostConnection Called)> ConnectRawAsync(Hosts hosts)
    {
        Stream raw = await ConnectRawAsync(await hosts.ConnectRawAsync());
        await raw.WriteAsync("VRDMAHST\u0001\0\u0001\0\0\0"u8.ToArray(), hosts.Limit);
        byte[] answer = new byte["VRDMAHST".Length + 6 + "1.0.0".Length];
        await raw.ReadExactlyAsync(answer, hosts.Limit);
        Assert.Equal("VRDMAHST\u0001\0\0\0\u0005\0" + "1.0.0", System.Text.Encoding.ASCII.GetString(answer));
        return (raw, await hosts.Listener.AcceptAsync(hosts.Limit));
    }

    private static async Task EchoAsync(HostConnection connection, int frames, CancellationToken limit)
    {
        for (int i = 0; i < frames; i++)
        {
            HostFrame frame = await connection.ReceiveAsync(limit);
            await connection.SendAsync(frame.Type, frame.Payload, limit);
        }
    }

    private static async Task AssertReceivesAsync(HostConnection connection, ushort type, byte[] payload, CancellationToken limit)
    {
        HostFrame frame = await connection.ReceiveAsync(limit);
        Assert.Equal(type, frame.Type);
        Assert.True(frame.Payload.Span.SequenceEqual(payload));
    }

    private static async Task<HostStreamException> AssertReceiveFailsAsync(
        HostConnection connection, HostStreamFault fault, CancellationToken limit)
    {
        HostStreamException failure = await Assert.ThrowsAsync<HostStreamException>(() => connection.ReceiveAsync(limit).AsTask());
        Assert.Equal(fault, failure.Fault);
        return failure;
    }
}
