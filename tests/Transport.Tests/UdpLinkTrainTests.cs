using CsCheck;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

/// <summary>What a link's trains look like to a socket that takes datagrams one by one.</summary>
public unsafe class UdpLinkTrainTests : IDisposable
{
    private readonly NativeBuffer _memory = new(1 << 17);
    private readonly UdpLink _link = TestAddresses.OpenLink();
    private readonly PlainSocket _peer = new();

    public void Dispose()
    {
        _link.Dispose();
        _peer.Dispose();
        _memory.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Emit(UdpLink link, Route route, int payloadBytes, uint psn, Opcode opcode = Opcode.RcWriteMiddle)
    {
        var segment = new MemorySegment(_memory.Pointer + psn % 1000, payloadBytes);
        link.Emit(TestPackets.WithPayload(TestPackets.Make(opcode, psn), &segment), route);
    }

    private static ushort IdentificationOf(Gid source, Gid destination, byte[] datagram)
    {
        Assert.True(IcrcVerifier.TryVerify(source, destination, RoceUdp.Port, datagram, out ushort identification));
        return identification;
    }

    private ushort[] SendAndIdentify(params int[] payloadSizes)
    {
        var route = new Route(_link.Address, _peer.Address);
        uint psn = 0;
        foreach (int bytes in payloadSizes)
            Emit(_link, route, bytes, psn++);
        _link.Flush();
        List<byte[]> datagrams = _peer.Receive(payloadSizes.Length);
        Assert.Equal(payloadSizes.Select(bytes => 12 + bytes + PacketCodec.PadBytes(bytes) + 4), datagrams.Select(datagram => datagram.Length));
        return [.. datagrams.Select(datagram => IdentificationOf(_link.Address, _peer.Address, datagram))];
    }

    [Fact]
    public void Equal_datagrams_make_one_train_numbered_from_zero()
    {
        Assert.Equal(Enumerable.Range(0, 64).Select(i => (ushort)i), SendAndIdentify([.. Enumerable.Repeat(200, 64)]));
        Assert.Equal(1, _link.Statistics.MessagesSent);
        Assert.Equal(64, _link.Statistics.DatagramsSent);
    }

    [Fact]
    public void A_train_takes_no_more_than_64_datagrams() =>
        Assert.Equal([.. Enumerable.Range(0, 64).Select(i => (ushort)i), 0, 1], SendAndIdentify([.. Enumerable.Repeat(8, 66)]));

    [Fact]
    public void A_train_takes_no_more_bytes_than_a_udp_datagram()
    {
        ushort[] identifications = SendAndIdentify([.. Enumerable.Repeat(4096, 16)]);
        Assert.Equal([.. Enumerable.Range(0, 15).Select(i => (ushort)i), 0], identifications);
    }

    [Fact]
    public void A_shorter_datagram_ends_its_train_and_a_longer_one_begins_another()
    {
        Assert.Equal([0, 1, 2, 0, 1], SendAndIdentify(400, 400, 100, 100, 50));
        Assert.Equal([0, 0, 1], SendAndIdentify(100, 400, 400));
    }

    [Fact]
    public void Without_gso_the_same_bytes_leave_but_for_the_identification_in_the_icrc()
    {
        using UdpLink plain = TestAddresses.OpenLink(new UdpLinkOptions { UseGso = false });
        Assert.True(_link.GsoActive);
        Assert.False(plain.GsoActive);
        var sizes = Enumerable.Range(0, 100).Select(i => i % 7 == 0 ? 3000 : i % 3 == 0 ? 31 : 1024).ToArray();

        foreach (UdpLink link in (UdpLink[])[_link, plain])
        {
            var route = new Route(link.Address, _peer.Address);
            for (uint i = 0; i < sizes.Length; i++)
                Emit(link, route, sizes[i], i);
            link.Flush();
        }

        List<byte[]> all = _peer.Receive(200);
        for (int i = 0; i < 100; i++)
        {
            byte[] train = all[i];
            byte[] single = all[100 + i];
            Assert.True(train.AsSpan(0, train.Length - 4).SequenceEqual(single.AsSpan(0, single.Length - 4)));
            Assert.Equal(0, IdentificationOf(plain.Address, _peer.Address, single));
            IdentificationOf(_link.Address, _peer.Address, train);
        }
        Assert.Equal(100, plain.Statistics.MessagesSent);
        Assert.True(_link.Statistics.MessagesSent < 100);
        Assert.Equal(_link.Statistics.BytesSent, plain.Statistics.BytesSent);
    }

    [Fact]
    public void Alternating_destinations_keep_their_trains_open_and_their_order()
    {
        using var second = new PlainSocket();
        var routes = new[] { new Route(_link.Address, _peer.Address), new Route(_link.Address, second.Address) };
        for (uint i = 0; i < 40; i++)
            Emit(_link, routes[i % 2], 128, i);
        _link.Flush();
        Assert.Equal(2, _link.Statistics.MessagesSent);
        foreach ((PlainSocket socket, int first) in new[] { (_peer, 0), (second, 1) })
        {
            List<byte[]> datagrams = socket.Receive(20);
            Assert.Equal(Enumerable.Range(0, 20).Select(i => (uint)(2 * i + first)), datagrams.Select(PsnOf));
        }
    }

    [Fact]
    public void Whatever_the_sizes_each_destination_gets_its_packets_in_order_and_intact()
    {
        using var second = new PlainSocket();
        var routes = new[]
        {
            new Route(_link.Address, _peer.Address), new Route(_link.Address, second.Address), new Route(_link.Address, second.Address, 0x20),
        };
        // Threads would mix the datagrams of two samples in one socket.
        Gen.Select(Gen.Int[0, 2], Gen.OneOf(Gen.Const(64), Gen.Const(1024), Gen.Int[0, 1100])).Array[1, 120].Sample(
            packets =>
            {
                for (uint i = 0; i < packets.Length; i++)
                    Emit(_link, routes[packets[i].Item1], packets[i].Item2, i);
                _link.Flush();
                var toSecond = second.Receive(Expected(1).Count + Expected(2).Count);
                Check(_peer.Receive(Expected(0).Count), _peer.Address, Expected(0));
                // Routes differ in traffic class: order holds within each.
                Check([.. toSecond.Where(datagram => packets[PsnOf(datagram)].Item1 == 1)], second.Address, Expected(1));
                Check([.. toSecond.Where(datagram => packets[PsnOf(datagram)].Item1 == 2)], second.Address, Expected(2));

                List<(uint Psn, int Bytes)> Expected(int route) =>
                    [.. packets.Select((packet, i) => (packet, i)).Where(p => p.packet.Item1 == route).Select(p => ((uint)p.i, p.packet.Item2))];
            },
            iter: 60, threads: 1);

        void Check(List<byte[]> datagrams, Gid destination, List<(uint Psn, int Bytes)> expected)
        {
            Assert.Equal(expected.Select(packet => packet.Psn), datagrams.Select(PsnOf));
            for (int i = 0; i < expected.Count; i++)
            {
                IdentificationOf(_link.Address, destination, datagrams[i]);
                Assert.True(datagrams[i].AsSpan(12, expected[i].Bytes).SequenceEqual(_memory.Span.Slice((int)(expected[i].Psn % 1000), expected[i].Bytes)));
            }
        }
    }

    [Fact]
    public void Long_emission_starts_sending_before_the_flush()
    {
        var route = new Route(_link.Address, _peer.Address);
        for (uint i = 0; i < 100; i++)
            Emit(_link, route, 4096, i);
        Assert.InRange(_link.Statistics.DatagramsSent, 1, 99);
        _link.Flush();
        Assert.Equal(100, _link.Statistics.DatagramsSent);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (uint)i), _peer.Receive(100).Select(PsnOf));
    }

    [Fact]
    public void A_train_of_as_many_datagrams_as_it_takes_leaves_before_the_flush()
    {
        var route = new Route(_link.Address, _peer.Address);
        for (uint i = 0; i < 100; i++)
            Emit(_link, route, 64, i);
        Assert.Equal(64, _link.Statistics.DatagramsSent);
        _link.Flush();
        Assert.Equal(100, _link.Statistics.DatagramsSent);
        Assert.Equal(2, _link.Statistics.MessagesSent);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (uint)i), _peer.Receive(100).Select(PsnOf));
    }

    private static uint PsnOf(byte[] datagram) => (uint)((datagram[9] << 16) | (datagram[10] << 8) | datagram[11]);
}
