using System.Buffers.Binary;
using CsCheck;
using RoceEngine.Channel;

namespace RoceEngine.Channel.Tests;

public class FrameAssemblerTests
{
    private const int Limit = 4096;

    [Fact]
    public void Messages_come_out_as_they_went_in_however_the_stream_is_cut()
    {
        Gen<byte[][]> messages = Gen.Byte.Array[0, 300].Array[0, 20];
        Gen.Select(messages, Gen.Int[1, 97].Array[1, 50]).Sample((sent, cuts) =>
        {
            byte[] stream = [.. sent.SelectMany(message => FrameAssembler.Frame(message))];
            var assembler = new FrameAssembler(Limit);
            var received = new List<byte[]>();
            for (int at = 0, cut = 0; at < stream.Length; cut++)
            {
                int bytes = Math.Min(cuts[cut % cuts.Length], stream.Length - at);
                assembler.Append(stream.AsSpan(at, bytes));
                at += bytes;
                while (assembler.TryTake(out ReadOnlySpan<byte> frame))
                    received.Add(frame.ToArray());
            }
            return received.Count == sent.Length
                && received.Zip(sent).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second))
                && assembler.PendingBytes == 0;
        });
    }

    [Theory]
    [InlineData(0x8000_0000u)]
    [InlineData(uint.MaxValue)]
    [InlineData(Limit + 1u)]
    public void A_length_beyond_the_limit_is_told_and_nothing_comes_after_it(uint announced)
    {
        var assembler = new FrameAssembler(Limit);
        byte[] head = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(head, announced);
        assembler.Append(head);
        Assert.False(assembler.TryTake(out _));
        Assert.Equal(announced, assembler.OversizedBytes);
        assembler.Append(FrameAssembler.Frame([1, 2, 3]));
        Assert.False(assembler.TryTake(out _));
    }

    [Fact]
    public void A_message_of_exactly_the_limit_is_taken()
    {
        var assembler = new FrameAssembler(Limit);
        assembler.Append(FrameAssembler.Frame(new byte[Limit]));
        Assert.True(assembler.TryTake(out ReadOnlySpan<byte> frame));
        Assert.Equal(Limit, frame.Length);
        Assert.Equal(-1, assembler.OversizedBytes);
    }
}
