using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

/// <summary>What one link emits, another receives: through real sockets, for each way to send and receive.</summary>
public abstract unsafe class UdpLinkRoundTripContract : IDisposable
{
    private readonly NativeBuffer _memory = new(1 << 20);

    protected abstract UdpLink Sender { get; }

    protected abstract UdpLink Receiver { get; }

    private Route RouteToReceiver(byte trafficClass = 0, byte hopLimit = 64) =>
        new(Sender.Address, Receiver.Address, trafficClass, hopLimit);

    public void Dispose()
    {
        Sender.Dispose();
        Receiver.Dispose();
        _memory.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Loopback delivers within the send call, but the softirq may run a moment later under load.</summary>
    private List<ReceivedPacket> ReceiveExactly(int count)
    {
        var receiver = new RecordingReceiver();
        long deadline = Environment.TickCount64 + 10_000;
        while (receiver.Packets.Count < count && Environment.TickCount64 < deadline)
            Receiver.Receive(receiver, 1000);
        Receiver.Receive(receiver, 1000);
        Assert.Equal(count, receiver.Packets.Count);
        Assert.Equal(0, Receiver.Statistics.MalformedTotal);
        return receiver.Packets;
    }

    [Fact]
    public void Every_opcode_comes_back_with_all_its_fields()
    {
        Route route = RouteToReceiver();
        var segment = new MemorySegment(_memory.Pointer, 77);
        var sent = new List<Packet>();
        foreach (Opcode opcode in TestPackets.AllOpcodes)
        {
            Packet packet = TestPackets.Make(opcode, (uint)sent.Count);
            if ((OpcodeTable.For(opcode).Traits & PacketTraits.HasPayload) != 0)
                packet = TestPackets.WithPayload(packet, &segment);
            if (opcode == Opcode.CongestionNotification)
                packet.Flags = PacketFlags.None;
            Sender.Emit(packet, route);
            sent.Add(packet);
        }
        Sender.Flush();

        List<ReceivedPacket> received = ReceiveExactly(sent.Count);
        for (int i = 0; i < sent.Count; i++)
        {
            TestPackets.AssertSameFields(sent[i], received[i].Fields);
            Assert.True(received[i].Payload.AsSpan().SequenceEqual(_memory.Span[..sent[i].PayloadBytes]));
            Assert.Equal(Sender.Address, received[i].Source);
            Assert.Equal(Receiver.Address, received[i].Destination);
        }
    }

    [Theory]
    [InlineData(256)]
    [InlineData(512)]
    [InlineData(1024)]
    [InlineData(2048)]
    [InlineData(4096)]
    public void Every_payload_size_up_to_the_path_mtu_comes_back(int pathMtuBytes)
    {
        Route route = RouteToReceiver();
        int step = Math.Max(1, pathMtuBytes / 256);
        var sizes = new List<int>();
        for (int bytes = 0; bytes <= pathMtuBytes; bytes += bytes < 16 || bytes > pathMtuBytes - 8 ? 1 : step)
            sizes.Add(Math.Min(bytes, pathMtuBytes));

        // A batch at a time stays far below the receive buffer of a user without privileges.
        foreach (int[] batch in sizes.Chunk(40))
        {
            for (int i = 0; i < batch.Length; i++)
            {
                var segment = new MemorySegment(_memory.Pointer + i * 4096 + i, batch[i]);
                Sender.Emit(TestPackets.WithPayload(TestPackets.Make(Opcode.RcSendOnly, (uint)i), &segment), route);
            }
            Sender.Flush();
            List<ReceivedPacket> received = ReceiveExactly(batch.Length);
            for (int i = 0; i < batch.Length; i++)
                Assert.True(received[i].Payload.AsSpan().SequenceEqual(_memory.Span.Slice(i * 4096 + i, batch[i])), $"{batch[i]} bytes");
        }
    }

    [Theory]
    [InlineData(256, 4096)]
    [InlineData(1024, 65536)]
    [InlineData(1024, 65537)]
    [InlineData(4096, 131072)]
    [InlineData(4096, 100_003)]
    public void A_write_cut_into_packets_arrives_whole_and_in_order(int pathMtuBytes, int messageBytes)
    {
        Route route = RouteToReceiver();
        int packets = (messageBytes + pathMtuBytes - 1) / pathMtuBytes;
        for (int i = 0; i < packets; i++)
        {
            Opcode opcode = i == 0 ? Opcode.RcWriteFirst : i == packets - 1 ? Opcode.RcWriteLast : Opcode.RcWriteMiddle;
            var segment = new MemorySegment(_memory.Pointer + i * pathMtuBytes, Math.Min(pathMtuBytes, messageBytes - i * pathMtuBytes));
            Sender.Emit(TestPackets.WithPayload(TestPackets.Make(opcode, (uint)i), &segment), route);
        }
        Sender.Flush();

        List<ReceivedPacket> received = ReceiveExactly(packets);
        Assert.Equal(Enumerable.Range(0, packets), received.Select(packet => (int)packet.Fields.Psn.Value));
        Assert.True(received.SelectMany(packet => packet.Payload).ToArray().AsSpan().SequenceEqual(_memory.Span[..messageBytes]));
        Assert.Equal(packets, Sender.Statistics.DatagramsSent);
        Assert.Equal(packets, Receiver.Statistics.DatagramsReceived);
        Assert.Equal(Sender.Statistics.BytesSent, Receiver.Statistics.BytesReceived);
    }

    [Fact]
    public void A_payload_of_many_pieces_is_gathered()
    {
        Route route = RouteToReceiver();
        var pieces = new MemorySegment[200];
        var expected = new List<byte>();
        for (int i = 0; i < pieces.Length; i++)
        {
            pieces[i] = new MemorySegment(_memory.Pointer + i * 1000, i % 20);
            expected.AddRange(_memory.Span.Slice(i * 1000, i % 20));
        }
        foreach (int count in (int[])[1, 2, 30, 63, 64, 65, 200])
        {
            Packet packet = TestPackets.Make(Opcode.RcSendMiddle, (uint)count);
            fixed (MemorySegment* first = pieces)
            {
                packet.Segments = first;
                packet.SegmentCount = count;
                packet.PayloadBytes = pieces.Take(count).Sum(piece => piece.Bytes);
                Sender.Emit(packet, route);
                Sender.Flush();
            }
            ReceivedPacket received = Assert.Single(ReceiveExactly(1));
            Assert.Equal(expected.Take(packet.PayloadBytes), received.Payload);
        }
    }

    [Fact]
    public void Traffic_class_and_hop_limit_do_not_disturb_the_check()
    {
        foreach ((byte trafficClass, byte hopLimit) in ((byte, byte)[])[(0, 1), (0x20, 64), (0x2A, 255), (0xFC, 7)])
        {
            Route route = RouteToReceiver(trafficClass, hopLimit);
            for (uint i = 0; i < 3; i++)
                Sender.Emit(TestPackets.Make(Opcode.RcAcknowledge, i), route);
            Sender.Flush();
            Assert.All(ReceiveExactly(3), packet => Assert.Equal(PacketFlags.None, packet.Fields.Flags & PacketFlags.CongestionExperienced));
        }
    }

    [Fact]
    public void Congestion_experienced_is_shown_and_other_ecn_values_are_not()
    {
        for (byte ecn = 0; ecn < 4; ecn++)
        {
            Sender.Emit(TestPackets.Make(Opcode.RcAcknowledge), RouteToReceiver((byte)(0x10 | ecn)));
            Sender.Flush();
            PacketFlags flags = ReceiveExactly(1)[0].Fields.Flags & PacketFlags.CongestionExperienced;
            Assert.Equal(ecn == 3 ? PacketFlags.CongestionExperienced : PacketFlags.None, flags);
        }
    }

    [Fact]
    public void Many_times_the_arena_arrives_in_order()
    {
        Route route = RouteToReceiver();
        uint psn = 0;
        for (int round = 0; round < 200; round++)
        {
            var segment = new MemorySegment(_memory.Pointer + round * 64, 4096);
            for (int i = 0; i < 10; i++)
                Sender.Emit(TestPackets.WithPayload(TestPackets.Make(Opcode.RcWriteMiddle, psn++), &segment), route);
            Sender.Flush();
            List<ReceivedPacket> received = ReceiveExactly(10);
            Assert.Equal(Enumerable.Range((int)psn - 10, 10), received.Select(packet => (int)packet.Fields.Psn.Value));
        }
    }

    [Fact]
    public void Emission_without_room_for_more_trains_sends_what_it_has()
    {
        // Growing sizes make a train of each packet; there are more packets than trains.
        Route route = RouteToReceiver();
        for (int i = 0; i < 150; i++)
        {
            Assert.True(Sender.HasRoom);
            var segment = new MemorySegment(_memory.Pointer, i * 4);
            Sender.Emit(TestPackets.WithPayload(TestPackets.Make(Opcode.RcSendOnly, (uint)i), &segment), route);
        }
        Sender.Flush();
        List<ReceivedPacket> received = ReceiveExactly(150);
        Assert.Equal(Enumerable.Range(0, 150).Select(i => i * 4), received.Select(packet => packet.Payload.Length));
    }

    [Fact]
    public void Emission_flush_and_reception_allocate_nothing()
    {
        Route route = RouteToReceiver();
        var counter = new CountingReceiver();
        long deadline = Environment.TickCount64 + 20_000;
        void Round()
        {
            for (uint i = 0; i < 16; i++)
            {
                var segment = new MemorySegment(_memory.Pointer, i % 2 == 0 ? 64 : 2048);
                Sender.Emit(TestPackets.WithPayload(TestPackets.Make(Opcode.RcWriteMiddle, i), &segment), route);
            }
            Sender.Flush();
            long expected = counter.Packets + 16;
            while (counter.Packets < expected && Environment.TickCount64 < deadline)
                Receiver.Receive(counter, 64);
        }

        for (int i = 0; i < 50; i++)
            Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 200; i++)
            Round();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(0, allocated);
        Assert.Equal(250 * 16, counter.Packets);
    }
}

