using System.Net;
using System.Net.Sockets;
using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Tests;

/// <summary>What holds for every channel between the two sides.</summary>
public abstract class PeerChannelContract
{
    private protected abstract (IPeerChannel First, IPeerChannel Second) Connect();

    [Fact]
    public void Messages_arrive_in_order_and_whole()
    {
        (IPeerChannel first, IPeerChannel second) = Connect();
        using (first)
        using (second)
        {
            PeerQueuePair[] pairs = [.. Enumerable.Range(0, 2000).Select(index => new PeerQueuePair((uint)index, 0xFFFFFF, uint.MaxValue, ulong.MaxValue))];
            first.Send(new PeerMessage { Kind = PeerMessageKind.Endpoints, QueuePairs = pairs, DeviceAddress = "::1", MtuBytes = 4096 });
            first.Send(new PeerMessage { Kind = PeerMessageKind.Done, Step = 3, Sent = [long.MaxValue], Result = new PeerResult(1, 2.5, 3e300, 0) });
            second.Send(new PeerMessage { Kind = PeerMessageKind.Failure, Text = "line \"one\"" });

            PeerMessage endpoints = PeerProtocol.Expect(second, PeerMessageKind.Endpoints);
            Assert.Equal(pairs, endpoints.QueuePairs);
            Assert.Equal("::1", endpoints.DeviceAddress);
            PeerMessage done = PeerProtocol.Expect(second, PeerMessageKind.Done);
            Assert.Equal([long.MaxValue], done.Sent ?? []);
            Assert.Equal(new PeerResult(1, 2.5, 3e300, 0), done.Result);
            Assert.Null(second.TryReceive(0));
            PeerException failure = Assert.Throws<PeerException>(() => PeerProtocol.Expect(first, PeerMessageKind.Barrier));
            Assert.Contains("line \"one\"", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_side_that_goes_is_noticed_after_its_last_message()
    {
        (IPeerChannel first, IPeerChannel second) = Connect();
        using (second)
        {
            first.Send(new PeerMessage { Kind = PeerMessageKind.Barrier });
            first.Dispose();

            Assert.Equal(PeerMessageKind.Barrier, PeerProtocol.Expect(second, PeerMessageKind.Barrier).Kind);
            Assert.Throws<PeerException>(() => PeerProtocol.Expect(second, PeerMessageKind.Barrier));
            Assert.Throws<PeerException>(() => PeerProtocol.Expect(second, PeerMessageKind.Barrier));
        }
    }

    [Fact]
    public void A_message_out_of_step_is_refused()
    {
        (IPeerChannel first, IPeerChannel second) = Connect();
        using (first)
        using (second)
        {
            first.Send(new PeerMessage { Kind = PeerMessageKind.Barrier });
            first.Send(new PeerMessage { Kind = PeerMessageKind.Done });

            Assert.Throws<PeerException>(() => PeerProtocol.Expect(second, PeerMessageKind.Hello));
            Assert.Throws<PeerException>(() => PeerProtocol.Expect(second, PeerMessageKind.Done));
        }
    }

    [Fact]
    public void Waiting_drives_the_device()
    {
        (IPeerChannel first, IPeerChannel second) = Connect();
        using (first)
        using (second)
        {
            int turns = 0;
            PeerProtocol.Expect(second, PeerMessageKind.Barrier, () =>
            {
                if (++turns == 10)
                    first.Send(new PeerMessage { Kind = PeerMessageKind.Barrier });
            });

            Assert.True(turns >= 10);
        }
    }
}

public sealed class MemoryPeerChannelTests : PeerChannelContract
{
    private protected override (IPeerChannel First, IPeerChannel Second) Connect() => MemoryPeerChannel.CreatePair();
}

public sealed class TcpPeerChannelTests : PeerChannelContract
{
    [Fact]
    public void Something_else_on_the_port_is_recognised()
    {
        (Socket raw, TcpPeerChannel channel) = ConnectRaw();
        using (raw)
        using (channel)
        {
            raw.Send("GET / HTTP/1.1\r\n\r\n"u8);

            Assert.Contains("vrdma-perf", Assert.Throws<PeerException>(() => PeerProtocol.Expect(channel, PeerMessageKind.Hello)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_frame_that_is_no_message_is_recognised()
    {
        (Socket raw, TcpPeerChannel channel) = ConnectRaw();
        using (raw)
        using (channel)
        {
            raw.Send([0, 0, 0, 4, (byte)'n', (byte)'u', (byte)'l', (byte)'l']);
            Assert.Throws<PeerException>(() => PeerProtocol.Expect(channel, PeerMessageKind.Hello));
            raw.Send([0, 0, 0, 2, (byte)'{', (byte)'}']);
            Assert.Throws<PeerException>(() => PeerProtocol.Expect(channel, PeerMessageKind.Hello));
        }
    }

    [Fact]
    public void Nobody_there_is_said_with_host_and_port()
    {
        using Socket unused = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        unused.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)unused.LocalEndPoint!).Port;

        PeerException error = Assert.Throws<PeerException>(() => TcpPeerChannel.Connect("127.0.0.1", port, TimeSpan.Zero));

        Assert.Contains("127.0.0.1", error.Message, StringComparison.Ordinal);
        Assert.Contains(port.ToString(System.Globalization.CultureInfo.InvariantCulture), error.Message, StringComparison.Ordinal);
    }

    private protected override (IPeerChannel First, IPeerChannel Second) Connect()
    {
        (Socket raw, TcpPeerChannel channel) = ConnectRaw();
        return (new TcpPeerChannel(raw), channel);
    }

    private static (Socket Raw, TcpPeerChannel Channel) ConnectRaw()
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        Socket raw = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        raw.Connect(listener.LocalEndPoint!);
        return (raw, new TcpPeerChannel(listener.Accept()));
    }
}

public sealed class PeerAgreementTests
{
    [Theory]
    [InlineData("write_bw", "write_bw -F -I 8 -t 4 --out_json")]
    [InlineData("send_lat -n 7 --embedded 127.0.0.1", "send_lat -n 7 -H -r 3 host")]
    public void Sides_need_not_agree_on_everything(string here, string there) =>
        Assert.Null(Record.Exception(() => PeerProtocol.RequireAgreement(Options(here), PeerProtocol.Hello(Options(there)))));

    [Theory]
    [InlineData("write_bw", "read_bw", "test is write_bw here and read_bw there")]
    [InlineData("write_bw", "write_bw -s 64", "size is 65536 here and 64 there")]
    [InlineData("write_bw -a", "write_bw", "size is all here and 65536 there")]
    [InlineData("write_bw", "write_bw -n 10", "iterations is 5000 here and 10 there")]
    [InlineData("write_bw", "write_bw -D 5", "duration is none here and 5 there")]
    [InlineData("write_bw -q 2", "write_bw", "qp is 2 here and 1 there")]
    [InlineData("write_bw", "write_bw -b", "bidirectional is off here and on there")]
    [InlineData("atomic_bw", "atomic_bw -A CMP_AND_SWAP", "atomic_type is FETCH_AND_ADD here and CMP_AND_SWAP there")]
    public void A_difference_is_named(string here, string there, string expected)
    {
        PeerException error = Assert.Throws<PeerException>(() => PeerProtocol.RequireAgreement(Options(here), PeerProtocol.Hello(Options(there))));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_version_is_refused()
    {
        PeerMessage hello = PeerProtocol.Hello(Options("write_bw")) with { Version = PeerProtocol.Version + 1 };

        Assert.Throws<PeerException>(() => PeerProtocol.RequireAgreement(Options("write_bw"), hello));
    }

    private static PerfOptions Options(string line) => CommandLine.Parse(line.Split(' '), TextWriter.Null).Options!;
}
