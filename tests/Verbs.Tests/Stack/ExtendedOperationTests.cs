using System.Buffers.Binary;

namespace RoceEngine.Verbs.Tests;

/// <summary>Masked atomics, ATOMIC WRITE, FLUSH, SQD and CQ resizes through the whole stack.</summary>
public abstract class ExtendedOperationTests(StackMode mode)
{
    private static readonly EndpointOptions Flushable = new()
    {
        RegionAccess = AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.FlushGlobal,
        QueuePairAccess = AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.FlushGlobal,
    };

    [Theory]
    [InlineData(0x1122334455667788ul, 0x00223344_55667700ul, 0x00FFFFFF_FFFFFF00ul, 0xAABBCCDD_EEFF0011ul, 0xFF00000000000000ul, 0xAA22334455667788ul)]
    [InlineData(0x1122334455667788ul, 0ul, 0ul, 0xAABBCCDD_EEFF0011ul, 0xFFFFFFFFFFFFFFFFul, 0xAABBCCDD_EEFF0011ul)]
    [InlineData(0x1122334455667788ul, 0x1122334455667789ul, 0xFFFFFFFFFFFFFFFFul, 0ul, 0xFFFFFFFFFFFFFFFFul, 0x1122334455667788ul)]
    public void A_masked_compare_and_swap_looks_at_and_changes_what_the_masks_say(
        ulong before, ulong compare, ulong compareMask, ulong swap, ulong swapMask, ulong after)
    {
        using var duo = new Duo(mode);
        BinaryPrimitives.WriteUInt64LittleEndian(duo.Right.Bytes(64, 8), before);
        WorkCompletion done = Run(duo, new SendRequest
        {
            Opcode = SendOpcode.MaskedCompareSwap, CompareAdd = compare, CompareMask = compareMask, Swap = swap, SwapMask = swapMask,
        });
        Assert.Equal(WorkCompletionOpcode.MaskedCompareSwap, done.Opcode);
        Assert.Equal(before, BinaryPrimitives.ReadUInt64LittleEndian(duo.Left.Bytes(16, 8)));
        Assert.Equal(after, BinaryPrimitives.ReadUInt64LittleEndian(duo.Right.Bytes(64, 8)));
    }

