using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using RoceEngine.Channel;

namespace RoceEngine.Host.Tests;

/// <summary>What a daemon answers to clients that do not speak as they should, byte by byte.</summary>
public sealed class HandshakeTests : IDisposable
{
    private readonly TestDaemon _daemon = new(["127.12.20.1", "127.12.20.2"]);

    public void Dispose() => _daemon.Dispose();

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 30_000 };
        socket.Connect(new UnixDomainSocketEndPoint(_daemon.SocketPath));
        return socket;
    }

    private static byte[] Frame(string json) => FrameAssembler.Frame(Encoding.UTF8.GetBytes(json));

    private static JsonElement ReadReply(Socket socket)
    {
        byte[] length = ReadExactly(socket, 4);
        return JsonDocument.Parse(ReadExactly(socket, BinaryPrimitives.ReadInt32LittleEndian(length))).RootElement;
    }

    private static byte[] ReadExactly(Socket socket, int bytes)
    {
        byte[] buffer = new byte[bytes];
        for (int at = 0; at < bytes;)
        {
            int received = socket.Receive(buffer.AsSpan(at));
            Assert.NotEqual(0, received);
            at += received;
        }
        return buffer;
    }

    private string Refusal(ReadOnlySpan<byte> sent)
    {
        using Socket socket = Connect();
        socket.Send(sent);
        string? refusal = ReadReply(socket).GetProperty("refusal").GetString();
        Assert.Equal(0, socket.Receive(new byte[1]));
        return refusal!;
    }

    private static string AttachJson(string attach, int version = 1) => $$"""{"type":"attach","version":{{version}},"attach":{{attach}}}""";

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(int.MaxValue)]
    public void Another_protocol_version_is_refused_with_both_numbers(int version)
    {
        string refusal = Refusal(Frame(AttachJson("{}", version)));
        Assert.Contains($"version {version};", refusal);
        Assert.Contains($"version {ChannelProtocol.Version}", refusal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData((int)ChannelProtocol.AbiVersion + 1)]
    [InlineData(-1)]
    public void Another_layout_of_the_shared_memory_is_refused_with_both_numbers(int version)
    {
        string refusal = Refusal(Frame(AttachJson($$"""{"abiVersion":{{version}}}""")));
        Assert.Contains($"version {version} ", refusal);
        Assert.Contains($"version {ChannelProtocol.AbiVersion}", refusal);
    }

    [Theory]
    [InlineData("""{"type":"frobnicate","version":1}""", "frobnicate")]
    [InlineData("""{"version":1}""", "''")]
    [InlineData("{", "not understood")]
    [InlineData("", "not understood")]
    [InlineData("null", "not understood")]
    [InlineData("[1,2]", "not understood")]
    [InlineData("\"attach\"", "not understood")]
    [InlineData("""{"type":"attach","version":"one"}""", "not understood")]
    [InlineData("""{"type":"attach","version":1,"attach":{"memoryBytes":1e99}}""", "not understood")]
    [InlineData("""{"type":"attach","version":1,"attach":{"memoryBytes":-1}}""", "-1 bytes")]
    [InlineData("""{"type":"attach","version":1,"attach":{"memoryBytes":9223372036854775807}}""", "9223372036854775807 bytes")]
    [InlineData("""{"type":"attach","version":1,"attach":{"memoryBytes":1048575}}""", "1048575 bytes")]
    [InlineData("""{"type":"attach","version":1,"attach":{"address":"not an address"}}""", "'not an address'")]
    [InlineData("""{"type":"attach","version":1,"attach":{"address":"127.12.20.3"}}""", "127.12.20.3")]
    [InlineData("""{"type":"attach","version":1,"attach":{"address":"::1"}}""", "::1")]
    [InlineData("""{"type":"attach","version":1,"attach":{"name":""}}""", "name")]
    [InlineData("""{"type":"attach","version":1,"attach":{"name":"two words"}}""", "name")]
    [InlineData("""{"type":"attach","version":1,"attach":{"name":"0123456789012345678901234567890123456789012345678901234567890123"}}""", "name")]
    public void Bad_requests_are_refused_with_a_reason(string json, string expected) =>
        Assert.Contains(expected, Refusal(Frame(json.Replace("\"attach\":{", $"\"attach\":{{\"abiVersion\":{ChannelProtocol.AbiVersion},"))));

    [Theory]
    [InlineData(0x0000_4001u)]
    [InlineData(0x7FFF_FFFFu)]
    [InlineData(0x8000_0000u)]
    [InlineData(0xFFFF_FFFFu)]
    public void An_oversized_request_is_refused_by_its_length_alone(uint announced)
    {
        byte[] length = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(length, announced);
        Assert.Contains($"{announced} bytes", Refusal(length));
    }

    [Fact]
    public void An_attach_that_does_not_say_its_layout_is_refused() => Assert.Contains("version 0 ", Refusal(Frame(AttachJson("{}"))));

    [Fact]
    public void Garbage_and_half_messages_disturb_nobody()
    {
        var random = new Random(7);
        for (int i = 0; i < 50; i++)
        {
            using Socket socket = Connect();
            byte[] garbage = new byte[random.Next(1, 600)];
            random.NextBytes(garbage);
            if (i % 2 == 0)
                BinaryPrimitives.WriteInt32LittleEndian(garbage.AsSpan(0, Math.Min(4, garbage.Length)), 0);
            socket.Send(garbage);
        }
        using Socket silent = Connect();
        using DaemonConnection connection = DaemonConnection.Open(_daemon.SocketPath);
        Assert.Empty(connection.ListDevices());
    }

    [Fact]
    public void A_request_may_come_in_pieces_and_several_in_one()
    {
        using Socket socket = Connect();
        byte[] request = Frame("""{"type":"info","version":1}""");
        foreach (byte piece in request)
            socket.Send([piece]);
        Assert.Equal("test", ReadReply(socket).GetProperty("info").GetProperty("version").GetString());
        socket.Send([.. request, .. Frame("""{"type":"devices","version":1}"""), .. request]);
        Assert.Equal(2, ReadReply(socket).GetProperty("info").GetProperty("addresses").GetArrayLength());
        Assert.Equal(0, ReadReply(socket).GetProperty("devices").GetArrayLength());
        Assert.Equal(Environment.ProcessId, ReadReply(socket).GetProperty("info").GetProperty("processId").GetInt32());
    }

    [Fact]
    public void Refused_attaches_cost_no_address()
    {
        for (int i = 0; i < 5; i++)
        {
            using DaemonConnection bad = DaemonConnection.Open(_daemon.SocketPath);
            Assert.Throws<ChannelRefusedException>(() => bad.Attach(new AttachRequest { AbiVersion = 99, Address = "127.12.20.1" }));
        }
        using DaemonConnection first = DaemonConnection.Open(_daemon.SocketPath);
        using DeviceChannel firstDevice = first.Attach(new AttachRequest { MemoryBytes = 1 << 20 });
        using DaemonConnection second = DaemonConnection.Open(_daemon.SocketPath);
        using DeviceChannel secondDevice = second.Attach(new AttachRequest { MemoryBytes = 1 << 20 });
        Assert.Equal(["127.12.20.1", "127.12.20.2"], [firstDevice.Address, secondDevice.Address]);
        using DaemonConnection third = DaemonConnection.Open(_daemon.SocketPath);
        Assert.Contains("in use", Assert.Throws<ChannelRefusedException>(() => third.Attach(new AttachRequest())).Message);
    }

    [Fact]
    public void An_address_and_a_name_in_use_are_refused_and_free_again_later()
    {
        using (DaemonConnection first = DaemonConnection.Open(_daemon.SocketPath))
        using (first.Attach(new AttachRequest { MemoryBytes = 1 << 20, Address = "127.12.20.2", Name = "mine" }))
        {
            using DaemonConnection second = DaemonConnection.Open(_daemon.SocketPath);
            Assert.Contains("mine", Assert.Throws<ChannelRefusedException>(() => second.Attach(new AttachRequest { Address = "127.12.20.2" })).Message);
            using DaemonConnection third = DaemonConnection.Open(_daemon.SocketPath);
            Assert.Contains("'mine'", Assert.Throws<ChannelRefusedException>(() => third.Attach(new AttachRequest { Name = "mine" })).Message);
        }
        Eventually.True(() => DaemonConnection.Open(_daemon.SocketPath).ListDevices().Count == 0, "the device is gone");
        using DaemonConnection again = DaemonConnection.Open(_daemon.SocketPath);
        using DeviceChannel device = again.Attach(new AttachRequest { MemoryBytes = 1 << 20, Address = "127.12.20.2", Name = "mine" });
        Assert.Equal("mine", device.Name);
    }
}
