using CsCheck;
using RoceEngine.Wire;

namespace Wire.Tests;

public class PacketCodecTests
{
    [Fact]
    public void Every_field_of_every_opcode_survives_encoding_and_decoding() =>
        Packets.Any.Sample(packet =>
        {
            byte[] bytes = Packets.Encode(packet, Packets.Left, Packets.Right, 0xC123);
            Assert.True(PacketCodec.TryDecode(bytes, out Packet decoded, out MalformedReason reason), $"{reason}");
            Assert.Equal(MalformedReason.None, reason);
            AssertSameFields(packet, decoded);
            Assert.Equal(-packet.PayloadBytes & 3, decoded.PadCount);
            Assert.Equal(0, bytes.Length % 4);

            byte[] again = Packets.Encode(decoded, Packets.Left, Packets.Right, 0xC123);
            Assert.Equal(bytes, again);
        }, iter: 2000);

    private static void AssertSameFields(in Packet packet, in Packet decoded)
    {
        OpcodeInfo info = OpcodeTable.For(packet.Opcode);
        Assert.Equal(packet.Opcode, decoded.Opcode);
        Assert.Equal(packet.Flags, decoded.Flags);
        Assert.Equal(packet.PartitionKey, decoded.PartitionKey);
        Assert.Equal(packet.DestinationQpn, decoded.DestinationQpn);
        Assert.Equal(packet.Psn, decoded.Psn);
        Assert.Equal(1, decoded.PsnCount);
        Assert.Equal(packet.PayloadBytes, decoded.PayloadBytes);

        // A field that the opcode lacks stays at its default.
        T If<T>(PacketTraits traits, T value) => info.HasAny(traits) ? value : default!;
        Assert.Equal(If(PacketTraits.HasAeth, packet.Syndrome), decoded.Syndrome);
        Assert.Equal(If(PacketTraits.HasAeth, packet.MessageSequenceNumber), decoded.MessageSequenceNumber);
        Assert.Equal(If(PacketTraits.HasReth | PacketTraits.HasAtomicEth, packet.RemoteAddress), decoded.RemoteAddress);
        Assert.Equal(If(PacketTraits.HasReth | PacketTraits.HasAtomicEth, packet.RemoteKey), decoded.RemoteKey);
        Assert.Equal(If(PacketTraits.HasReth, packet.DmaLength), decoded.DmaLength);
        Assert.Equal(If(PacketTraits.HasAtomicEth, packet.SwapOrAdd), decoded.SwapOrAdd);
        Assert.Equal(If(PacketTraits.HasAtomicEth, packet.Compare), decoded.Compare);
        Assert.Equal(If(PacketTraits.HasAtomicAckEth, packet.OriginalValue), decoded.OriginalValue);
        Assert.Equal(If(PacketTraits.HasImmediate | PacketTraits.HasInvalidateKey, packet.ImmediateOrKey), decoded.ImmediateOrKey);
        Assert.Equal(If(PacketTraits.HasDeth, packet.QueueKey), decoded.QueueKey);
        Assert.Equal(If(PacketTraits.HasDeth, packet.SourceQpn), decoded.SourceQpn);
        Assert.Equal(If(PacketTraits.HasFeth, packet.FlushOptions), decoded.FlushOptions);
        Assert.Equal(If(PacketTraits.HasAtomicMasks, packet.CompareMaskOrBoundary), decoded.CompareMaskOrBoundary);
        Assert.Equal(If(PacketTraits.HasAtomicMasks, packet.SwapMask), decoded.SwapMask);
    }

    [Fact]
    public void A_write_with_immediate_is_laid_out_byte_by_byte()
    {
        var packet = new Packet
        {
            Opcode = Opcode.RcWriteOnlyImmediate,
            Flags = PacketFlags.SolicitedEvent | PacketFlags.AcknowledgeRequest,
            PartitionKey = 0xFFFF,
            DestinationQpn = 0x010203,
            Psn = new Psn(0x040506),
            RemoteAddress = 0x1122334455667788,
            RemoteKey = 0x99AABBCC,
            DmaLength = 5,
            ImmediateOrKey = 0xDEADBEEF,
            PayloadBytes = 5,
        };
        Span<byte> headers = stackalloc byte[OpcodeTable.HeaderBytesMax];
        int bytes = PacketCodec.EncodeHeaders(packet, headers);
        Assert.Equal("0BB0FFFF0001020380040506" + "112233445566778899AABBCC00000005" + "DEADBEEF", Convert.ToHexString(headers[..bytes]));
    }

