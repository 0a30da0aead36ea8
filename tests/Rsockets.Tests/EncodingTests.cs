using RoceEngine.Rsockets;

namespace Rsockets.Tests;

/// <summary>The bytes and numbers that stock peers expect: rdma-core, <c>librdmacm/docs/rsocket</c> and <c>struct rs_conn_data</c>.</summary>
public sealed class EncodingTests
{
    [Fact]
    public void Connection_data_lies_as_a_stock_peer_reads_it()
    {
        byte[] bytes = new ConnectionData
        {
            Credits = 384,
            MappingCount = 512,
            Targets = new RemoteBuffer(0x0102_0304_0506_0708, 0x1122_3344, 2),
            FirstTarget = new RemoteBuffer(0x7F00_1234_5678_0000, 0xAABB_CCDD, 0x10000),
        }.Write();
        Assert.Equal(
            "0102018000000082" + "0102030405060708" + "11223344" + "00000002" + "7F00123456780000" + "AABBCCDD" + "00010000",
            Convert.ToHexString(bytes));
        ConnectionData read = ConnectionData.Read(bytes)!;
        Assert.Equal((384, 512, false), (read.Credits, read.MappingCount, read.IsBigEndian));
        Assert.Equal(new RemoteBuffer(0x0102_0304_0506_0708, 0x1122_3344, 2), read.Targets);
        Assert.Equal(new RemoteBuffer(0x7F00_1234_5678_0000, 0xAABB_CCDD, 0x10000), read.FirstTarget);
    }

    [Fact]
    public void Connection_data_of_an_old_or_foreign_peer_is_understood_or_refused()
    {
        byte[] bytes = new ConnectionData { Credits = 1, MappingCount = 3, Targets = new(1, 2, 2), FirstTarget = new(3, 4, 5) }.Write();
        bytes[1] = 1;
        Assert.True(ConnectionData.Read(bytes) is { IsBigEndian: true, MappingCount: 0 });
        Assert.Null(ConnectionData.Read(bytes.AsSpan(0, ConnectionData.Bytes - 1)));
        bytes[23] = 1;
        Assert.Null(ConnectionData.Read(bytes));
        bytes[23] = 2;
        bytes[0] = 2;
        Assert.Null(ConnectionData.Read(bytes));
    }

    [Theory]
    [InlineData(MessageKind.Data, 0x1234u, 0x0000_1234u)]
    [InlineData(MessageKind.Data, 0x1FFF_FFFFu, 0x1FFF_FFFFu)]
    [InlineData(MessageKind.Credits, 384u, 0x8000_0180u)]
    [InlineData(MessageKind.Mapping, 7u, 0xC000_0007u)]
    [InlineData(MessageKind.Control, (uint)ControlMessage.Disconnect, 0xE000_0000u)]
    [InlineData(MessageKind.Control, (uint)ControlMessage.Shutdown, 0xE000_0002u)]
    public void Messages_are_these_numbers(MessageKind kind, uint value, uint immediate)
    {
        Assert.Equal(immediate, new Message(kind, value).ToImmediate());
        Assert.Equal(new Message(kind, value), Message.Of(immediate));
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 1, 1)]
    [InlineData(128, 128, 128)]
    [InlineData(129, 0x80, 128)]
    [InlineData(256, 0x81, 256)]
    [InlineData(1000, 0x83, 768)]
    [InlineData(32_512, 0xFF, 32_512)]
    [InlineData(1_000_000, 0xFF, 32_512)]
    public void Sizes_of_tables_are_scaled(int value, byte bits, int read)
    {
        Assert.Equal(bits, ScaledNumber.Write(value));
        Assert.Equal(read, ScaledNumber.Read(bits));
    }

    [Fact]
    public void Entries_of_lists_are_in_the_byte_order_of_their_reader()
    {
        byte[] bytes = new byte[MappedBuffer.Bytes];
        MappedBuffer mapped = new(0x1122, new RemoteBuffer(0x0102_0304_0506_0708, 0xA1A2_A3A4, 0x10));
        mapped.Write(bytes, isBigEndian: false);
        Assert.Equal("2211000000000000" + "0807060504030201" + "A4A3A2A1" + "10000000", Convert.ToHexString(bytes));
        Assert.Equal(mapped, MappedBuffer.Read(bytes, isBigEndian: false));
        mapped.Write(bytes, isBigEndian: true);
        Assert.Equal("0000000000001122" + "0102030405060708" + "A1A2A3A4" + "00000010", Convert.ToHexString(bytes));
        Assert.Equal(mapped, MappedBuffer.Read(bytes, isBigEndian: true));
    }
}
