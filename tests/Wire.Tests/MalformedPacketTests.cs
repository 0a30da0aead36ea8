using CsCheck;
using RoceEngine.Wire;

namespace Wire.Tests;

public class MalformedPacketTests
{
    private static MalformedReason ReasonOf(ReadOnlySpan<byte> bytes)
    {
        bool isPacket = PacketCodec.TryDecode(bytes, out _, out MalformedReason reason);
        Assert.Equal(reason == MalformedReason.None, isPacket);
        return reason;
    }

    private static byte[] Bytes(Opcode opcode, int udpPayloadBytes, int padCount = 0, int version = 0)
    {
        byte[] bytes = new byte[udpPayloadBytes];
        bytes[0] = (byte)opcode;
        if (bytes.Length > 1)
        {
            bytes[1] = (byte)((padCount << 4) | version);
        }

        return bytes;
    }

    [Fact]
    public void Less_than_the_headers_and_the_icrc_is_too_short()
    {
        Assert.Equal(MalformedReason.TooShort, ReasonOf([]));
        foreach (Opcode opcode in Enum.GetValues<Opcode>())
        {
            int least = OpcodeTable.For(opcode).HeaderBytes + Icrc.Length;
            for (int bytes = 1; bytes < least; bytes++)
            {
                Assert.Equal(MalformedReason.TooShort, ReasonOf(Bytes(opcode, bytes)));
            }

            Assert.Equal(MalformedReason.None, ReasonOf(Bytes(opcode, least)));
        }
    }

    [Fact]
    public void An_opcode_that_is_none_is_unknown_at_any_length()
    {
        for (int value = 0; value < 256; value++)
        {
            if (!Enum.IsDefined((Opcode)value))
            {
                Assert.Equal(MalformedReason.UnknownOpcode, ReasonOf(Bytes((Opcode)value, 64)));
                Assert.Equal(MalformedReason.UnknownOpcode, ReasonOf(Bytes((Opcode)value, 12)));
            }
        }
    }

    [Fact]
    public void Any_other_transport_version_is_refused()
    {
        for (int version = 1; version < 16; version++)
        {
            Assert.Equal(MalformedReason.BadTransportVersion, ReasonOf(Bytes(Opcode.RcSendOnly, 64, version: version)));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Padding_without_payload_underflows_or_is_not_allowed(int padCount)
    {
        Assert.Equal(MalformedReason.PadUnderflow, ReasonOf(Bytes(Opcode.RcSendOnly, 16, padCount)));
        Assert.Equal(MalformedReason.PadUnderflow, ReasonOf(Bytes(Opcode.RcReadResponseOnly, 20, padCount)));
        Assert.Equal(MalformedReason.PadNotAllowed, ReasonOf(Bytes(Opcode.RcAcknowledge, 20, padCount)));
        Assert.Equal(MalformedReason.PadNotAllowed, ReasonOf(Bytes(Opcode.RcReadRequest, 32, padCount)));
        Assert.Equal(MalformedReason.None, ReasonOf(Bytes(Opcode.RcSendOnly, 20, padCount)));
    }

    [Fact]
    public void Payload_where_none_may_be_is_refused()
    {
        foreach (Opcode opcode in Enum.GetValues<Opcode>().Where(o => !OpcodeTable.For(o).HasAny(PacketTraits.HasPayload)))
        {
            int least = OpcodeTable.For(opcode).HeaderBytes + Icrc.Length;
            Assert.Equal(MalformedReason.PayloadNotAllowed, ReasonOf(Bytes(opcode, least + 4)));
            Assert.Equal(MalformedReason.PayloadNotAllowed, ReasonOf(Bytes(opcode, least + 1)));
        }
    }

    [Theory]
    [InlineData(17)]
    [InlineData(18)]
    [InlineData(19)]
    public void A_body_that_is_no_multiple_of_four_is_refused(int udpPayloadBytes) =>
        Assert.Equal(MalformedReason.LengthNotMultipleOfFour, ReasonOf(Bytes(Opcode.RcSendOnly, udpPayloadBytes)));

    [Fact]
    public void More_than_the_largest_mtu_is_too_long()
    {
        Assert.Equal(MalformedReason.None, ReasonOf(Bytes(Opcode.RcSendMiddle, 16 + 4096)));
        Assert.Equal(MalformedReason.TooLong, ReasonOf(Bytes(Opcode.RcSendMiddle, 16 + 4100)));
        Assert.Equal(MalformedReason.TooLong, ReasonOf(Bytes(Opcode.RcSendMiddle, 65_504)));
    }

    [Fact]
    public void Every_prefix_of_a_packet_is_judged_without_harm()
    {
        byte[] packet = Packets.Send(257);
        for (int bytes = 0; bytes < packet.Length; bytes++)
        {
            bool isPacket = PacketCodec.TryDecode(packet.AsSpan(0, bytes), out Packet decoded, out _);
            Assert.Equal(bytes >= 20 && bytes % 4 == 0, isPacket);
            Assert.InRange(decoded.PayloadBytes, 0, Math.Max(0, bytes - 16));
            Assert.False(IcrcVerifier.TryVerify(Packets.Left, Packets.Right, 0xC001, packet.AsSpan(0, bytes), out _));
        }
    }

    [Fact]
    public void Random_bytes_are_judged_without_harm_and_what_is_accepted_is_consistent() =>
        Gen.Select(Gen.Byte.Array[0, 80], Packets.AnyOpcode).Sample((bytes, opcode) =>
        {
            if (bytes.Length > 0)
            {
                bytes[0] = (byte)opcode;
            }

            if (!PacketCodec.TryDecode(bytes, out Packet packet, out _))
            {
                return true;
            }

            return bytes.Length == OpcodeTable.For(packet.Opcode).HeaderBytes + packet.PayloadBytes + packet.PadCount + Icrc.Length
                && packet.PayloadBytes >= 0;
        }, iter: 50_000);
}
