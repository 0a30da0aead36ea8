using System.Buffers.Binary;
using RoceEngine.Wire;

namespace Wire.Tests;

public class GoldenPacketTests
{
    public static TheoryData<string> IPv4 => [.. Golden.IPv4Files];

    public static TheoryData<string> All => [.. Golden.IPv4Files, .. Golden.IPv6Files];

    private static (Gid Source, Gid Destination, ushort Port, byte[] Payload) Split(byte[] packet)
    {
        bool isIPv4 = packet[0] >> 4 == 4;
        int udp = isIPv4 ? 20 : 40;
        Gid source = isIPv4 ? Gid.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(packet.AsSpan(12))) : Gid.Read(packet.AsSpan(8));
        Gid destination = isIPv4 ? Gid.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(packet.AsSpan(16))) : Gid.Read(packet.AsSpan(24));
        int length = BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(udp + 4));
        return (source, destination, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(udp)), packet[(udp + 8)..(udp + length)]);
    }

    [Theory, MemberData(nameof(IPv4))]
    public void The_identification_is_recovered_from_the_udp_payload_alone(string file)
    {
        int count = 0;
        foreach (byte[] packet in Golden.RocePackets(file))
        {
            var (source, destination, port, payload) = Split(packet);
            Assert.True(IcrcVerifier.TryVerify(source, destination, port, payload, out ushort identification, out bool dontFragment));
            Assert.Equal(BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(4)), identification);
            Assert.Equal((packet[6] & 0x40) != 0, dontFragment);
            count++;
        }

        Assert.True(count >= 20);
    }

    [Theory, MemberData(nameof(All))]
    public void Decoding_and_encoding_give_the_same_bytes(string file)
    {
        int count = 0;
        Span<byte> headers = stackalloc byte[OpcodeTable.HeaderBytesMax];
        foreach (byte[] packet in Golden.RocePackets(file))
        {
            var (source, destination, port, payload) = Split(packet);
            Assert.True(PacketCodec.TryDecode(payload, out Packet decoded, out MalformedReason reason), $"{reason}");
            int headerBytes = PacketCodec.EncodeHeaders(decoded, headers);
            Assert.Equal(Convert.ToHexString(payload.AsSpan(0, headerBytes)), Convert.ToHexString(headers[..headerBytes]));
            Assert.Equal(payload.Length, PacketCodec.DatagramBytes(decoded));

            ushort identification = source.IsIPv4 ? BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(4)) : (ushort)0;
            uint state = Icrc.Begin(new IcrcPseudo(source, destination, port), headers[..headerBytes], payload.Length, identification);
            state = Icrc.Update(state, payload.AsSpan(headerBytes..^Icrc.Length));
            Assert.Equal(Icrc.Read(payload.AsSpan(^Icrc.Length..)), Icrc.Finish(state));
            Assert.True(IcrcVerifier.TryVerify(source, destination, port, payload, out _));
            count++;
        }

        Assert.True(count >= 20);
    }
}
