using RoceEngine.Interop;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

/// <summary>Bad datagrams, bad destinations, bad addresses.</summary>
public unsafe class UdpLinkFaultTests : IDisposable
{
    private readonly UdpLink _link = TestAddresses.OpenLink();
    private readonly PlainSocket _peer = new();

    public void Dispose()
    {
        _link.Dispose();
        _peer.Dispose();
        GC.SuppressFinalize(this);
    }

    private byte[] MakeDatagram(int payloadBytes, ushort identification = 0, bool dontFragment = true)
    {
        Packet packet = TestPackets.Make(Opcode.RcSendOnly, 5);
        packet.PayloadBytes = payloadBytes;
        var datagram = new byte[PacketCodec.DatagramBytes(packet)];
        int headerBytes = PacketCodec.EncodeHeaders(packet, datagram);
        for (int i = 0; i < payloadBytes; i++)
            datagram[headerBytes + i] = (byte)(i * 31 + 7);
        var pseudo = new IcrcPseudo(_peer.Address, _link.Address, RoceUdp.Port, dontFragment: dontFragment);
        uint state = Icrc.Begin(pseudo, datagram.AsSpan(0, headerBytes), datagram.Length, identification);
        Icrc.Write(datagram.AsSpan(datagram.Length - 4), Icrc.Update(state, datagram.AsSpan(headerBytes..^4)));
        return datagram;
    }

    private List<ReceivedPacket> Deliver(params byte[][] datagrams)
    {
        var receiver = new RecordingReceiver();
        long expected = _link.Statistics.DatagramsReceived + datagrams.Length;
        foreach (byte[] datagram in datagrams)
            _peer.Send(_link.Address, datagram);
        long deadline = Environment.TickCount64 + 10_000;
        while (_link.Statistics.DatagramsReceived < expected && Environment.TickCount64 < deadline)
            _link.Receive(receiver, 100);
        Assert.Equal(expected, _link.Statistics.DatagramsReceived);
        return receiver.Packets;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(0x1234)]
    [InlineData(65535)]
    public void A_senders_identification_does_not_matter(int identification) =>
        Assert.Equal(100, Assert.Single(Deliver(MakeDatagram(100, (ushort)identification))).Payload.Length);

    [Fact]
    public void A_sender_that_leaves_df_clear_is_understood_after_a_few_datagrams()
    {
        int understood = 0;
        for (int i = 0; i < 10; i++)
            understood += Deliver(MakeDatagram(100, (ushort)i, dontFragment: false)).Count;
        Assert.Equal(10 - IcrcReceiver.DatagramsToLearn, understood);
        Assert.Equal(IcrcReceiver.DatagramsToLearn, _link.Statistics.Malformed(MalformedReason.IcrcMismatch));
    }

    [Fact]
    public void Every_flipped_bit_of_a_packet_is_noticed_counted_and_dropped()
    {
        byte[] good = MakeDatagram(40);
        int flips = 0;
        for (int bit = 0; bit < good.Length * 8; bit++)
        {
            // Byte 4 of the BTH is reserved and masked in the ICRC: routers may change it.
            if (bit / 8 == 4)
                continue;
            byte[] bad = [.. good];
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Empty(Deliver(bad));
            flips++;
        }
        Assert.Equal(flips, _link.Statistics.MalformedTotal);
        Assert.True(_link.Statistics.Malformed(MalformedReason.IcrcMismatch) > flips / 2);
        Assert.Single(Deliver(good));
    }

    [Fact]
    public void Malformed_datagrams_are_counted_by_reason()
    {
        byte[] badVersion = MakeDatagram(8);
        badVersion[1] |= 1;
        byte[] unknown = MakeDatagram(8);
        unknown[0] = 0xFF;
        byte[] pad = MakeDatagram(0);
        pad[1] |= 0x30;
        Assert.Empty(Deliver([], [1, 2, 3], MakeDatagram(8)[..15], badVersion, unknown, pad, [.. MakeDatagram(8), 0], new byte[9000]));
        Assert.Equal(3, _link.Statistics.Malformed(MalformedReason.TooShort));
        Assert.Equal(1, _link.Statistics.Malformed(MalformedReason.BadTransportVersion));
        Assert.Equal(1, _link.Statistics.Malformed(MalformedReason.UnknownOpcode));
        Assert.Equal(1, _link.Statistics.Malformed(MalformedReason.PadUnderflow));
        Assert.Equal(1, _link.Statistics.Malformed(MalformedReason.LengthNotMultipleOfFour));
        Assert.Equal(1, _link.Statistics.Malformed(MalformedReason.TooLong));
        Assert.Equal(8, _link.Statistics.MalformedTotal);
    }

