using System.Buffers.Binary;
using RoceEngine.Channel;

namespace RoceEngine.Host.Tests;

public class CaptureTests
{
    private sealed class Running : IDisposable
    {
        private readonly DaemonConnection _connection;
        private readonly CancellationTokenSource _cancellation = new();
        private readonly MemoryStream _file = new();
        private readonly Task<CaptureSummary> _task;

        public Running(string socketPath, string? device)
        {
            _connection = DaemonConnection.Open(socketPath);
            _task = Task.Run(() => _connection.Capture(new CaptureRequest { Device = device }, Stream.Synchronized(_file), _cancellation.Token));

            // The section header is there once all workers have their taps.
            Eventually.True(() => _task.IsCompleted || _file.Length > 0, "the capture has begun");
        }

        public (CaptureSummary Summary, byte[] File) Stop()
        {
            _cancellation.Cancel();
            CaptureSummary summary = _task.GetAwaiter().GetResult();
            return (summary, _file.ToArray());
        }

        public void Dispose()
        {
            _cancellation.Cancel();
            _connection.Dispose();
            _cancellation.Dispose();
        }
    }

    /// <summary>Types of the blocks of a little-endian pcapng file, whose two lengths must agree.</summary>
    private static List<uint> Blocks(byte[] file)
    {
        var types = new List<uint>();
        for (int at = 0; at < file.Length;)
        {
            types.Add(BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at)));
            int bytes = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at + 4));
            Assert.True(bytes >= 12 && at + bytes <= file.Length);
            Assert.Equal(bytes, BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at + bytes - 4)));
            at += bytes;
        }
        return types;
    }

    private const uint SectionHeader = 0x0A0D0D0A;
    private const uint EnhancedPacket = 6;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Packets_of_all_devices_are_captured_on_the_wire_and_between_neighbours(int workers)
    {
        using var daemon = new TestDaemon(["127.12.40.1", "127.12.40.2"], workers);
        using Endpoint a = Endpoint.Attached(daemon.SocketPath);
        using Endpoint b = Endpoint.Attached(daemon.SocketPath);
        Endpoint.Connect(a, b);
        using var capture = new Running(daemon.SocketPath, null);
        a.WriteAndVerify(b, 50_000, 1);
        (CaptureSummary summary, byte[] file) = capture.Stop();
        Assert.Equal(0, summary.Dropped);

        // 50,000 bytes take 13 packets of the path MTU at most, and an acknowledgement.
        Assert.True(summary.Packets >= 14, $"{summary.Packets} packets");
        List<uint> blocks = Blocks(file);
        Assert.Equal(SectionHeader, blocks[0]);
        Assert.Equal(summary.Packets, blocks.Count(block => block == EnhancedPacket));
    }

    [Fact]
    public void A_capture_of_one_device_leaves_the_others_out()
    {
        using var daemon = new TestDaemon(["127.12.41.1", "127.12.41.2", "127.12.41.3"]);
        using Endpoint a = Endpoint.Attached(daemon.SocketPath);
        using Endpoint b = Endpoint.Attached(daemon.SocketPath);
        using Endpoint silent = Endpoint.Attached(daemon.SocketPath, name: "silent");
        Endpoint.Connect(a, b);
        using var capture = new Running(daemon.SocketPath, "silent");
        using var other = new Running(daemon.SocketPath, "127.12.41.2");
        a.WriteAndVerify(b, 5_000, 1);
        Assert.True(other.Stop().Summary.Packets >= 2);
        Assert.Equal(0, capture.Stop().Summary.Packets);
    }

    [Fact]
    public void A_capture_of_nobody_is_refused_and_a_client_that_vanishes_ends_its_capture()
    {
        using var daemon = new TestDaemon(["127.12.42.1", "127.12.42.2"]);
        using Endpoint a = Endpoint.Attached(daemon.SocketPath);
        using Endpoint b = Endpoint.Attached(daemon.SocketPath);
        Endpoint.Connect(a, b);
        using (DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath))
        {
            ChannelRefusedException refused = Assert.Throws<ChannelRefusedException>(
                () => connection.Capture(new CaptureRequest { Device = "nobody" }, Stream.Null, TestContext.Current.CancellationToken));
            Assert.Contains("'nobody'", refused.Message);
        }

        // More than may run at a time, one after the other.
        for (int i = 0; i < 20; i++)
        {
            using (var capture = new Running(daemon.SocketPath, null))
                a.WriteAndVerify(b, 5_000, i);
        }
        using var last = new Running(daemon.SocketPath, null);
        a.WriteAndVerify(b, 5_000, 99);
        Assert.True(last.Stop().Summary.Packets >= 2);
    }

    [Fact]
    public void A_capture_that_cannot_keep_up_loses_packets_and_tells_how_many()
    {
        using var tap = new CaptureTap(1 << 16, null);
        var payload = new byte[1000];
        for (int i = 0; i < 100; i++)
            tap.Take(new CapturedDatagram { TimeNs = i }, payload);
        int kept = 0;
        while (tap.TryPeek(out CapturedDatagram datagram, out ReadOnlySpan<byte> udpPayload, out ReadOnlySpan<byte> record))
        {
            Assert.Equal(kept++, datagram.TimeNs);
            Assert.Equal(1000, udpPayload.Length);
            tap.Release(record);
        }
        Assert.InRange(kept, 50, 65);
        Assert.Equal(100 - kept, tap.Dropped);
        tap.Take(new CapturedDatagram { TimeNs = 1000 }, payload);
        Assert.True(tap.TryPeek(out CapturedDatagram next, out _, out _));
        Assert.Equal(1000, next.TimeNs);
    }
}