    [Fact]
    public void A_flush_has_its_own_header_before_the_range()
    {
        var packet = new Packet
        {
            Opcode = Opcode.RcFlush,
            Flags = PacketFlags.AcknowledgeRequest,
            PartitionKey = 0xFFFF,
            DestinationQpn = 0x010203,
            Psn = new Psn(0x040506),
            FlushOptions = FethView.GlobalBit | FethView.WholeRegionBit,
            RemoteAddress = 0x1122334455667788,
            RemoteKey = 0x99AABBCC,
            DmaLength = 0x1000,
        };
        Span<byte> headers = stackalloc byte[OpcodeTable.HeaderBytesMax];
        int bytes = PacketCodec.EncodeHeaders(packet, headers);
        Assert.Equal("1C00FFFF0001020380040506" + "00000011" + "112233445566778899AABBCC00001000", Convert.ToHexString(headers[..bytes]));
    }

    [Fact]
    public void A_masked_atomic_has_its_masks_after_the_operands()
    {
        var packet = new Packet
        {
            Opcode = Opcode.RcMaskedCompareSwap,
            PartitionKey = 0xFFFF,
            RemoteAddress = 1,
            RemoteKey = 2,
            SwapOrAdd = 3,
            Compare = 4,
            CompareMaskOrBoundary = 5,
            SwapMask = 6,
        };
        Span<byte> headers = stackalloc byte[OpcodeTable.HeaderBytesMax];
        int bytes = PacketCodec.EncodeHeaders(packet, headers);
        Assert.Equal(
            "D300FFFF0000000000000000" + "0000000000000001" + "00000002" + "0000000000000003" + "0000000000000004" + "0000000000000005" + "0000000000000006",
            Convert.ToHexString(headers[..bytes]));
    }

    [Fact]
    public void A_congestion_notification_has_becn_set_and_sixteen_reserved_bytes()
    {
        Span<byte> headers = stackalloc byte[OpcodeTable.HeaderBytesMax];
        headers.Fill(0xEE);
        int bytes = PacketCodec.EncodeHeaders(
            new Packet { Opcode = Opcode.CongestionNotification, PartitionKey = 0xFFFF, DestinationQpn = 0x42 }, headers);
        Assert.Equal("8100FFFF4000004200000000" + new string('0', 32), Convert.ToHexString(headers[..bytes]));
    }

    [Fact]
    public void Fields_wider_than_on_the_wire_do_not_spill_into_their_neighbours()
    {
        Span<byte> headers = stackalloc byte[OpcodeTable.HeaderBytesMax];
        int bytes = PacketCodec.EncodeHeaders(
            new Packet { Opcode = Opcode.UdSendOnly, DestinationQpn = uint.MaxValue, SourceQpn = uint.MaxValue }, headers);
        Assert.Equal("6400000000FFFFFF00000000" + "0000000000FFFFFF", Convert.ToHexString(headers[..bytes]));
        PacketCodec.EncodeHeaders(new Packet { Opcode = Opcode.RcAcknowledge, MessageSequenceNumber = uint.MaxValue, Syndrome = 0x1F }, headers);
        Assert.Equal("1FFFFFFF", Convert.ToHexString(headers[12..16]));
    }

    [Fact]
    public void Encoding_refuses_an_unknown_opcode_and_a_short_buffer()
    {
        Assert.Throws<ArgumentException>(() => PacketCodec.EncodeHeaders(new Packet { Opcode = (Opcode)0x15 }, new byte[64]));
        Assert.Throws<ArgumentException>(() => PacketCodec.EncodeHeaders(new Packet { Opcode = Opcode.RcReadRequest }, new byte[27]));
        Assert.Equal(28, PacketCodec.EncodeHeaders(new Packet { Opcode = Opcode.RcReadRequest }, new byte[28]));
    }
}
