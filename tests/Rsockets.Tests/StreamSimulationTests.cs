using RoceEngine.Rsockets;

namespace Rsockets.Tests;

/// <summary>Streams between two ends whose sizes, calls and timing come from a seed, which a failure names.</summary>
public sealed class StreamSimulationTests
{
    private const int EndErrnoNone = 0;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 150)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_byte_arrives_once_and_in_order_in_both_directions(int seed)
    {
        StreamPair pair = Create(seed);
        Stream toB = new(pair.A, pair.B, pair.Random, 20_000);
        Stream toA = new(pair.B, pair.A, pair.Random, 20_000);
        Run(pair, $"seed {seed}", toB, toA);
        Assert.True(pair.A.Core.IsAllSent && pair.B.Core.IsAllSent, $"seed {seed}");
        Assert.Equal((EndErrnoNone, EndErrnoNone), (pair.A.Core.Error, pair.B.Core.Error));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void What_was_sent_before_a_shutdown_arrives_and_then_the_end(int seed)
    {
        StreamPair pair = Create(seed);
        Stream toB = new(pair.A, pair.B, pair.Random, 3_000);
        Stream toA = new(pair.B, pair.A, pair.Random, 3_000);
        Run(pair, $"seed {seed}", toB);
        pair.A.Core.Shutdown(ShutdownKind.Sending);
        pair.Settle();
        Assert.True(pair.B.Core is { CanReceive: true, AvailableBytes: 0, IsReadable: false, IsWritable: true, IsDisconnected: false }, $"seed {seed}");

        // The other direction is open as before, until the other end has no more either.
        Run(pair, $"seed {seed}", toA);
        pair.B.Core.Shutdown(ShutdownKind.Sending);
        pair.Settle();
        Assert.True(pair.A.Core is { IsDisconnected: true, Error: 0 } && pair.B.Core is { IsDisconnected: true, Error: 0 }, $"seed {seed}");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Mapped_buffers_are_written_before_what_is_sent_afterwards(int seed)
    {
        StreamPair pair = Create(seed, mappings: 3);
        byte[] buffer = new byte[5_000];
        pair.B.Mapped.Add(0x99, (0x5000, buffer));
        Assert.Equal(0, pair.B.Core.Map(new MappedBuffer(1_000_000, new RemoteBuffer(0x5000, 0x99, (uint)buffer.Length))));
        Stream toA = new(pair.B, pair.A, pair.Random, 100);
        Run(pair, $"seed {seed}", toA);
        Assert.True(pair.A.Core.IsMapped(1_000_000) && pair.A.Core.IsMapped(1_004_999) && !pair.A.Core.IsMapped(999_999) && !pair.A.Core.IsMapped(1_005_000));

        byte[] data = new byte[buffer.Length];
        pair.Random.NextBytes(data);
        for (int done = 0; done < data.Length;)
        {
            int taken = pair.A.Core.WriteMapped(data.AsSpan(done), 1_000_000 + (ulong)done);
            done += taken;
            Assert.True(pair.Step() || taken != 0, $"seed {seed}: stuck at {done}");
        }

        Stream toB = new(pair.A, pair.B, pair.Random, 1);
        Run(pair, $"seed {seed}", toB);
        Assert.Equal(data, buffer);
    }

    [Fact]
    public void Sequence_numbers_wrap()
    {
        StreamPair pair = Create(7);
        byte[] one = [0];
        for (int i = 0; i < 200_000; i++)
        {
            one[0] = (byte)i;
            while (pair.A.Core.Send(one) == 0)
                Assert.True(pair.Step(), $"stuck at {i}");
            while (pair.B.Core.AvailableBytes == 0)
                Assert.True(pair.Step(), $"stuck at {i}");
            Assert.Equal(1, pair.B.Core.Receive(one));
            Assert.Equal((byte)i, one[0]);
        }
    }

    [Fact]
    public void A_reader_that_does_not_read_stops_the_sender_and_loses_nothing()
    {
        StreamPair pair = Create(3);
        byte[] data = new byte[100_000];
        pair.Random.NextBytes(data);
        int sent = 0;
        while (true)
        {
            int taken = pair.A.Core.Send(data.AsSpan(sent));
            sent += taken;
            if (!pair.Step() && taken == 0)
                break;
        }

        Assert.InRange(sent, 1, pair.B.Options.ReceiveBytes);
        Assert.Equal(sent, pair.B.Core.AvailableBytes);
        byte[] read = new byte[sent];
        Assert.Equal(sent, pair.B.Core.Receive(read, isPeek: true));
        Assert.Equal(data[..sent], read);
        Assert.Equal(sent, pair.B.Core.Receive(read));
        Assert.Equal(data[..sent], read);
        pair.Settle();
        Assert.True(pair.A.Core.CanSend);
    }

    private static StreamPair Create(int seed, int mappings = 0)
    {
        Random random = new(seed);
        return new StreamPair(seed, Draw(), Draw());

        StreamOptions Draw() => new()
        {
            SendBytes = random.Next(64, 9000),
            ReceiveBytes = 2 * random.Next(8, 4000),
            SendDepth = random.Next(6, 40),
            ReceiveDepth = random.Next(2, 40),
            MappingCount = mappings,
        };
    }

    private static void Run(StreamPair pair, string name, params Stream[] streams)
    {
        while (!streams.All(stream => stream.IsDone))
        {
            bool moved = false;
            foreach (Stream stream in streams)
                moved |= stream.Move(name);
            for (int i = pair.Random.Next(5); i > 0; i--)
                moved |= pair.Step();
            if (!moved)
                Assert.True(pair.Step() || streams.All(stream => stream.IsDone || stream.CanMove), $"{name}: nothing happens any more");
        }

        pair.Settle();
    }

    /// <summary>One direction, and how far it has come.</summary>
    private sealed class Stream(StreamPair.End from, StreamPair.End to, Random random, int bytes)
    {
        private readonly byte[] _data = Enumerable.Range(0, bytes).Select(_ => (byte)random.Next(256)).ToArray();
        private int _sent;
        private int _read;

        public bool IsDone => _read == _data.Length;

        public bool CanMove => from.Core.CanSend || to.Core.AvailableBytes != 0;

        public bool Move(string name)
        {
            int taken = random.Next(2) == 0 ? 0 : from.Core.Send(_data.AsSpan(_sent, Math.Min(random.Next(1, 3000), _data.Length - _sent)));
            _sent += taken;
            byte[] into = new byte[random.Next(0, 2500)];
            int got = to.Core.Receive(into);
            Assert.True(_data.AsSpan(_read, got).SequenceEqual(into.AsSpan(0, got)), $"{name}: byte {_read} and so on");
            _read += got;
            return taken + got != 0;
        }
    }
}
