using CsCheck;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

/// <summary>Middle packets that leave or come as one.</summary>
public unsafe class UdpLinkRunTests : IDisposable
{
    private const int MtuBytes = 1024;
    private const uint FirstPsn = Psn.Modulus - 3;

    private readonly NativeBuffer _memory = new(1 << 17);
    private readonly UdpLink _sender = TestAddresses.OpenLink();
    private readonly UdpLink _receiver = TestAddresses.OpenLink();

    public void Dispose()
    {
        _sender.Dispose();
        _receiver.Dispose();
        _memory.Dispose();
        GC.SuppressFinalize(this);
    }

    private static Packet Middle(int index, MemorySegment* payload, PacketFlags flags = PacketFlags.None, uint qpn = 0x1234) => new()
    {
        Opcode = Opcode.RcWriteMiddle,
        PartitionKey = 0xFFFF,
        DestinationQpn = qpn,
        Psn = new Psn(FirstPsn) + index,
        PsnCount = 1,
        Flags = flags,
        Segments = payload,
        SegmentCount = 1,
        PayloadBytes = payload->Bytes,
    };

    private void EmitMiddle(UdpLink link, Route route, int index, PacketFlags flags = PacketFlags.None, uint qpn = 0x1234)
    {
        var segment = new MemorySegment(_memory.Pointer + index * MtuBytes, MtuBytes);
        link.Emit(Middle(index, &segment, flags, qpn), route);
    }

    private static void ReceiveAll(UdpLink link, IPacketReceiver receiver, int packets)
    {
        int handled = 0;
        long deadline = Environment.TickCount64 + 10_000;
        while (handled < packets && Environment.TickCount64 < deadline)
            handled += link.Receive(receiver, 100);
        Assert.Equal(packets, handled);
    }

    [Fact]
    public void A_run_leaves_as_the_packets_that_it_stands_for() => Gen.Select(
        Gen.Int[2, 40], Gen.Int[8, 12].Select(shift => 1 << shift), Gen.Int[1, 5000].Array[1, 60], Gen.Bool, Gen.Bool.Select(copies => copies ? 4096 : 0), Gen.Bool)
        .Sample(
            (packets, mtuBytes, cuts, asks, copyBytesMax, useGso) =>
            {
                packets = Math.Min(packets, _memory.Bytes / 2 / mtuBytes);
                using UdpLink link = TestAddresses.OpenLink(new UdpLinkOptions { CopyBytesMax = copyBytesMax, UseGso = useGso });
                using var peer = new PlainSocket();
                var route = new Route(link.Address, peer.Address);
                MemorySegment* pieces = stackalloc MemorySegment[64];
                int count = Cut(pieces, cuts, packets * mtuBytes);
                byte[] whole = Gather(pieces, count);
                Packet run = Middle(0, pieces, asks ? PacketFlags.AcknowledgeRequest : PacketFlags.None);
                (run.PsnCount, run.PayloadBytes, run.SegmentCount) = (packets, whole.Length, count);
                link.Emit(run, route);
                link.Flush();

                Assert.Equal(packets, link.Statistics.DatagramsSent);
                List<byte[]> datagrams = peer.Receive(packets);
                for (int i = 0; i < packets; i++)
                {
                    Assert.True(PacketCodec.TryDecode(datagrams[i], out Packet packet, out _));
                    Assert.True(IcrcVerifier.TryVerify(link.Address, peer.Address, RoceUdp.Port, datagrams[i], out _));
                    bool isAsking = asks && i == packets - 1;
                    Assert.Equal((Opcode.RcWriteMiddle, new Psn(FirstPsn) + i, isAsking ? PacketFlags.AcknowledgeRequest : PacketFlags.None),
                        (packet.Opcode, packet.Psn, packet.Flags));
                    Assert.Equal(whole.AsSpan(i * mtuBytes, mtuBytes), datagrams[i].AsSpan(12, mtuBytes));
                }
            },
            iter: 60, threads: 1);

    [Fact]
    public void Runs_as_long_as_the_link_asks_for_leave_full_trains()
    {
        const int mtuBytes = 4096;
        const int packetsOfTrain = 15;
        const int wanted = 8 * packetsOfTrain;
        var route = new Route(_sender.Address, _receiver.Address);
        var payload = new MemorySegment(_memory.Pointer, mtuBytes);
        Packet first = Middle(0, &payload);
        first.Opcode = Opcode.RcWriteFirst;
        _sender.Emit(first, route);
        int packets = 1;
        while (packets < wanted)
        {
            int count = _sender.RunPackets(route, mtuBytes);
            var segment = new MemorySegment(_memory.Pointer, count * mtuBytes);
            Packet run = Middle(packets, &segment);
            (run.PsnCount, run.PayloadBytes) = (count, count * mtuBytes);
            _sender.Emit(run, route);
            packets += count;
        }
        _sender.Flush();

        // The first packet is longer than a middle one: the next is the end of its train.
        Assert.Equal(2 + wanted, _sender.Statistics.DatagramsSent);
        Assert.Equal(1 + (wanted / packetsOfTrain), _sender.Statistics.MessagesSent);
        Assert.Equal(2, _sender.Statistics.SendCalls);
    }

