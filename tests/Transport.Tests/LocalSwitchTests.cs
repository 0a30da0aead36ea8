using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

public unsafe class LocalSwitchTests : IDisposable
{
    private static readonly Gid s_left = Gid.FromIPv4(0x7F0B_0001);
    private static readonly Gid s_right = Gid.FromIPv4(0x7F0B_0002);

    private readonly NativeBuffer _memory = new(1 << 20);
    private readonly LocalSwitch _switch = new();
    private readonly RecordingReceiver _receiver = new();
    private readonly Route _route = new(s_left, s_right);

    public LocalSwitchTests() => _switch.Attach(s_right, _receiver);

    public void Dispose()
    {
        _switch.Dispose();
        _memory.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Emit(uint psn, Route route, params ReadOnlySpan<MemorySegment> segments)
    {
        Packet packet = TestPackets.Make(Opcode.RcWriteOnly, psn);
        fixed (MemorySegment* first = segments)
        {
            packet.Segments = first;
            packet.SegmentCount = segments.Length;
            foreach (MemorySegment segment in segments)
                packet.PayloadBytes += segment.Bytes;
            _switch.Emit(packet, route);
        }
    }

    [Fact]
    public void Packets_arrive_in_order_with_their_fields_and_the_senders_memory()
    {
        for (uint i = 0; i < 10; i++)
            Emit(i, _route, new MemorySegment(_memory.Pointer + i * 100, 50), new MemorySegment(_memory.Pointer + 5000 + i, 7));
        Assert.Equal(10, _switch.QueuedPackets);
        Assert.Equal(10, _switch.Deliver(100));
        Assert.Equal(0, _switch.QueuedPackets);
        for (int i = 0; i < 10; i++)
        {
            ReceivedPacket received = _receiver.Packets[i];
            Packet expected = TestPackets.Make(Opcode.RcWriteOnly, (uint)i);
            Assert.Equal((expected.Psn, expected.RemoteAddress, expected.DmaLength), (received.Fields.Psn, received.Fields.RemoteAddress, received.Fields.DmaLength));
            Assert.Equal([.. _memory.Span.Slice(i * 100, 50), .. _memory.Span.Slice(5000 + i, 7)], received.Payload);
            Assert.Equal((s_left, s_right), (received.Source, received.Destination));
        }
    }

    [Fact]
    public void Delivery_is_bounded_and_goes_on_where_it_stopped()
    {
        for (uint i = 0; i < 10; i++)
            Emit(i, _route);
        Assert.Equal(4, _switch.Deliver(4));
        Assert.Equal(6, _switch.Deliver(1000));
        Assert.Equal(Enumerable.Range(0, 10), _receiver.Packets.Select(packet => (int)packet.Fields.Psn.Value));
    }

    [Fact]
    public void An_answer_emitted_during_delivery_is_delivered_in_the_same_call()
    {
        var back = new RecordingReceiver();
        var answer = new Route(s_right, s_left);
        using var local = new LocalSwitch();
        local.Attach(s_left, back);
        local.Attach(s_right, new RecordingReceiver { Then = packet => local.Emit(TestPackets.Make(Opcode.RcAcknowledge, packet.Fields.Psn.Value), answer) });
        for (uint i = 0; i < 3; i++)
            local.Emit(TestPackets.Make(Opcode.RcSendOnly, i), _route);
        Assert.Equal(6, local.Deliver(100));
        Assert.Equal([0, 1, 2], back.Packets.Select(packet => (int)packet.Fields.Psn.Value));
        Assert.Equal(6, local.PacketsDelivered);
    }

    [Fact]
    public void Without_room_for_a_largest_packet_it_says_so_and_after_delivery_it_has_room_again()
    {
        int emitted = 0;
        for (; _switch.HasRoom; emitted++)
            Emit((uint)emitted, _route);
        Assert.Equal(LocalSwitch.QueuedPacketsMax, emitted);
        Emit(9999, _route);
        Assert.Equal(1, _switch.PacketsDropped);
        _switch.Deliver(int.MaxValue);
        Assert.Equal(emitted, _receiver.Packets.Count);
        Assert.True(_switch.HasRoom);
    }

    [Fact]
    public void Runs_of_many_pieces_survive_the_segment_rings_wrap()
    {
        var random = new Random(4);
        var segments = new MemorySegment[LocalSwitch.SegmentsPerPacketMax];
        var expected = new Queue<byte[]>();
        int taken = 0;
        for (uint i = 0; i < 2000; i++)
        {
            if (!_switch.HasRoom || random.Next(3) == 0)
            {
                _switch.Deliver(random.Next(1, 10));
                for (; taken < _receiver.Packets.Count; taken++)
                    Assert.True(_receiver.Packets[taken].Payload.AsSpan().SequenceEqual(expected.Dequeue()), $"packet {taken}");
            }
            int count = random.Next(10) == 0 ? segments.Length : random.Next(0, 200);
            var payload = new List<byte>();
            for (int s = 0; s < count; s++)
            {
                int at = random.Next(_memory.Bytes - 4);
                segments[s] = new MemorySegment(_memory.Pointer + at, random.Next(1, 4));
                payload.AddRange(_memory.Span.Slice(at, segments[s].Bytes));
            }
            Assert.True(_switch.HasRoom || _switch.Deliver(2) > 0);
            while (!_switch.HasRoom)
                _switch.Deliver(1);
            Emit(i, _route, segments.AsSpan(0, count));
            expected.Enqueue([.. payload]);
        }
        _switch.Deliver(int.MaxValue);
        for (; taken < _receiver.Packets.Count; taken++)
            Assert.True(_receiver.Packets[taken].Payload.AsSpan().SequenceEqual(expected.Dequeue()), $"packet {taken}");
        Assert.Equal(2000, _receiver.Packets.Count);
        Assert.Equal(0, _switch.PacketsDropped);
    }

    [Fact]
    public void What_waits_for_a_destination_that_leaves_is_dropped_and_counted()
    {
        Emit(1, _route);
        Assert.True(_switch.Detach(s_right));
        Assert.False(_switch.Detach(s_right));
        Emit(2, _route);
        _switch.Deliver(100);
        Assert.Empty(_receiver.Packets);
        Assert.Equal(2, _switch.PacketsDropped);

        var next = new RecordingReceiver();
        _switch.Attach(s_right, next);
        Emit(3, _route);
        _switch.Deliver(100);
        Assert.Equal(3u, Assert.Single(next.Packets).Fields.Psn.Value);
    }

    [Fact]
    public void An_address_is_attached_once()
    {
        Assert.True(_switch.IsAttached(s_right));
        Assert.False(_switch.IsAttached(s_left));
        Assert.Throws<InvalidOperationException>(() => _switch.Attach(s_right, _receiver));
    }

    [Fact]
    public void A_route_may_go_between_a_switch_and_a_udp_link()
    {
        using UdpLink link = TestAddresses.OpenLink();
        using var peer = new PlainSocket();
        var route = new Route(link.Address, peer.Address);
        _switch.Attach(peer.Address, _receiver);
        for (uint i = 0; i < 4; i++)
        {
            if (i % 2 == 0)
                Emit(i, route);
            else
                link.Emit(TestPackets.Make(Opcode.RcAcknowledge, i), route);
        }
        link.Flush();
        _switch.Deliver(10);
        Assert.Equal([0, 2], _receiver.Packets.Select(packet => (int)packet.Fields.Psn.Value));
        Assert.Equal([1, 3], peer.Receive(2).Select(datagram => (int)datagram[11]));
    }

    [Fact]
    public void Emission_and_delivery_allocate_nothing()
    {
        var counter = new CountingReceiver();
        var other = Gid.FromIPv4(0x7F0B_0003);
        _switch.Attach(other, counter);
        var route = new Route(s_left, other);
        void Round()
        {
            for (uint i = 0; i < 10; i++)
                Emit(i, route, new MemorySegment(_memory.Pointer, 100));
            _switch.Deliver(100);
        }

        for (int i = 0; i < 50; i++)
            Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(10_500, counter.Packets);
    }
}