    [Theory]
    [InlineData(0x00000000_FFFFFFFFul, 1ul, 0ul, 0x00000001_00000000ul)]
    [InlineData(0x00000000_FFFFFFFFul, 1ul, 0x80000000ul, 0ul)]
    [InlineData(0x000000FF_000000FFul, 0x00000001_00000001ul, 0x80000000_80000000ul, 0x00000100_00000100ul)]
    [InlineData(0x7Ful, 1ul, 0x40ul, 0ul)]
    public void A_masked_fetch_and_add_carries_nothing_out_of_a_field(ulong before, ulong addend, ulong boundary, ulong after)
    {
        using var duo = new Duo(mode);
        BinaryPrimitives.WriteUInt64LittleEndian(duo.Right.Bytes(64, 8), before);
        WorkCompletion done = Run(duo, new SendRequest { Opcode = SendOpcode.MaskedFetchAdd, CompareAdd = addend, FieldBoundary = boundary });
        Assert.Equal(WorkCompletionOpcode.MaskedFetchAdd, done.Opcode);
        Assert.Equal(before, BinaryPrimitives.ReadUInt64LittleEndian(duo.Left.Bytes(16, 8)));
        Assert.Equal(after, BinaryPrimitives.ReadUInt64LittleEndian(duo.Right.Bytes(64, 8)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_atomic_write_lands_behind_what_was_written_before(bool inline)
    {
        using var duo = new Duo(mode);
        byte[] sent = duo.Left.Fill(0, 5_000, seed: 1);
        duo.Left.Post(SendOpcode.Write, 0, 5_000, 1, duo.Right, 4096, SendFlags.None);
        var request = new SendRequest
        {
            WorkRequestId = 2, Opcode = SendOpcode.AtomicWrite, Flags = SendFlags.Signaled, RemoteAddress = duo.Right.Region.Address + 64,
            RemoteKey = duo.Right.Region.RemoteKey,
        };
        if (inline)
            duo.Left.QueuePair.PostSendInline(request, sent.AsSpan(0, 8));
        else
            duo.Left.QueuePair.PostSend(request, duo.Left.Region.Entry(0, 8));
        WorkCompletion done = duo.NextSuccess(duo.Left.SendQueue);
        Assert.Equal((2ul, WorkCompletionOpcode.AtomicWrite), (done.WorkRequestId, done.Opcode));
        Assert.True(duo.Right.Bytes(64, 8).SequenceEqual(sent.AsSpan(0, 8)));
        Assert.True(duo.Right.Bytes(4096, 5_000).SequenceEqual(sent));
    }

    [Theory]
    [InlineData(FlushOptions.Global)]
    [InlineData(FlushOptions.Global | FlushOptions.WholeRegion)]
    public void A_flush_completes_behind_what_it_flushes(FlushOptions options)
    {
        using var duo = new Duo(mode, rightOptions: Flushable);
        byte[] sent = duo.Left.Fill(0, 5_000, seed: 1);
        duo.Left.Post(SendOpcode.Write, 0, 5_000, 1, duo.Right, 4096, SendFlags.None);
        Flush(duo, options, 4096, 5_000);
        WorkCompletion done = duo.NextSuccess(duo.Left.SendQueue);
        Assert.Equal((2ul, WorkCompletionOpcode.Flush), (done.WorkRequestId, done.Opcode));
        Assert.True(duo.Right.Bytes(4096, 5_000).SequenceEqual(sent));
    }

    [Fact]
    public void A_flush_without_the_right_is_refused()
    {
        using var duo = new Duo(mode, rightOptions: Flushable);
        Flush(duo, FlushOptions.Persistent, 0, 8);
        Assert.NotEqual(CompletionStatus.Success, duo.Next(duo.Left.SendQueue).Status);
        Assert.Equal(QueuePairState.Error, duo.Left.QueuePair.State);
    }

    [Fact]
    public void A_drained_queue_waits_and_goes_on()
    {
        using var duo = new Duo(mode);
        duo.Left.Post(SendOpcode.Write, 0, 5_000, 1, duo.Right);
        duo.Left.QueuePair.ToSendQueueDrained();
        AsyncEvent told = duo.NextEvent(duo.Left);
        while (told.Type != AsyncEventType.SendQueueDrained)
            told = duo.NextEvent(duo.Left);
        Assert.Same(duo.Left.QueuePair, told.QueuePair);
        Assert.False(duo.Left.QueuePair.Query().IsDraining);
        duo.Left.Post(SendOpcode.Write, 0, 5_000, 2, duo.Right);
        duo.Left.QueuePair.ToReadyToSendAgain();
        Assert.Equal(1ul, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
        Assert.Equal(2ul, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
    }

    [Fact]
    public async Task A_queue_is_resized_while_completions_stand_in_it_and_somebody_waits()
    {
        using var duo = new Duo(mode);
        int depth = duo.Left.SendQueue.Capacity;
        for (ulong i = 0; i < 50; i++)
            duo.Left.Post(SendOpcode.Write, 0, 10, i, duo.Right);
        for (int round = 0; round < 4; round++)
            duo.Left.SendQueue.Resize(round % 2 == 0 ? depth * 4 : depth);
        for (ulong i = 0; i < 50; i++)
            Assert.Equal(i, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
        Assert.Equal(depth, duo.Left.SendQueue.Capacity);

        Task wait = duo.Left.SendQueue.WaitAsync(TestContext.Current.CancellationToken).AsTask();
        duo.Left.SendQueue.Resize(depth * 2);
        duo.Left.Post(SendOpcode.Write, 0, 10, 77, duo.Right);
        duo.Until(() => wait.IsCompleted, "nobody was woken");
        await wait;
        Assert.Equal(77ul, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => duo.Left.SendQueue.Resize(0)).Errno);
    }

    private static WorkCompletion Run(Duo duo, SendRequest request)
    {
        request.Flags = SendFlags.Signaled;
        request.RemoteAddress = duo.Right.Region.Address + 64;
        request.RemoteKey = duo.Right.Region.RemoteKey;
        duo.Left.QueuePair.PostSend(request, duo.Left.Region.Entry(16, 8));
        return duo.NextSuccess(duo.Left.SendQueue);
    }

    private static void Flush(Duo duo, FlushOptions options, int offset, uint bytes) => duo.Left.QueuePair.PostSend(
        new SendRequest
        {
            WorkRequestId = 2, Opcode = SendOpcode.Flush, Flags = SendFlags.Signaled, RemoteAddress = duo.Right.Region.Address + (ulong)offset,
            RemoteKey = duo.Right.Region.RemoteKey, FlushBytes = bytes, FlushOptions = options,
        },
        []);
}
