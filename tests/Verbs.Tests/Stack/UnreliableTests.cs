namespace RoceEngine.Verbs.Tests;

/// <summary>UC through the whole stack.</summary>
public abstract class UnreliableTests(StackMode mode)
{
    private const int Target = (2 << 20) + 5;

    public static TheoryData<int> Sizes => new(0, 1, 1024, 1025, 9_999, 40_000);

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Sends_and_writes_arrive_whole(int bytes)
    {
        using var duo = new Duo(mode, new EndpointOptions { Type = QueuePairType.Uc });
        byte[] sent = duo.Left.Fill(13, bytes, seed: bytes);
        duo.Right.Receive(1, Target, bytes);
        duo.Left.Post(SendOpcode.SendWithImmediate, 13, bytes, id: 9, immediate: 77);
        WorkCompletion received = duo.NextSuccess(duo.Right.ReceiveQueue);
        Assert.Equal((1ul, (uint)bytes, 77u, CompletionFlags.WithImmediate), (received.WorkRequestId, received.ByteLength, received.ImmediateData, received.Flags));
        Assert.True(duo.Right.Bytes(Target, bytes).SequenceEqual(sent));
        Assert.Equal((9ul, WorkCompletionOpcode.Send), IdAndOpcode(duo.NextSuccess(duo.Left.SendQueue)));

        sent = duo.Left.Fill(13, bytes, seed: bytes + 1);
        duo.Right.QueuePair.PostReceive(2, []);
        duo.Left.Post(SendOpcode.WriteWithImmediate, 13, bytes, 10, duo.Right, Target, immediate: 78);
        received = duo.NextSuccess(duo.Right.ReceiveQueue);
        Assert.Equal((2ul, (uint)bytes, 78u), (received.WorkRequestId, received.ByteLength, received.ImmediateData));
        Assert.Equal(WorkCompletionOpcode.ReceiveWriteWithImmediate, received.Opcode);
        Assert.True(duo.Right.Bytes(Target, bytes).SequenceEqual(sent));
        Assert.Equal((10ul, WorkCompletionOpcode.Write), IdAndOpcode(duo.NextSuccess(duo.Left.SendQueue)));
    }

    [Fact]
    public void A_message_without_a_receive_is_lost_and_the_next_one_arrives()
    {
        using var duo = new Duo(mode, new EndpointOptions { Type = QueuePairType.Uc });
        byte[] before = duo.Right.Fill(0, 3_000, seed: 1);
        byte[] written = duo.Left.Fill(0, 3_000, seed: 2);
        duo.Left.Post(SendOpcode.Send, 0, 3_000, id: 1);
        duo.Left.Post(SendOpcode.Write, 0, 3_000, 2, duo.Right, Target);
        duo.Until(() => duo.Right.Bytes(Target, 3_000).SequenceEqual(written), "the write did not arrive");
        Assert.Equal(1ul, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
        Assert.Equal(2ul, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
        duo.Right.Receive(3, 0, 3_000);
        Assert.True(duo.Right.Bytes(0, 3_000).SequenceEqual(before));
        duo.Left.Post(SendOpcode.Send, 0, 3_000, id: 4);
        Assert.Equal(3ul, duo.NextSuccess(duo.Right.ReceiveQueue).WorkRequestId);
        Assert.True(duo.Right.Bytes(0, 3_000).SequenceEqual(written));
        Assert.Equal(QueuePairState.ReadyToSend, duo.Right.QueuePair.Query().State);
    }

    [Fact]
    public void A_write_that_the_peer_refuses_is_lost_without_a_word()
    {
        using var duo = new Duo(mode, new EndpointOptions { Type = QueuePairType.Uc });
        byte[] before = duo.Right.Fill(Target, 64, seed: 1);
        duo.Left.QueuePair.PostSend(
            new SendRequest
            {
                WorkRequestId = 1, Opcode = SendOpcode.Write, Flags = SendFlags.Signaled, RemoteAddress = duo.Right.Region.Address + Target,
                RemoteKey = duo.Right.Region.RemoteKey ^ 0x5A00,
            },
            duo.Left.Region.Entry(0, 64));
        Assert.Equal(1ul, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
        duo.Right.Receive(2, 0, 64);
        duo.Left.Post(SendOpcode.Send, 0, 64);
        Assert.Equal(2ul, duo.NextSuccess(duo.Right.ReceiveQueue).WorkRequestId);
        Assert.True(duo.Right.Bytes(Target, 64).SequenceEqual(before));
    }

    [Fact]
    public void A_local_violation_stops_the_sends_until_they_are_let_go_on()
    {
        using var duo = new Duo(mode, new EndpointOptions { Type = QueuePairType.Uc });
        ScatterGatherEntry bad = duo.Left.Region.Entry(0, 64);
        bad.LocalKey ^= 0x3300;
        duo.Left.QueuePair.PostSend(new SendRequest { WorkRequestId = 1, Opcode = SendOpcode.Send }, bad);
        WorkCompletion failed = duo.Next(duo.Left.SendQueue);
        Assert.Equal((1ul, CompletionStatus.LocalProtectionError), (failed.WorkRequestId, failed.Status));
        Assert.Equal(QueuePairState.SendQueueError, duo.Left.QueuePair.Query().State);
        duo.Left.QueuePair.ToReadyToSendAgain();
        duo.Right.Receive(2, 0, 64);
        duo.Left.Post(SendOpcode.Send, 0, 64, id: 3);
        Assert.Equal(3ul, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
        Assert.Equal(2ul, duo.NextSuccess(duo.Right.ReceiveQueue).WorkRequestId);
    }

    private static (ulong Id, WorkCompletionOpcode Opcode) IdAndOpcode(WorkCompletion completion) => (completion.WorkRequestId, completion.Opcode);
}