public class UdpLinkWithTrainsTests : UdpLinkRoundTripContract
{
    protected override UdpLink Sender { get; } = TestAddresses.OpenLink();

    protected override UdpLink Receiver { get; } = TestAddresses.OpenLink();
}

public class UdpLinkWithoutTrainsTests : UdpLinkRoundTripContract
{
    private static readonly UdpLinkOptions s_plain = new() { UseGso = false, UseGro = false };

    protected override UdpLink Sender { get; } = TestAddresses.OpenLink(s_plain);

    protected override UdpLink Receiver { get; } = TestAddresses.OpenLink(s_plain);
}

public class UdpLinkTrainsToPlainReceiverTests : UdpLinkRoundTripContract
{
    protected override UdpLink Sender { get; } = TestAddresses.OpenLink();

    protected override UdpLink Receiver { get; } = TestAddresses.OpenLink(new UdpLinkOptions { UseGro = false });
}

public class UdpLinkPlainSenderToTrainsTests : UdpLinkRoundTripContract
{
    protected override UdpLink Sender { get; } = TestAddresses.OpenLink(new UdpLinkOptions { UseGso = false });

    protected override UdpLink Receiver { get; } = TestAddresses.OpenLink();
}

public class UdpLinkCopyingSmallPayloadsTests : UdpLinkRoundTripContract
{
    protected override UdpLink Sender { get; } = TestAddresses.OpenLink(new UdpLinkOptions { CopyBytesMax = 256 });

    protected override UdpLink Receiver { get; } = TestAddresses.OpenLink();
}

public class UdpLinkNeverCopyingTests : UdpLinkRoundTripContract
{
    protected override UdpLink Sender { get; } = TestAddresses.OpenLink(new UdpLinkOptions { CopyBytesMax = 0 });

    protected override UdpLink Receiver { get; } = TestAddresses.OpenLink();
}

/// <summary>One link on ::1 that sends to itself: no machine has a second IPv6 loopback address.</summary>
public class UdpLinkIPv6Tests : UdpLinkRoundTripContract
{
    public UdpLinkIPv6Tests() => Sender = Receiver = TestAddresses.OpenLinkV6();

    protected override UdpLink Sender { get; }

    protected override UdpLink Receiver { get; }
}
