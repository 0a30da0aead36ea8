using RoceEngine.Wire;

namespace Wire.Tests;

public class OpcodeTableTests
{
    /// <summary>Written out from the specification, apart from the table: opcode, name, extension bytes after the 12 of the BTH, payload.</summary>
    private static readonly (byte Opcode, string Name, int ExtensionBytes, bool HasPayload)[] Specification =
    [
        (0x00, "RC_SEND_FIRST", 0, true), (0x01, "RC_SEND_MIDDLE", 0, true), (0x02, "RC_SEND_LAST", 0, true),
        (0x03, "RC_SEND_LAST_WITH_IMMEDIATE", 4, true), (0x04, "RC_SEND_ONLY", 0, true),
        (0x05, "RC_SEND_ONLY_WITH_IMMEDIATE", 4, true), (0x06, "RC_RDMA_WRITE_FIRST", 16, true),
        (0x07, "RC_RDMA_WRITE_MIDDLE", 0, true), (0x08, "RC_RDMA_WRITE_LAST", 0, true),
        (0x09, "RC_RDMA_WRITE_LAST_WITH_IMMEDIATE", 4, true), (0x0A, "RC_RDMA_WRITE_ONLY", 16, true),
        (0x0B, "RC_RDMA_WRITE_ONLY_WITH_IMMEDIATE", 20, true), (0x0C, "RC_RDMA_READ_REQUEST", 16, false),
        (0x0D, "RC_RDMA_READ_RESPONSE_FIRST", 4, true), (0x0E, "RC_RDMA_READ_RESPONSE_MIDDLE", 0, true),
        (0x0F, "RC_RDMA_READ_RESPONSE_LAST", 4, true), (0x10, "RC_RDMA_READ_RESPONSE_ONLY", 4, true),
        (0x11, "RC_ACKNOWLEDGE", 4, false), (0x12, "RC_ATOMIC_ACKNOWLEDGE", 12, false),
        (0x13, "RC_COMPARE_SWAP", 28, false), (0x14, "RC_FETCH_ADD", 28, false),
        (0x16, "RC_SEND_LAST_WITH_INVALIDATE", 4, true), (0x17, "RC_SEND_ONLY_WITH_INVALIDATE", 4, true),
        (0x1C, "RC_FLUSH", 20, false), (0x1D, "RC_ATOMIC_WRITE", 16, true),
        (0xD3, "RC_MASKED_COMPARE_SWAP", 44, false), (0xD4, "RC_MASKED_FETCH_ADD", 44, false),
        (0xD5, "RC_PAUSE", 0, false), (0xD6, "RC_RESUME", 0, false),
        (0x20, "UC_SEND_FIRST", 0, true), (0x21, "UC_SEND_MIDDLE", 0, true), (0x22, "UC_SEND_LAST", 0, true),
        (0x23, "UC_SEND_LAST_WITH_IMMEDIATE", 4, true), (0x24, "UC_SEND_ONLY", 0, true),
        (0x25, "UC_SEND_ONLY_WITH_IMMEDIATE", 4, true), (0x26, "UC_RDMA_WRITE_FIRST", 16, true),
        (0x27, "UC_RDMA_WRITE_MIDDLE", 0, true), (0x28, "UC_RDMA_WRITE_LAST", 0, true),
        (0x29, "UC_RDMA_WRITE_LAST_WITH_IMMEDIATE", 4, true), (0x2A, "UC_RDMA_WRITE_ONLY", 16, true),
        (0x2B, "UC_RDMA_WRITE_ONLY_WITH_IMMEDIATE", 20, true),
        (0x64, "UD_SEND_ONLY", 8, true), (0x65, "UD_SEND_ONLY_WITH_IMMEDIATE", 12, true),
        (0x81, "CNP", 16, false),
    ];

    [Fact]
    public void Each_opcode_has_the_headers_of_the_specification_and_no_other_opcode_is_known()
    {
        var expected = Specification.ToDictionary(row => row.Opcode);
        for (int value = 0; value < 256; value++)
        {
            ref readonly OpcodeInfo info = ref OpcodeTable.For((Opcode)value);
            if (!expected.TryGetValue((byte)value, out var row))
            {
                Assert.False(info.IsKnown, $"0x{value:x2}");
                Assert.Equal(PacketTraits.None, info.Traits);
                Assert.Equal($"0x{value:x2}", OpcodeTable.NameOf((Opcode)value));
                continue;
            }

            Assert.Equal(row.Name, info.Name);
            Assert.Equal(12 + row.ExtensionBytes, info.HeaderBytes);
            Assert.Equal(row.HasPayload, info.HasAny(PacketTraits.HasPayload));
            Assert.True(info.HeaderBytes <= OpcodeTable.HeaderBytesMax);
        }
    }