    [Fact]
    public void What_is_expected_is_put_into_its_place_and_handed_on_as_one()
    {
        var route = new Route(_sender.Address, _receiver.Address);
        for (int i = 0; i < 10; i++)
            EmitMiddle(_sender, route, i, i == 4 ? PacketFlags.AcknowledgeRequest : PacketFlags.None);
        _sender.Flush();
        using var placing = new PlacingReceiver(FirstPsn, MtuBytes, packetsMax: 64);
        ReceiveAll(_receiver, placing, 10);

        Assert.Equal([(new Psn(FirstPsn), 10, PacketFlags.AcknowledgeRequest)], placing.Runs);
        Assert.Equal(_memory.Span[..(10 * MtuBytes)], placing.Memory.Span[..(10 * MtuBytes)]);
        Assert.Empty(placing.Others);
        Assert.Equal(10, _receiver.Statistics.DatagramsReceived);
    }

    [Fact]
    public void A_shorter_place_takes_the_first_packets_and_the_rest_finds_another()
    {
        var route = new Route(_sender.Address, _receiver.Address);
        for (int i = 0; i < 10; i++)
            EmitMiddle(_sender, route, i);
        _sender.Flush();
        using var placing = new PlacingReceiver(FirstPsn, MtuBytes, packetsMax: 4);
        ReceiveAll(_receiver, placing, 10);
        Assert.Equal([4, 4, 2], placing.Runs.Select(run => run.Packets));
        Assert.Equal(_memory.Span[..(10 * MtuBytes)], placing.Memory.Span[..(10 * MtuBytes)]);
    }

    [Fact]
    public void A_damaged_packet_is_counted_and_dropped_and_those_before_and_behind_it_are_not()
    {
        // Payload in place: what changes between emission and flush spoils the ICRC.
        using UdpLink damaging = TestAddresses.OpenLink(new UdpLinkOptions { CopyBytesMax = 0 });
        var route = new Route(damaging.Address, _receiver.Address);
        for (int i = 0; i < 10; i++)
            EmitMiddle(damaging, route, i);
        _memory.Pointer[6 * MtuBytes + 100] ^= 1;
        damaging.Flush();
        using var placing = new PlacingReceiver(FirstPsn, MtuBytes, packetsMax: 64);
        ReceiveAll(_receiver, placing, 10);

        Assert.Equal([(new Psn(FirstPsn), 6, PacketFlags.None)], placing.Runs);
        Assert.Equal([7, 8, 9], placing.Others.Select(packet => packet.Psn.DistanceFrom(new Psn(FirstPsn))));
        Assert.Equal(1, _receiver.Statistics.Malformed(MalformedReason.IcrcMismatch));
        Assert.Equal(9, _receiver.Statistics.DatagramsReceived - 1);
    }

    [Fact]
    public void A_gap_or_another_queue_pair_ends_a_run()
    {
        var route = new Route(_sender.Address, _receiver.Address);
        foreach (int index in (int[])[0, 1, 2, 4, 5])
            EmitMiddle(_sender, route, index);
        EmitMiddle(_sender, route, 6, qpn: 0x77);
        _sender.Flush();
        using var placing = new PlacingReceiver(FirstPsn, MtuBytes, packetsMax: 64);
        ReceiveAll(_receiver, placing, 6);
        Assert.Equal([3], placing.Runs.Select(run => run.Packets));
        Assert.Equal([4, 5, 6], placing.Others.Select(packet => packet.Psn.DistanceFrom(new Psn(FirstPsn))));
    }

    [Fact]
    public void Injected_losses_fall_into_runs_as_well()
    {
        using UdpLink lossy = TestAddresses.OpenLink(new UdpLinkOptions { LossRate = 0.2, LossSeed = 7 });
        var route = new Route(_sender.Address, lossy.Address);
        for (int i = 0; i < 60; i++)
            EmitMiddle(_sender, route, i);
        _sender.Flush();
        using var placing = new PlacingReceiver(FirstPsn, MtuBytes, packetsMax: 64);
        ReceiveAll(lossy, placing, 60);
        Assert.InRange(lossy.Statistics.InjectedLosses, 3, 30);
        Assert.Equal(60, lossy.Statistics.InjectedLosses + lossy.Statistics.DatagramsReceived);
        Assert.Equal(lossy.Statistics.DatagramsReceived, placing.Runs.Sum(run => run.Packets) + placing.Others.Count);
    }

    [Fact]
    public void A_tap_sees_every_packet_of_a_run()
    {
        var tap = new CountingTap();
        _receiver.Tap = tap;
        var route = new Route(_sender.Address, _receiver.Address);
        for (int i = 0; i < 10; i++)
            EmitMiddle(_sender, route, i);
        _sender.Flush();
        using var placing = new PlacingReceiver(FirstPsn, MtuBytes, packetsMax: 64);
        ReceiveAll(_receiver, placing, 10);
        Assert.Equal(10, tap.Datagrams);
    }

    private int Cut(MemorySegment* pieces, int[] cuts, int bytes)
    {
        int count = 0;
        for (int offset = 0; offset < bytes; count++)
        {
            int piece = count < cuts.Length && count < 60 ? Math.Min(cuts[count], bytes - offset) : bytes - offset;
            pieces[count] = new MemorySegment(_memory.Pointer + offset + count * 7, piece);
            offset += piece;
        }
        return count;
    }

    private static byte[] Gather(MemorySegment* pieces, int count)
    {
        var whole = new List<byte>();
        for (int i = 0; i < count; i++)
            whole.AddRange(new ReadOnlySpan<byte>(pieces[i].Address, pieces[i].Bytes));
        return [.. whole];
    }

    private sealed class CountingTap : IPacketTap
    {
        public int Datagrams { get; private set; }

        public void OnDatagram(
            in Gid source, in Gid destination, ushort sourcePort, byte tos, ushort identification, ReadOnlySpan<byte> udpPayload, bool outgoing, long nowNs) =>
            Datagrams++;
    }
}
