namespace RoceEngine.Verbs.Tests;

/// <summary>What goes wrong, and what both ends see of it.</summary>
public abstract class ErrorTests(StackMode mode)
{
    private const AccessFlags Everything = AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic;

    public enum Violation
    {
        UnknownKey,
        LocalKeyOfNobody,
        OneByteBeyondTheEnd,
        BeforeTheStart,
        AddressWrapsAround,
        RegionLacksTheRight,
        QueuePairLacksTheRight,
        OtherProtectionDomain,
        DeregisteredKey,
    }

    [Theory]
    [CombinatorialViolations]
    public void A_remote_access_violation_is_reported_at_both_ends(Violation violation, SendOpcode opcode)
    {
        AccessFlags needed = opcode switch
        {
            SendOpcode.Write or SendOpcode.WriteWithImmediate => AccessFlags.RemoteWrite,
            SendOpcode.Read => AccessFlags.RemoteRead,
            _ => AccessFlags.RemoteAtomic,
        };
        using var duo = new Duo(
            mode,
            rightOptions: new EndpointOptions
            {
                RegionAccess = violation == Violation.RegionLacksTheRight ? Everything & ~needed : Everything,
                QueuePairAccess = Everything & ~AccessFlags.LocalWrite & (violation == Violation.QueuePairLacksTheRight ? ~needed : ~AccessFlags.None),
            });
        byte[] before = duo.Right.Fill(0, 4096, seed: 1);
        using ProtectionDomain otherDomain = duo.Right.Context.AllocateProtectionDomain();
        using MemoryRegion otherRegion = otherDomain.RegisterMemory(duo.Right.Memory, Everything);
        MemoryRegion deregistered = duo.Right.Domain.RegisterMemory(duo.Right.Memory, Everything);
        deregistered.Dispose();
        ulong start = duo.Right.Region.Address;
        ulong end = start + (ulong)duo.Right.Region.Length;
        (ulong address, uint key) = violation switch
        {
            Violation.UnknownKey => (start, duo.Right.Region.RemoteKey ^ 0x5A00),
            Violation.LocalKeyOfNobody => (start, 0u),
            Violation.OneByteBeyondTheEnd => (end - (opcode is SendOpcode.FetchAdd ? 0u : 7u), duo.Right.Region.RemoteKey),
            Violation.BeforeTheStart => (start - 8, duo.Right.Region.RemoteKey),
            Violation.AddressWrapsAround => (ulong.MaxValue - 7, duo.Right.Region.RemoteKey),
            Violation.OtherProtectionDomain => (start, otherRegion.RemoteKey),
            Violation.DeregisteredKey => (start, deregistered.RemoteKey),
            _ => (start, duo.Right.Region.RemoteKey),
        };
        duo.Right.Receive(50, 8192, 64);
        duo.Left.QueuePair.PostSend(
            new SendRequest { WorkRequestId = 1, Opcode = opcode, Flags = SendFlags.Signaled, RemoteAddress = address, RemoteKey = key, CompareAdd = 1 },
            duo.Left.Region.Entry(0, 8));
        duo.Left.Post(SendOpcode.Write, 0, 8, 2, duo.Right, 0, SendFlags.None);

        // An operation for which the QP is not set up is an invalid request: IBTA vol. 1, 9.7.5.2.
        bool notSetUp = violation == Violation.QueuePairLacksTheRight;
        WorkCompletion failed = duo.Next(duo.Left.SendQueue);
        Assert.Equal(
            (1ul, notSetUp ? CompletionStatus.RemoteInvalidRequestError : CompletionStatus.RemoteAccessError), (failed.WorkRequestId, failed.Status));
        WorkCompletion flushed = duo.Next(duo.Left.SendQueue);
        Assert.Equal((2ul, CompletionStatus.FlushError), (flushed.WorkRequestId, flushed.Status));
        Assert.Equal(QueuePairState.Error, duo.Left.QueuePair.State);
        Assert.Equal(QueuePairState.Error, duo.Left.QueuePair.Query().State);

        WorkCompletion received = duo.Next(duo.Right.ReceiveQueue);
        Assert.Equal(50ul, received.WorkRequestId);
        Assert.NotEqual(CompletionStatus.Success, received.Status);
        Assert.Equal(QueuePairState.Error, duo.Right.QueuePair.Query().State);
        AsyncEvent told = duo.NextEvent(duo.Right);
        while (told.Type == AsyncEventType.CommunicationEstablished)
            told = duo.NextEvent(duo.Right);
        Assert.Equal(
            (notSetUp ? AsyncEventType.QueuePairRequestError : AsyncEventType.QueuePairAccessError, duo.Right.QueuePair), (told.Type, told.QueuePair));
        Assert.True(duo.Right.Bytes(0, 4096).SequenceEqual(before), "a refused request changed memory");
    }