    [Fact]
    public void The_enum_and_the_table_have_the_same_opcodes() =>
        Assert.Equal(Specification.Select(row => (Opcode)row.Opcode).Order(), Enum.GetValues<Opcode>().Order());

    [Fact]
    public void Every_message_packet_has_one_position_and_one_direction()
    {
        foreach (Opcode opcode in Enum.GetValues<Opcode>().Where(IsOfMessages))
        {
            OpcodeInfo info = OpcodeTable.For(opcode);
            PacketTraits position = info.Traits & (PacketTraits.First | PacketTraits.Middle | PacketTraits.Last | PacketTraits.Only);
            PacketTraits direction = info.Traits & (PacketTraits.Request | PacketTraits.Response);
            Assert.Equal(1, System.Numerics.BitOperations.PopCount((uint)position));
            Assert.Equal(1, System.Numerics.BitOperations.PopCount((uint)direction));
            Assert.Equal(position is PacketTraits.First or PacketTraits.Only, info.HasAny(PacketTraits.StartsMessage));
            Assert.Equal(position is PacketTraits.Last or PacketTraits.Only, info.HasAny(PacketTraits.EndsMessage));
            Assert.Equal(info.Name!.Contains("_FIRST"), position == PacketTraits.First);
            Assert.Equal(info.Name.Contains("_MIDDLE"), position == PacketTraits.Middle);
            Assert.Equal(info.Name.Contains("_LAST"), position == PacketTraits.Last);
        }
    }

    private static bool IsOfMessages(Opcode opcode) =>
        opcode != Opcode.CongestionNotification && !OpcodeTable.For(opcode).HasAny(PacketTraits.DeviceNotice);

    [Fact]
    public void Receives_are_consumed_by_sends_and_by_writes_with_immediate()
    {
        foreach (Opcode opcode in Enum.GetValues<Opcode>())
        {
            OpcodeInfo info = OpcodeTable.For(opcode);
            bool expected = info.Name!.Contains("SEND") || (info.Name.Contains("WRITE") && info.Name.Contains("IMMEDIATE"));
            Assert.Equal(expected, info.HasAny(PacketTraits.ConsumesReceive));
            Assert.Equal(info.Name.Contains("IMMEDIATE"), info.HasAny(PacketTraits.HasImmediate));
            Assert.Equal(info.Name.Contains("INVALIDATE"), info.HasAny(PacketTraits.HasInvalidateKey));
        }
    }

    [Fact]
    public void Requests_that_need_a_response_are_reads_atomics_flushes_and_atomic_writes()
    {
        string[] names = ["READ_REQUEST", "COMPARE_SWAP", "FETCH_ADD", "FLUSH", "ATOMIC_WRITE"];
        foreach (Opcode opcode in Enum.GetValues<Opcode>())
        {
            OpcodeInfo info = OpcodeTable.For(opcode);
            Assert.Equal(names.Any(info.Name!.Contains), info.HasAny(PacketTraits.NeedsResponse));
            Assert.Equal(info.Name!.Contains("MASKED"), info.HasAny(PacketTraits.HasAtomicMasks));
        }
    }

    [Fact]
    public void The_service_is_the_opcodes_upper_bits()
    {
        Assert.Equal(OpcodeService.ReliableConnection, OpcodeTable.ServiceOf(Opcode.RcFetchAdd));
        Assert.Equal(OpcodeService.UnreliableConnection, OpcodeTable.ServiceOf(Opcode.UcWriteOnly));
        Assert.Equal(OpcodeService.UnreliableDatagram, OpcodeTable.ServiceOf(Opcode.UdSendOnly));
        Assert.Equal(OpcodeService.CongestionNotification, OpcodeTable.ServiceOf(Opcode.CongestionNotification));
        Assert.Equal(OpcodeService.ReliableConnection, OpcodeTable.ServiceOf(Opcode.RcAtomicWrite));
        Assert.Equal(OpcodeService.Manufacturer, OpcodeTable.ServiceOf(Opcode.RcMaskedFetchAdd));
    }
}