    [Fact]
    public void Random_bytes_never_reach_the_receiver_and_never_stop_the_link()
    {
        var random = new Random(11);
        for (int i = 0; i < 500; i++)
        {
            var garbage = new byte[random.Next(0, 2000)];
            random.NextBytes(garbage);
            Assert.Empty(Deliver(garbage));
        }
        Assert.Equal(500, _link.Statistics.MalformedTotal);
        Assert.Single(Deliver(MakeDatagram(1)));
    }

    [Fact]
    public void A_packet_from_another_source_port_verifies_only_with_an_icrc_made_for_that_port()
    {
        using var sender = new System.Net.Sockets.Socket(
            System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Dgram, System.Net.Sockets.ProtocolType.Udp);
        sender.Bind(new System.Net.IPEndPoint(_peer.Address.ToIPAddress(), 0));
        var port = (ushort)((System.Net.IPEndPoint)sender.LocalEndPoint!).Port;
        var target = new System.Net.IPEndPoint(_link.Address.ToIPAddress(), RoceUdp.Port);
        byte[] datagram = MakeDatagram(16);
        sender.SendTo(datagram, target);
        Packet packet = TestPackets.Make(Opcode.RcSendOnly, 5);
        packet.PayloadBytes = 16;
        uint state = Icrc.Begin(new IcrcPseudo(_peer.Address, _link.Address, port), datagram.AsSpan(0, 12), datagram.Length);
        Icrc.Write(datagram.AsSpan(datagram.Length - 4), Icrc.Update(state, datagram.AsSpan(12..^4)));
        sender.SendTo(datagram, target);

        var receiver = new RecordingReceiver();
        long deadline = Environment.TickCount64 + 10_000;
        while (_link.Statistics.DatagramsReceived < 2 && Environment.TickCount64 < deadline)
            _link.Receive(receiver, 100);
        Assert.Single(receiver.Packets);
        Assert.Equal(1, _link.Statistics.Malformed(MalformedReason.IcrcMismatch));
    }

    [Fact]
    public void Receiving_stops_near_the_number_asked_for_and_an_empty_socket_gives_none()
    {
        var receiver = new CountingReceiver();
        Assert.Equal(0, _link.Receive(receiver, 10));
        for (int i = 0; i < 50; i++)
            _peer.Send(_link.Address, MakeDatagram(4));
        int first = 0;
        long deadline = Environment.TickCount64 + 10_000;
        while (first == 0 && Environment.TickCount64 < deadline)
            first = _link.Receive(receiver, 10);
        Assert.InRange(first, 1, 10);
        while (receiver.Packets < 50 && Environment.TickCount64 < deadline)
            _link.Receive(receiver, 10);
        Assert.Equal(50, receiver.Packets);
    }

    [Fact]
    public void A_packet_that_the_link_cannot_carry_is_counted_and_harms_no_other()
    {
        var route = new Route(_link.Address, _peer.Address);
        _link.Emit(TestPackets.Make(Opcode.RcAcknowledge, 1), route);
        _link.Emit(TestPackets.Make((Opcode)0xFF, 2), route);
        _link.Emit(TestPackets.Make(Opcode.RcAcknowledge, 3), new Route(_link.Address, TestAddresses.LoopbackV6));
        _link.Emit(TestPackets.Make(Opcode.RcAcknowledge, 4), new Route(_peer.Address, _peer.Address));
        Packet tooLong = TestPackets.Make(Opcode.RcSendOnly, 5);
        tooLong.PayloadBytes = 4097;
        _link.Emit(tooLong, route);
        _link.Emit(TestPackets.Make(Opcode.RcAcknowledge, 6), route);
        _link.Flush();

        Assert.Equal([1, 6], _peer.Receive(2).Select(datagram => (int)datagram[11]));
        Assert.Equal(3, _link.Statistics.DroppedOther);
        Assert.Equal(1, _link.Statistics.DroppedTooLong);
        Assert.Equal(4, _link.Statistics.DroppedTotal);
        Assert.Equal(2, _link.Statistics.DatagramsSent);
        Assert.Equal(Errno.EMSGSIZE, _link.Statistics.LastSendErrno);
    }

