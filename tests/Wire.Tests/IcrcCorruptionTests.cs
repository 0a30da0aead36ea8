using CsCheck;
using RoceEngine.Wire;

namespace Wire.Tests;

public class IcrcCorruptionTests
{
    private static bool IsReserved8A(int bit) => bit / 8 == 4;

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(256)]
    [InlineData(1024)]
    [InlineData(4096)]
    public void No_flip_of_one_bit_passes_except_in_the_byte_that_routers_may_change(int payloadBytes)
    {
        byte[] packet = Packets.Send(payloadBytes, 0x5A17);
        for (int bit = 0; bit < packet.Length * 8; bit++)
        {
            packet[bit / 8] ^= (byte)(1 << (bit % 8));
            bool passes = IcrcVerifier.TryVerify(Packets.Left, Packets.Right, 0xC001, packet, out _);
            if (IsReserved8A(bit) != passes)
            {
                Assert.Fail($"bit {bit % 8} of byte {bit / 8}");
            }

            packet[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void No_flip_of_one_bit_of_an_ipv6_packet_passes()
    {
        byte[] packet = Packets.Encode(
            new Packet { Opcode = Opcode.RcWriteOnly, PayloadBytes = 1001 }, Packets.Left6, Packets.Right6, 0xC001);
        for (int bit = 0; bit < packet.Length * 8; bit++)
        {
            packet[bit / 8] ^= (byte)(1 << (bit % 8));
            bool passes = IcrcVerifier.TryVerify(Packets.Left6, Packets.Right6, 0xC001, packet, out ushort identification);
            if (IsReserved8A(bit) != passes)
            {
                Assert.Fail($"bit {bit % 8} of byte {bit / 8}");
            }

            Assert.Equal(0, identification);
            packet[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Another_address_or_port_does_not_pass()
    {
        byte[] packet = Packets.Send(40, 99);
        Assert.True(IcrcVerifier.TryVerify(Packets.Left, Packets.Right, 0xC001, packet, out _));
        for (int bit = 0; bit < 32; bit++)
        {
            Gid left = Gid.FromIPv4(Packets.Left.IPv4 ^ (1u << bit));
            Gid right = Gid.FromIPv4(Packets.Right.IPv4 ^ (1u << bit));
            Assert.False(IcrcVerifier.TryVerify(left, Packets.Right, 0xC001, packet, out _));
            Assert.False(IcrcVerifier.TryVerify(Packets.Left, right, 0xC001, packet, out _));
            if (bit < 16)
            {
                Assert.False(IcrcVerifier.TryVerify(Packets.Left, Packets.Right, (ushort)(0xC001 ^ (1 << bit)), packet, out _));
            }
        }
    }

    [Fact]
    public void Random_damage_passes_about_as_seldom_as_sixteen_bits_promise()
    {
        byte[] packet = Packets.Send(500, 0x1234);
        var random = new Random(5);
        int passed = 0;
        const int tries = 200_000;
        for (int i = 0; i < tries; i++)
        {
            int at = random.Next(0, packet.Length - 8);
            ulong damage = (ulong)random.NextInt64() | 1;
            ref ulong word = ref System.Runtime.CompilerServices.Unsafe.As<byte, ulong>(ref packet[at]);
            word ^= damage;
            passed += IcrcVerifier.TryVerify(Packets.Left, Packets.Right, 0xC001, packet, out _) ? 1 : 0;
            word ^= damage;
        }

        // Three are expected, and a few more for damage within the masked byte alone.
        Assert.InRange(passed, 0, 20);
    }

    [Fact]
    public void Whole_packet_and_payload_alone_agree_on_any_single_flip_of_a_peers_packet()
    {
        byte[][] packets = [.. Golden.RocePackets("v4-256.pcap").Take(40), .. Golden.RocePackets("v6-1024.pcap").Take(20)];
        Gen.Select(Gen.Int[0, packets.Length - 1], Gen.Int[0, 1 << 20]).Sample((index, position) =>
        {
            byte[] packet = [.. packets[index]];
            int ipBytes = packet[0] >> 4 == 4 ? 20 : 40;
            int payloadOffset = ipBytes + 8;
            int bit = position % ((packet.Length - payloadOffset) * 8);
            packet[payloadOffset + (bit / 8)] ^= (byte)(1 << (bit % 8));
            ReadOnlySpan<byte> payload = packet.AsSpan(payloadOffset);
            bool whole = WholePacketIcrc.Verify(packet.AsSpan(0, ipBytes), packet.AsSpan(ipBytes, 8), payload);
            Gid source = ipBytes == 20
                ? Gid.FromIPv4(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(packet.AsSpan(12)))
                : Gid.Read(packet.AsSpan(8));
            Gid destination = ipBytes == 20
                ? Gid.FromIPv4(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(packet.AsSpan(16)))
                : Gid.Read(packet.AsSpan(24));
            ushort port = System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(ipBytes));
            bool blind = IcrcVerifier.TryVerify(source, destination, port, payload, out _);
            return whole == blind && whole == IsReserved8A(bit);
        }, iter: 5000);
    }

    [Fact]
    public void Whole_packet_ignores_what_routers_change_and_nothing_else()
    {
        byte[] packet = Golden.RocePackets("v4-256.pcap").First();
        int[] changeable = [1, 8, 10, 11, 26, 27, 32];
        for (int bit = 0; bit < packet.Length * 8; bit++)
        {
            packet[bit / 8] ^= (byte)(1 << (bit % 8));
            bool passes = WholePacketIcrc.Verify(packet.AsSpan(0, 20), packet.AsSpan(20, 8), packet.AsSpan(28));
            if (changeable.Contains(bit / 8) != passes)
            {
                Assert.Fail($"bit {bit % 8} of byte {bit / 8}");
            }

            packet[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }
}
