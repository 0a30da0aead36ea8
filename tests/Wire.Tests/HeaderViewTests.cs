using RoceEngine.Wire;

namespace Wire.Tests;

public class HeaderViewTests
{
    private static readonly byte[] Counting = [.. Enumerable.Range(1, 40).Select(i => (byte)(0x10 + i))];

    [Fact]
    public void Bth_fields_lie_where_the_specification_has_them()
    {
        byte[] bytes = [0x0A, 0xC0 | 0x20 | 0x05, 0xAB, 0xCD, 0x77, 0x12, 0x34, 0x56, 0xFF, 0x65, 0x43, 0x21];
        Assert.True(BthView.TryBind(bytes, out BthView bth));
        Assert.Equal(Opcode.RcWriteOnly, bth.Opcode);
        Assert.True(bth.SolicitedEvent);
        Assert.True(bth.MigrationRequest);
        Assert.Equal(2, bth.PadCount);
        Assert.Equal(5, bth.TransportVersion);
        Assert.Equal(0xABCD, bth.PartitionKey);
        Assert.Equal(0x77, bth.Reserved8A);
        Assert.Equal(0x123456u, bth.DestinationQpn);
        Assert.True(bth.AcknowledgeRequest);
        Assert.Equal(new Psn(0x654321), bth.Psn);
        Assert.Equal(PacketFlags.SolicitedEvent | PacketFlags.MigrationRequest | PacketFlags.AcknowledgeRequest, bth.Flags);
    }

    [Theory]
    [InlineData(1, 0x80, PacketFlags.SolicitedEvent)]
    [InlineData(1, 0x40, PacketFlags.MigrationRequest)]
    [InlineData(8, 0x80, PacketFlags.AcknowledgeRequest)]
    [InlineData(8, 0x7F, PacketFlags.None)]
    public void Bth_flags_are_told_apart(int offset, byte value, PacketFlags expected)
    {
        byte[] bytes = new byte[BthView.Length];
        bytes[offset] = value;
        Assert.True(BthView.TryBind(bytes, out BthView bth));
        Assert.Equal(expected, bth.Flags);
        Assert.Equal(0u, bth.Psn.Value);
    }

    [Fact]
    public void Extension_fields_lie_where_the_specification_has_them()
    {
        Assert.True(RethView.TryBind(Counting, out RethView reth));
        Assert.Equal(0x1112131415161718u, reth.VirtualAddress);
        Assert.Equal(0x191A1B1Cu, reth.RemoteKey);
        Assert.Equal(0x1D1E1F20u, reth.DmaLength);

        Assert.True(AtomicEthView.TryBind(Counting, out AtomicEthView atomic));
        Assert.Equal(0x1112131415161718u, atomic.VirtualAddress);
        Assert.Equal(0x191A1B1Cu, atomic.RemoteKey);
        Assert.Equal(0x1D1E1F2021222324u, atomic.SwapOrAdd);
        Assert.Equal(0x25262728292A2B2Cu, atomic.Compare);

        Assert.True(AethView.TryBind(Counting, out AethView aeth));
        Assert.Equal(0x11, aeth.Syndrome.Value);
        Assert.Equal(0x121314u, aeth.MessageSequenceNumber);

        Assert.True(AtomicAckEthView.TryBind(Counting, out AtomicAckEthView original));
        Assert.Equal(0x1112131415161718u, original.OriginalValue);

        Assert.True(DethView.TryBind(Counting, out DethView deth));
        Assert.Equal(0x11121314u, deth.QueueKey);
        Assert.Equal(0x161718u, deth.SourceQpn);

        Assert.True(ImmDtView.TryBind(Counting, out ImmDtView immediate));
        Assert.Equal(0x11121314u, immediate.Immediate);

        Assert.True(IethView.TryBind(Counting, out IethView invalidate));
        Assert.Equal(0x11121314u, invalidate.RemoteKey);

        Assert.True(FethView.TryBind(Counting, out FethView flush));
        Assert.Equal(0x11121314u, flush.Bits);

        Assert.True(AtomicMasksView.TryBind(Counting, out AtomicMasksView masks));
        Assert.Equal(0x1112131415161718u, masks.CompareMaskOrBoundary);
        Assert.Equal(0x191A1B1C1D1E1F20u, masks.SwapMask);
    }

    private delegate bool Bind(ReadOnlySpan<byte> bytes);

    [Fact]
    public void A_view_binds_from_its_length_on_and_not_below()
    {
        (int Length, Bind Bind)[] views =
        [
            (12, bytes => BthView.TryBind(bytes, out _)),
            (16, bytes => RethView.TryBind(bytes, out _)),
            (28, bytes => AtomicEthView.TryBind(bytes, out _)),
            (4, bytes => AethView.TryBind(bytes, out _)),
            (8, bytes => AtomicAckEthView.TryBind(bytes, out _)),
            (8, bytes => DethView.TryBind(bytes, out _)),
            (4, bytes => ImmDtView.TryBind(bytes, out _)),
            (4, bytes => IethView.TryBind(bytes, out _)),
            (4, bytes => FethView.TryBind(bytes, out _)),
            (16, bytes => AtomicMasksView.TryBind(bytes, out _)),
        ];
        foreach (var (length, bind) in views)
        {
            for (int bytes = 0; bytes <= Counting.Length; bytes++)
            {
                Assert.Equal(bytes >= length, bind(Counting.AsSpan(0, bytes)));
            }
        }
    }
}
