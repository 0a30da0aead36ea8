using System.Net;
using System.Net.Sockets;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

public class UdpLinkChecksumTests
{
    [Fact]
    public void A_datagram_over_ipv6_without_a_udp_checksum_is_accepted()
    {
        const int udpNoCheck6Tx = 101;
        using UdpLink link = TestAddresses.OpenLinkV6();
        using var sender = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
        sender.SetRawSocketOption(17, udpNoCheck6Tx, BitConverter.GetBytes(1));
        sender.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        var port = (ushort)((IPEndPoint)sender.LocalEndPoint!).Port;

        Packet packet = TestPackets.Make(Opcode.RcAcknowledge, 9);
        var datagram = new byte[PacketCodec.DatagramBytes(packet)];
        int headerBytes = PacketCodec.EncodeHeaders(packet, datagram);
        var pseudo = new IcrcPseudo(link.Address, link.Address, port);
        Icrc.Write(datagram.AsSpan(headerBytes), Icrc.Begin(pseudo, datagram.AsSpan(0, headerBytes), datagram.Length));
        sender.SendTo(datagram, new IPEndPoint(IPAddress.IPv6Loopback, RoceUdp.Port));

        var receiver = new RecordingReceiver();
        long deadline = Environment.TickCount64 + 10_000;
        while (receiver.Packets.Count == 0 && Environment.TickCount64 < deadline)
            link.Receive(receiver, 10);
        TestPackets.AssertSameFields(packet, Assert.Single(receiver.Packets).Fields);
    }
}
