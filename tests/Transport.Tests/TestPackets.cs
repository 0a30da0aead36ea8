using RoceEngine.Wire;

namespace Transport.Tests;

internal static unsafe class TestPackets
{
    /// <summary>A packet with every field of its opcode set to something that depends on <paramref name="psn"/>.</summary>
    public static Packet Make(Opcode opcode, uint psn = 1)
    {
        PacketTraits traits = OpcodeTable.For(opcode).Traits;
        var packet = new Packet
        {
            Opcode = opcode,
            PartitionKey = 0xFFFF,
            DestinationQpn = (0x123456 + psn) & 0xFFFFFF,
            Psn = new Psn(psn),
            PsnCount = 1,
            Flags = psn % 2 == 0 ? PacketFlags.AcknowledgeRequest : PacketFlags.SolicitedEvent,
        };
        if ((traits & (PacketTraits.HasReth | PacketTraits.HasAtomicEth)) != 0)
        {
            packet.RemoteAddress = 0x1122_3344_5566_7788ul + psn;
            packet.RemoteKey = 0xABCD_0000 + psn;
        }
        if ((traits & PacketTraits.HasReth) != 0)
            packet.DmaLength = 1000 + psn;
        if ((traits & PacketTraits.HasAtomicEth) != 0)
            (packet.SwapOrAdd, packet.Compare) = (77 + psn, 88 + psn);
        if ((traits & PacketTraits.HasAeth) != 0)
            (packet.Syndrome, packet.MessageSequenceNumber) = ((byte)(psn & 31), 0x5000 + psn);
        if ((traits & PacketTraits.HasAtomicAckEth) != 0)
            packet.OriginalValue = 99 + psn;
        if ((traits & (PacketTraits.HasImmediate | PacketTraits.HasInvalidateKey)) != 0)
            packet.ImmediateOrKey = 0xCAFE_0000 + psn;
        if ((traits & PacketTraits.HasDeth) != 0)
            (packet.QueueKey, packet.SourceQpn) = (0x1111_1111, 0x77 + psn);
        return packet;
    }

    /// <summary>The same with the payload in one piece.</summary>
    public static Packet WithPayload(Packet packet, MemorySegment* segment)
    {
        packet.Segments = segment;
        packet.SegmentCount = segment->Bytes == 0 ? 0 : 1;
        packet.PayloadBytes = segment->Bytes;
        return packet;
    }

    /// <summary>Every opcode that the table knows.</summary>
    public static IEnumerable<Opcode> AllOpcodes => Enum.GetValues<Opcode>().Where(opcode => OpcodeTable.For(opcode).IsKnown);

    /// <summary>Equal in all fields that travel.</summary>
    public static void AssertSameFields(in Packet expected, in Packet actual)
    {
        Packet left = expected;
        Packet right = actual;
        left.Segments = right.Segments = null;
        left.SegmentCount = right.SegmentCount = 0;
        left.PadCount = right.PadCount;
        (left.TrafficClass, left.HopLimit) = (right.TrafficClass, right.HopLimit);
        Assert.Equal((byte)PacketCodec.PadBytes(expected.PayloadBytes), actual.PadCount);
        var leftBytes = new ReadOnlySpan<byte>(&left, sizeof(Packet));
        var rightBytes = new ReadOnlySpan<byte>(&right, sizeof(Packet));
        Assert.True(leftBytes.SequenceEqual(rightBytes), $"{expected.Opcode} PSN {expected.Psn} came back as {actual.Opcode} PSN {actual.Psn}");
    }
}