    [Theory]
    [InlineData(SendOpcode.Write)]
    [InlineData(SendOpcode.Send)]
    [InlineData(SendOpcode.Read)]
    public void A_local_protection_violation_ends_the_queue_pair_and_sends_nothing(SendOpcode opcode)
    {
        using var duo = new Duo(mode);
        byte[] before = duo.Right.Fill(0, 64, seed: 2);
        duo.Right.Receive(1, 0, 64);
        ScatterGatherEntry entry = duo.Left.Region.Entry(0, 64);
        entry.LocalKey ^= 0x3300;
        duo.Left.QueuePair.PostSend(
            new SendRequest
            {
                WorkRequestId = 5, Opcode = opcode, RemoteAddress = duo.Right.Region.Address, RemoteKey = duo.Right.Region.RemoteKey,
            },
            entry);
        WorkCompletion failed = duo.Next(duo.Left.SendQueue);
        Assert.Equal((5ul, CompletionStatus.LocalProtectionError), (failed.WorkRequestId, failed.Status));
        duo.Left.Post(SendOpcode.Send, 0, 8, id: 6);
        Assert.Equal((6ul, CompletionStatus.FlushError), IdAndStatus(duo.Next(duo.Left.SendQueue)));
        Assert.True(duo.Right.Bytes(0, 64).SequenceEqual(before));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_local_range_must_lie_within_its_region(int shape)
    {
        using var duo = new Duo(mode);
        ScatterGatherEntry inside = duo.Left.Region.Entry(duo.Left.Region.Length - 8, 8);
        ScatterGatherEntry bad = shape == 0 ? inside with { Length = 9 } : inside with { Address = ulong.MaxValue - 3 };
        duo.Left.Post(SendOpcode.Write, 0, 8, 1, duo.Right);
        duo.NextSuccess(duo.Left.SendQueue);
        duo.Left.QueuePair.PostSend(
            new SendRequest { Opcode = SendOpcode.Write, RemoteAddress = duo.Right.Region.Address, RemoteKey = duo.Right.Region.RemoteKey }, [inside, bad]);
        Assert.Equal(CompletionStatus.LocalProtectionError, duo.Next(duo.Left.SendQueue).Status);
    }

    [Fact]
    public void A_receive_that_is_too_small_fails_both_ends()
    {
        using var duo = new Duo(mode);
        duo.Right.Receive(3, 0, 999);
        duo.Right.Receive(4, 0, 5_000);
        duo.Left.Post(SendOpcode.Send, 0, 1_000, id: 1);
        Assert.Equal((1ul, CompletionStatus.RemoteInvalidRequestError), IdAndStatus(duo.Next(duo.Left.SendQueue)));
        Assert.Equal((3ul, CompletionStatus.LocalLengthError), IdAndStatus(duo.Next(duo.Right.ReceiveQueue)));
        Assert.Equal((4ul, CompletionStatus.FlushError), IdAndStatus(duo.Next(duo.Right.ReceiveQueue)));
    }

    [Fact]
    public void A_receive_into_memory_without_the_right_fails_both_ends()
    {
        using var duo = new Duo(mode);
        using GuestMemory memory = duo.Right.Context.AllocateMemory(4096);
        using MemoryRegion readOnly = duo.Right.Domain.RegisterMemory(memory, AccessFlags.RemoteRead);
        duo.Right.QueuePair.PostReceive(3, readOnly.Entry());
        duo.Left.Post(SendOpcode.Send, 0, 100, id: 1);
        Assert.Equal((1ul, CompletionStatus.RemoteOperationError), IdAndStatus(duo.Next(duo.Left.SendQueue)));
        Assert.Equal((3ul, CompletionStatus.LocalProtectionError), IdAndStatus(duo.Next(duo.Right.ReceiveQueue)));
    }

    [Fact]
    public void A_misaligned_atomic_is_an_invalid_request()
    {
        using var duo = new Duo(mode);
        duo.Left.Post(SendOpcode.FetchAdd, 0, 8, 1, duo.Right, 4);
        Assert.Equal((1ul, CompletionStatus.RemoteInvalidRequestError), IdAndStatus(duo.Next(duo.Left.SendQueue)));
    }

    [Fact]
    public void A_late_receive_is_waited_for()
    {
        using var duo = new Duo(mode);
        byte[] sent = duo.Left.Fill(0, 10_000, seed: 4);
        duo.Left.Post(SendOpcode.Send, 0, 10_000, id: 1);
        duo.Left.Post(SendOpcode.WriteWithImmediate, 0, 100, 2, duo.Right, 1 << 20, immediate: 8);

        // Long enough for some RNR NAKs (0.64 ms each), and still right if it were not.
        long until = Environment.TickCount64 + 20;
        duo.Until(() => Environment.TickCount64 > until, "time stands still");
        Assert.Equal(0, duo.Left.SendQueue.Poll(new WorkCompletion[1]));
        duo.Right.Receive(1, 0, 10_000);
        Assert.Equal(10_000u, duo.NextSuccess(duo.Right.ReceiveQueue).ByteLength);
        Assert.True(duo.Right.Bytes(0, 10_000).SequenceEqual(sent));
        duo.Right.QueuePair.PostReceive(2, []);
        Assert.Equal(8u, duo.NextSuccess(duo.Right.ReceiveQueue).ImmediateData);
        Assert.Equal(1ul, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
        Assert.Equal(2ul, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
    }

    [Fact]
    public void A_receive_that_never_comes_exhausts_the_rnr_retries()
    {
        using var duo = new Duo(mode, new EndpointOptions { RnrRetry = 2 });
        duo.Left.Post(SendOpcode.Send, 0, 10, id: 1, flags: SendFlags.None);
        duo.Left.Post(SendOpcode.Send, 0, 10, id: 2, flags: SendFlags.None);
        Assert.Equal((1ul, CompletionStatus.RnrRetryExceededError), IdAndStatus(duo.Next(duo.Left.SendQueue)));
        Assert.Equal((2ul, CompletionStatus.FlushError), IdAndStatus(duo.Next(duo.Left.SendQueue)));
    }

    [Fact]
    public void A_peer_that_is_gone_exhausts_the_retries()
    {
        using var duo = new Duo(mode, new EndpointOptions { Timeout = 10, RetryCount = 2 });
        duo.Right.QueuePair.Dispose();
        duo.Left.Post(SendOpcode.Write, 0, 10, 2, duo.Right);
        duo.Left.Post(SendOpcode.Write, 0, 10, 3, duo.Right);
        Assert.Equal((2ul, CompletionStatus.RetryExceededError), IdAndStatus(duo.Next(duo.Left.SendQueue)));
        Assert.Equal((3ul, CompletionStatus.FlushError), IdAndStatus(duo.Next(duo.Left.SendQueue)));
    }

    [Fact]
    public void Everything_posted_is_flushed_in_order_and_so_is_what_is_posted_later()
    {
        const int count = 40;
        using var duo = new Duo(mode);
        for (ulong i = 0; i < count; i++)
            duo.Right.Receive(i, 0, 100);
        duo.Right.QueuePair.ToError();
        for (ulong i = count; i < 2 * count; i++)
        {
            duo.Right.Receive(i, 0, 100);
            duo.Right.Post(SendOpcode.Send, 0, 10, id: i, flags: SendFlags.None);
        }

        for (ulong i = 0; i < 2 * count; i++)
            Assert.Equal((i, CompletionStatus.FlushError), IdAndStatus(duo.Next(duo.Right.ReceiveQueue)));
        for (ulong i = count; i < 2 * count; i++)
            Assert.Equal((i, CompletionStatus.FlushError), IdAndStatus(duo.Next(duo.Right.SendQueue)));
    }

    [Fact]
    public void After_a_reset_both_ends_connect_again()
    {
        using var duo = new Duo(mode);
        for (int round = 0; round < 3; round++)
        {
            byte[] sent = duo.Left.Fill(0, 5_000, seed: round);
            duo.Right.Receive(1, 0, 5_000);
            duo.Left.Post(SendOpcode.Send, 0, 5_000);
            duo.NextSuccess(duo.Right.ReceiveQueue);
            duo.NextSuccess(duo.Left.SendQueue);
            Assert.True(duo.Right.Bytes(0, 5_000).SequenceEqual(sent));

            // An error with requests and completions outstanding, all of which the reset forgets.
            duo.Left.QueuePair.PostSend(new SendRequest { Opcode = SendOpcode.Write, RemoteKey = 1 }, []);
            duo.Left.Post(SendOpcode.Write, 0, 10, 1, duo.Right, flags: SendFlags.Signaled);
            duo.Right.Receive(2, 0, 10);
            duo.Left.QueuePair.ToReset();
            duo.Right.QueuePair.ToReset();
            Assert.Equal(0, duo.Left.SendQueue.Poll(new WorkCompletion[1]));
            Assert.Equal(0, duo.Right.ReceiveQueue.Poll(new WorkCompletion[1]));
            duo.Left.ConnectTo(duo.Right.Address);
            duo.Right.ConnectTo(duo.Left.Address);
        }
    }

    [Fact]
    public void A_destroyed_queue_pair_leaves_no_completions_behind()
    {
        using var duo = new Duo(mode);
        for (int round = 0; round < 10; round++)
        {
            QueuePair doomed = duo.Left.Domain.CreateQueuePair(
                new QueuePairOptions { SendCompletionQueue = duo.Left.SendQueue, ReceiveCompletionQueue = duo.Left.SendQueue });
            doomed.ToInit();
            for (ulong i = 0; i < 20; i++)
                doomed.PostReceive(1_000 + i, duo.Left.Region.Entry(0, 10));
            doomed.ToError();
            duo.Left.Post(SendOpcode.Write, 0, 10, id: 7, duo.Right);
            doomed.Dispose();
            Assert.Equal(7ul, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
            Assert.Equal(0, duo.Left.SendQueue.Poll(new WorkCompletion[1]));
        }
    }

    [Fact]
    public void A_completion_queue_that_overflows_is_told_and_keeps_what_it_has()
    {
        using var duo = new Duo(mode);
        CompletionQueue small = duo.Left.Context.CreateCompletionQueue(4);
        QueuePair queuePair = duo.Left.Domain.CreateQueuePair(new QueuePairOptions { SendCompletionQueue = small, ReceiveCompletionQueue = small });
        queuePair.ToInit();
        for (ulong i = 0; i < 10; i++)
            queuePair.PostReceive(i, duo.Left.Region.Entry(0, 10));
        queuePair.ToError();
        AsyncEvent told = duo.NextEvent(duo.Left);
        while (told.Type != AsyncEventType.CompletionQueueError)
            told = duo.NextEvent(duo.Left);
        Assert.Same(small, told.CompletionQueue);
        var all = new WorkCompletion[20];
        Assert.Equal([0, 1, 2, 3], all[..small.Poll(all)].Select(completion => completion.WorkRequestId));
        queuePair.Dispose();
        small.Dispose();

        // The other queues of the device are as they were.
        duo.Left.Post(SendOpcode.Write, 0, 10, 1, duo.Right);
        duo.NextSuccess(duo.Left.SendQueue);
    }

    private static (ulong Id, CompletionStatus Status) IdAndStatus(WorkCompletion completion) => (completion.WorkRequestId, completion.Status);
}
