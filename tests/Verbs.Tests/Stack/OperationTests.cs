using System.Buffers.Binary;

namespace RoceEngine.Verbs.Tests;

/// <summary>Each operation once, every byte checked, its neighbours too.</summary>
public abstract class OperationTests(StackMode mode)
{
    private const int Source = 13;
    private const int Target = (2 << 20) + 5;
    private const int Guard = 64;

    public static TheoryData<int> Sizes => new(0, 1, 7, 256, 4096, 4097, 65536, (1 << 20) + 3);

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_send_fills_the_receive(int bytes)
    {
        using var duo = new Duo(mode);
        byte[] sent = duo.Left.Fill(Source, bytes, seed: bytes);
        byte[] around = PrepareTarget(duo.Right, bytes);
        duo.Right.Receive(7, Target, bytes);
        duo.Left.Post(SendOpcode.Send, Source, bytes, id: 9);
        WorkCompletion received = duo.NextSuccess(duo.Right.ReceiveQueue);
        Assert.Equal((7ul, WorkCompletionOpcode.Receive, (uint)bytes), (received.WorkRequestId, received.Opcode, received.ByteLength));
        Assert.Equal((duo.Right.QueuePair.Number, CompletionFlags.None), (received.QueuePairNumber, received.Flags));
        AssertTarget(duo.Right, sent, around);
        WorkCompletion done = duo.NextSuccess(duo.Left.SendQueue);
        Assert.Equal((9ul, WorkCompletionOpcode.Send, duo.Left.QueuePair.Number), (done.WorkRequestId, done.Opcode, done.QueuePairNumber));
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_send_with_immediate_brings_the_number(int bytes)
    {
        using var duo = new Duo(mode);
        byte[] sent = duo.Left.Fill(Source, bytes, seed: bytes + 1);
        byte[] around = PrepareTarget(duo.Right, bytes);
        duo.Right.Receive(7, Target, bytes);
        duo.Left.Post(SendOpcode.SendWithImmediate, Source, bytes, immediate: 0xA1B2C3D4);
        WorkCompletion received = duo.NextSuccess(duo.Right.ReceiveQueue);
        Assert.Equal((CompletionFlags.WithImmediate, 0xA1B2C3D4u, (uint)bytes), (received.Flags, received.ImmediateData, received.ByteLength));
        AssertTarget(duo.Right, sent, around);
        duo.NextSuccess(duo.Left.SendQueue);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_write_lands_where_it_was_told(int bytes)
    {
        using var duo = new Duo(mode);
        byte[] sent = duo.Left.Fill(Source, bytes, seed: bytes + 2);
        byte[] around = PrepareTarget(duo.Right, bytes);
        duo.Left.Post(SendOpcode.Write, Source, bytes, id: 3, duo.Right, Target);
        WorkCompletion done = duo.NextSuccess(duo.Left.SendQueue);
        Assert.Equal((3ul, WorkCompletionOpcode.Write), (done.WorkRequestId, done.Opcode));
        AssertTarget(duo.Right, sent, around);
        Assert.Equal(0, duo.Right.ReceiveQueue.Poll(new WorkCompletion[1]));
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_write_with_immediate_consumes_a_receive_and_not_its_memory(int bytes)
    {
        using var duo = new Duo(mode);
        byte[] sent = duo.Left.Fill(Source, bytes, seed: bytes + 3);
        byte[] around = PrepareTarget(duo.Right, bytes);
        duo.Right.QueuePair.PostReceive(11, []);
        duo.Left.Post(SendOpcode.WriteWithImmediate, Source, bytes, id: 4, duo.Right, Target, immediate: 77);
        WorkCompletion received = duo.NextSuccess(duo.Right.ReceiveQueue);
        Assert.Equal((11ul, WorkCompletionOpcode.ReceiveWriteWithImmediate, (uint)bytes), (received.WorkRequestId, received.Opcode, received.ByteLength));
        Assert.Equal((77u, CompletionFlags.WithImmediate), (received.ImmediateData, received.Flags));
        AssertTarget(duo.Right, sent, around);
        Assert.Equal(WorkCompletionOpcode.Write, duo.NextSuccess(duo.Left.SendQueue).Opcode);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_read_fetches_what_is_there(int bytes)
    {
        using var duo = new Duo(mode);
        byte[] there = duo.Right.Fill(Source, bytes, seed: bytes + 4);
        byte[] around = PrepareTarget(duo.Left, bytes);
        duo.Left.Post(SendOpcode.Read, Target, bytes, id: 5, duo.Right, Source);
        WorkCompletion done = duo.NextSuccess(duo.Left.SendQueue);
        Assert.Equal((5ul, WorkCompletionOpcode.Read, (uint)bytes), (done.WorkRequestId, done.Opcode, done.ByteLength));
        AssertTarget(duo.Left, there, around);
    }

    [Fact]
    public void Atomics_return_the_old_value_and_change_the_new_one()
    {
        using var duo = new Duo(mode);
        BinaryPrimitives.WriteUInt64LittleEndian(duo.Right.Bytes(64, 8), 100);
        (SendOpcode Opcode, ulong CompareAdd, ulong Swap, ulong Old, ulong New)[] steps =
        [
            (SendOpcode.FetchAdd, 23, 0, 100, 123),
            (SendOpcode.CompareSwap, 999, 5, 123, 123),
            (SendOpcode.CompareSwap, 123, ulong.MaxValue, 123, ulong.MaxValue),
            (SendOpcode.FetchAdd, 2, 0, ulong.MaxValue, 1),
        ];
        foreach ((SendOpcode opcode, ulong compareAdd, ulong swap, ulong old, ulong after) in steps)
        {
            duo.Left.QueuePair.PostSend(
                new SendRequest
                {
                    Opcode = opcode, Flags = SendFlags.Signaled, CompareAdd = compareAdd, Swap = swap,
                    RemoteAddress = duo.Right.Region.Address + 64, RemoteKey = duo.Right.Region.RemoteKey,
                },
                duo.Left.Region.Entry(16, 8));
            WorkCompletion done = duo.NextSuccess(duo.Left.SendQueue);
            Assert.Equal(opcode == SendOpcode.FetchAdd ? WorkCompletionOpcode.FetchAdd : WorkCompletionOpcode.CompareSwap, done.Opcode);
            Assert.Equal(8u, done.ByteLength);
            Assert.Equal(old, BinaryPrimitives.ReadUInt64LittleEndian(duo.Left.Bytes(16, 8)));
            Assert.Equal(after, BinaryPrimitives.ReadUInt64LittleEndian(duo.Right.Bytes(64, 8)));
        }
    }

    [Theory]
    [InlineData(0, 200)]
    [InlineData(1, 200)]
    [InlineData(63, 200)]
    [InlineData(200, 200)]
    [InlineData(16, 0)]
    public void Inline_bytes_need_no_registration_and_may_be_reused_at_once(int bytes, int asked)
    {
        using var duo = new Duo(mode, new EndpointOptions { InlineBytes = asked });
        Assert.InRange(duo.Left.QueuePair.InlineBytes, Math.Max(asked, bytes), int.MaxValue);
        byte[] data = new byte[bytes];
        new Random(bytes).NextBytes(data);
        byte[] sent = [.. data];
        byte[] around = PrepareTarget(duo.Right, bytes);
        duo.Left.QueuePair.PostSendInline(
            new SendRequest
            {
                Opcode = SendOpcode.Write, Flags = SendFlags.Signaled,
                RemoteAddress = duo.Right.Region.Address + Target, RemoteKey = duo.Right.Region.RemoteKey,
            },
            data);
        data.AsSpan().Fill(0xEE);
        duo.NextSuccess(duo.Left.SendQueue);
        AssertTarget(duo.Right, sent, around);

        duo.Right.Receive(1, Source, 200);
        duo.Left.QueuePair.PostSendInline(new SendRequest { Opcode = SendOpcode.Send }, sent);
        Assert.Equal((uint)bytes, duo.NextSuccess(duo.Right.ReceiveQueue).ByteLength);
        Assert.Equal(sent, duo.Right.Bytes(Source, bytes).ToArray());
    }

    [Fact]
    public void Scattered_memory_is_gathered_and_scattered_again()
    {
        int[] gather = [1, 0, 4095, 777, 64, 3, 2000, 1, 1, 512, 9, 31, 1024, 5, 100, 6000];
        int[] scatter = [5000, 1, 0, 2, 4096, 15, 1000, 3, 3, 3, 3, 3, 1, 700, 800, 9000];
        using var duo = new Duo(mode, new EndpointOptions { Sges = 16 });
        byte[] all = duo.Left.Fill(0, 1 << 20, seed: 1);
        ScatterGatherEntry[] from = Pieces(duo.Left, gather, out int[] fromOffsets);
        ScatterGatherEntry[] into = Pieces(duo.Right, scatter, out int[] intoOffsets);
        byte[] expected = [.. gather.SelectMany((bytes, i) => all.AsSpan(fromOffsets[i], bytes).ToArray())];

        duo.Right.QueuePair.PostReceive(1, into);
        duo.Left.QueuePair.PostSend(new SendRequest { Opcode = SendOpcode.Send, Flags = SendFlags.Signaled }, from);
        Assert.Equal((uint)expected.Length, duo.NextSuccess(duo.Right.ReceiveQueue).ByteLength);
        duo.NextSuccess(duo.Left.SendQueue);
        Assert.Equal(expected, Collect(duo.Right, scatter, intoOffsets, expected.Length));

        var request = new SendRequest
        {
            Opcode = SendOpcode.Write, Flags = SendFlags.Signaled, RemoteAddress = duo.Right.Region.Address + Target, RemoteKey = duo.Right.Region.RemoteKey,
        };
        duo.Left.QueuePair.PostSend(request, from);
        duo.NextSuccess(duo.Left.SendQueue);
        Assert.Equal(expected, duo.Right.Bytes(Target, expected.Length).ToArray());

        // And a READ of it back into the scattered pieces of the other side.
        duo.Left.Bytes(0, 1 << 20).Clear();
        duo.Left.QueuePair.PostSend(request with { Opcode = SendOpcode.Read }, from);
        duo.NextSuccess(duo.Left.SendQueue);
        Assert.Equal(expected, Collect(duo.Left, gather, fromOffsets, expected.Length));
    }

    [Theory]
    [InlineData(256)]
    [InlineData(512)]
    [InlineData(2048)]
    [InlineData(4096)]
    public void Every_path_mtu_carries_every_operation(int pathMtuBytes)
    {
        const int bytes = 20_001;
        using var duo = new Duo(mode, new EndpointOptions { PathMtuBytes = pathMtuBytes });
        byte[] sent = duo.Left.Fill(Source, bytes, seed: pathMtuBytes);
        duo.Left.Post(SendOpcode.Write, Source, bytes, id: 1, duo.Right, Target);
        duo.NextSuccess(duo.Left.SendQueue);
        Assert.Equal(sent, duo.Right.Bytes(Target, bytes).ToArray());
        duo.Left.Bytes(Source, bytes).Clear();
        duo.Left.Post(SendOpcode.Read, Source, bytes, id: 2, duo.Right, Target);
        duo.NextSuccess(duo.Left.SendQueue);
        Assert.Equal(sent, duo.Left.Bytes(Source, bytes).ToArray());
        duo.Right.Receive(1, Target + 30_000, bytes);
        duo.Left.Post(SendOpcode.Send, Source, bytes);
        duo.NextSuccess(duo.Right.ReceiveQueue);
        Assert.Equal(sent, duo.Right.Bytes(Target + 30_000, bytes).ToArray());
    }

    private static byte[] PrepareTarget(Endpoint end, int bytes) => end.Fill(Target - Guard, bytes + (2 * Guard), seed: 99);

    private static void AssertTarget(Endpoint end, byte[] expected, byte[] around)
    {
        byte[] whole = end.Bytes(Target - Guard, expected.Length + (2 * Guard)).ToArray();
        expected.CopyTo(around, Guard);
        Assert.True(whole.AsSpan().SequenceEqual(around), "the target or its neighbours differ");
    }

    private static ScatterGatherEntry[] Pieces(Endpoint end, int[] bytes, out int[] offsets)
    {
        // Spread out, not in address order, at odd offsets.
        int[] places = [.. Enumerable.Range(0, bytes.Length).Select(i => (((i * 7) + 3) % bytes.Length * 10_007) + 1)];
        offsets = places;
        return [.. bytes.Select((count, i) => end.Region.Entry(places[i], count))];
    }

    private static byte[] Collect(Endpoint end, int[] bytes, int[] offsets, int total)
    {
        var all = new List<byte>();
        for (int i = 0; i < bytes.Length; i++)
            all.AddRange(end.Bytes(offsets[i], Math.Min(bytes[i], total - all.Count)));
        return [.. all];
    }
}