    [Fact]
    public void A_destination_that_the_kernel_refuses_costs_only_its_own_packets()
    {
        // A loopback address may not send to another network (here one for documentation).
        var refused = new Route(_link.Address, Gid.FromIPv4(0xC000_0201));
        var route = new Route(_link.Address, _peer.Address);
        for (uint i = 0; i < 6; i++)
            _link.Emit(TestPackets.Make(Opcode.RcAcknowledge, i), i % 2 == 0 ? refused : route);
        _link.Flush();
        Assert.Equal([1, 3, 5], _peer.Receive(3).Select(datagram => (int)datagram[11]));
        Assert.Equal(3, _link.Statistics.DroppedTotal);
        Assert.NotEqual(0, _link.Statistics.LastSendErrno);
        Assert.True(_link.GsoActive);
    }

    [Fact]
    public void An_address_in_use_is_refused_by_name()
    {
        var refusal = Assert.Throws<SystemCallException>(() => new UdpLink(_link.Address));
        Assert.Equal(Errno.EADDRINUSE, refusal.Errno);
        Assert.Contains(_link.Address.ToString(), refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_of_another_machine_is_refused_by_name()
    {
        var refusal = Assert.Throws<SystemCallException>(() => new UdpLink(Gid.FromIPv4(0xC000_0201)));
        Assert.Equal(Errno.EADDRNOTAVAIL, refusal.Errno);
        Assert.Contains("192.0.2.1:4791", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_closed_link_says_so_and_frees_its_address()
    {
        UdpLink link = TestAddresses.OpenLink();
        var route = new Route(link.Address, _peer.Address);
        link.Dispose();
        link.Dispose();
        Assert.Throws<ObjectDisposedException>(() => link.Emit(TestPackets.Make(Opcode.RcAcknowledge), route));
        Assert.Throws<ObjectDisposedException>(() => link.Receive(new CountingReceiver(), 1));
        Assert.Throws<ObjectDisposedException>(link.Flush);
        using var again = new UdpLink(link.Address);
        Assert.True(again.PollDescriptor >= 0);
    }

    [Fact]
    public void The_description_says_how_the_link_sends()
    {
        Assert.Contains("UDP_SEGMENT", _link.Description, StringComparison.Ordinal);
        Assert.Contains("UDP_GRO", _link.Description, StringComparison.Ordinal);
        using UdpLink plain = TestAddresses.OpenLink(new UdpLinkOptions { UseGso = false, UseGro = false });
        Assert.Contains("sends single datagrams, as asked", plain.Description, StringComparison.Ordinal);
        Assert.True(_link.ReceiveBufferBytes > 100_000);
        Assert.True(_link.SendBufferBytes > 100_000);
    }

    [Fact]
    public void A_socket_that_overflows_counts_what_the_kernel_dropped()
    {
        using UdpLink small = TestAddresses.OpenLink(new UdpLinkOptions { ReceiveBufferBytes = 4096, UseGro = false });
        var route = new Route(_link.Address, small.Address);
        var receiver = new CountingReceiver();
        for (uint i = 0; i < 400; i++)
            _link.Emit(TestPackets.Make(Opcode.RcAcknowledge, i), route);
        _link.Flush();
        long sent = 400;

        // The count travels with a datagram that does fit, so more are sent until it has come.
        long deadline = Environment.TickCount64 + 10_000;
        while (receiver.Packets + small.Statistics.ReceiveBufferDrops < sent && Environment.TickCount64 < deadline)
        {
            while (small.Receive(receiver, 1000) > 0)
            {
            }
            Thread.Sleep(1);
            _link.Emit(TestPackets.Make(Opcode.RcAcknowledge, 1), route);
            _link.Flush();
            sent++;
            while (small.Receive(receiver, 1000) > 0)
            {
            }
        }
        Assert.Equal(sent, receiver.Packets + small.Statistics.ReceiveBufferDrops);
        Assert.InRange(small.Statistics.ReceiveBufferDrops, 1, 399);
    }
}
