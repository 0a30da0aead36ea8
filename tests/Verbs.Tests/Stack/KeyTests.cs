namespace RoceEngine.Verbs.Tests;

/// <summary>Windows, fast registration, invalidation and re-registration through the whole stack: what a key opens, and when it stops.</summary>
public abstract class KeyTests(StackMode mode)
{
    private const AccessFlags Everything = AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic;
    private const int Offset = 10_000;

    private static readonly EndpointOptions Bindable = new() { RegionAccess = AccessFlags.LocalWrite | AccessFlags.WindowBind };

    [Theory]
    [InlineData(MemoryWindowType.Type1)]
    [InlineData(MemoryWindowType.Type2)]
    public void A_window_opens_its_range_and_nothing_beside_it(MemoryWindowType type)
    {
        using var duo = new Duo(mode, rightOptions: Bindable);
        using MemoryWindow window = duo.Right.Domain.AllocateMemoryWindow(type);
        uint key = Bind(duo, window, AccessFlags.RemoteWrite | AccessFlags.RemoteRead);
        byte[] sent = duo.Left.Fill(0, 200, seed: 1);
        PostWrite(duo, key, Offset, 200);
        duo.NextSuccess(duo.Left.SendQueue);
        Assert.True(duo.Right.Bytes(Offset, 200).SequenceEqual(sent));

        PostWrite(duo, key, Offset + 1, 200);
        Assert.Equal(CompletionStatus.RemoteAccessError, duo.Next(duo.Left.SendQueue).Status);
    }

    [Fact]
    public void A_window_does_not_widen_the_rights_that_it_was_given()
    {
        using var duo = new Duo(mode, rightOptions: Bindable);
        using MemoryWindow window = duo.Right.Domain.AllocateMemoryWindow(MemoryWindowType.Type1);
        uint key = Bind(duo, window, AccessFlags.RemoteRead);
        byte[] before = duo.Right.Fill(Offset, 200, seed: 2);
        PostWrite(duo, key, Offset, 8);
        Assert.Equal(CompletionStatus.RemoteAccessError, duo.Next(duo.Left.SendQueue).Status);
        Assert.True(duo.Right.Bytes(Offset, 200).SequenceEqual(before));
    }

    [Fact]
    public void A_new_bind_ends_the_old_key_and_a_bind_of_nothing_the_window()
    {
        using var duo = new Duo(mode, rightOptions: Bindable);
        using MemoryWindow window = duo.Right.Domain.AllocateMemoryWindow(MemoryWindowType.Type1);
        uint first = Bind(duo, window, AccessFlags.RemoteWrite);
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(duo.Right.Region.Dispose).Errno);
        uint second = Bind(duo, window, AccessFlags.RemoteWrite);
        Assert.NotEqual(first, second);
        PostWrite(duo, second, Offset, 8);
        duo.NextSuccess(duo.Left.SendQueue);
        duo.Right.QueuePair.PostBindWindow(window, default, 7);
        WorkCompletion closed = duo.NextSuccess(duo.Right.SendQueue);
        Assert.Equal((7ul, WorkCompletionOpcode.BindWindow), (closed.WorkRequestId, closed.Opcode));

        // Nothing is bound any more, so that the region may go.
        using MemoryRegion region = duo.Right.Domain.RegisterMemory(duo.Right.Memory, Everything);
        PostWrite(duo, first, Offset, 8);
        Assert.Equal(CompletionStatus.RemoteAccessError, duo.Next(duo.Left.SendQueue).Status);
    }

    [Fact]
    public void A_bind_to_a_region_without_the_right_fails_and_stops_the_queue_pair()
    {
        using var duo = new Duo(mode);
        using MemoryWindow window = duo.Right.Domain.AllocateMemoryWindow(MemoryWindowType.Type2);
        duo.Right.QueuePair.PostBindWindow(
            window, new WindowBind { Region = duo.Right.Region, Address = duo.Right.Region.Address, Length = 8, Access = AccessFlags.RemoteRead }, 3);
        WorkCompletion failed = duo.Next(duo.Right.SendQueue);
        Assert.Equal((3ul, CompletionStatus.MemoryWindowBindError), (failed.WorkRequestId, failed.Status));
        Assert.Equal(QueuePairState.Error, duo.Right.QueuePair.Query().State);
    }

    [Fact]
    public void A_send_with_invalidate_closes_a_window_and_says_which()
    {
        using var duo = new Duo(mode, rightOptions: Bindable);
        using MemoryWindow window = duo.Right.Domain.AllocateMemoryWindow(MemoryWindowType.Type2);
        uint key = Bind(duo, window, AccessFlags.RemoteWrite);
        duo.Right.Receive(5, 0, 100);
        duo.Left.Post(SendOpcode.SendWithInvalidate, 0, 10, immediate: key);
        WorkCompletion received = duo.NextSuccess(duo.Right.ReceiveQueue);
        Assert.Equal((5ul, CompletionFlags.WithInvalidate, key), (received.WorkRequestId, received.Flags, received.ImmediateData));
        duo.NextSuccess(duo.Left.SendQueue);

        // Closed, it may be bound again; the key of before opens nothing.
        uint next = Bind(duo, window, AccessFlags.RemoteWrite);
        PostWrite(duo, next, Offset, 8);
        duo.NextSuccess(duo.Left.SendQueue);
        PostWrite(duo, key, Offset, 8);
        Assert.Equal(CompletionStatus.RemoteAccessError, duo.Next(duo.Left.SendQueue).Status);
    }

    [Fact]
    public void A_local_invalidate_closes_a_window()
    {
        using var duo = new Duo(mode, rightOptions: Bindable);
        using MemoryWindow window = duo.Right.Domain.AllocateMemoryWindow(MemoryWindowType.Type2);
        uint key = Bind(duo, window, AccessFlags.RemoteWrite);
        duo.Right.QueuePair.PostLocalInvalidate(key, 9);
        WorkCompletion done = duo.NextSuccess(duo.Right.SendQueue);
        Assert.Equal((9ul, WorkCompletionOpcode.LocalInvalidate), (done.WorkRequestId, done.Opcode));
        PostWrite(duo, key, Offset, 8);
        Assert.Equal(CompletionStatus.RemoteAccessError, duo.Next(duo.Left.SendQueue).Status);
    }

    [Fact]
    public void A_fast_registration_maps_behind_the_requests_before_it_and_is_mapped_again()
    {
        using var duo = new Duo(mode);
        using GuestMemory memory = duo.Right.Context.AllocateMemory(100_000);
        using FastMemoryRegion region = duo.Right.Domain.AllocateFastRegion(16);
        for (int round = 0; round < 3; round++)
        {
            int offset = 3_000 + (round * 20_000);
            uint key = duo.Right.QueuePair.PostFastRegister(
                region, new FastRegistration { Memory = memory, Offset = offset, Bytes = 20_000, Access = Everything }, 1);
            WorkCompletion mapped = duo.NextSuccess(duo.Right.SendQueue);
            Assert.Equal((1ul, WorkCompletionOpcode.FastRegister), (mapped.WorkRequestId, mapped.Opcode));
            byte[] sent = duo.Left.Fill(0, 20_000, seed: round);
            duo.Left.QueuePair.PostSend(
                new SendRequest { Opcode = SendOpcode.Write, Flags = SendFlags.Signaled, RemoteAddress = region.Address, RemoteKey = key },
                duo.Left.Region.Entry(0, 20_000));
            duo.NextSuccess(duo.Left.SendQueue);
            Assert.True(memory.AsSpan(offset, 20_000).SequenceEqual(sent));

            // Its own requests name it too.
            duo.Left.Receive(2, 0, 100);
            duo.Right.QueuePair.PostSend(new SendRequest { Opcode = SendOpcode.Send, Flags = SendFlags.Signaled }, region.Entry(500, 100));
            duo.NextSuccess(duo.Left.ReceiveQueue);
            duo.NextSuccess(duo.Right.SendQueue);
            Assert.True(duo.Left.Bytes(0, 100).SequenceEqual(sent.AsSpan(500, 100)));
            duo.Right.QueuePair.PostLocalInvalidate(key);
            duo.NextSuccess(duo.Right.SendQueue);
        }

        duo.Left.QueuePair.PostSend(
            new SendRequest { Opcode = SendOpcode.Read, Flags = SendFlags.Signaled, RemoteAddress = region.Address, RemoteKey = region.RemoteKey },
            duo.Left.Region.Entry(0, 8));
        Assert.Equal(CompletionStatus.RemoteAccessError, duo.Next(duo.Left.SendQueue).Status);
    }

    [Fact]
    public void A_re_registration_moves_the_key_to_other_memory_and_takes_rights_away()
    {
        using var duo = new Duo(mode);
        GuestMemory memory = duo.Right.Context.AllocateMemory(50_000);
        duo.Right.Region.Reregister(new Reregistration { Memory = memory, Offset = 1_234, Bytes = 40_000 });
        byte[] sent = duo.Left.Fill(0, 10_000, seed: 1);
        duo.Left.Post(SendOpcode.Write, 0, 10_000, 1, duo.Right, 500);
        duo.NextSuccess(duo.Left.SendQueue);
        Assert.True(memory.AsSpan(1_734, 10_000).SequenceEqual(sent));
        duo.Right.Region.Reregister(new Reregistration { Access = AccessFlags.LocalWrite | AccessFlags.RemoteRead });
        duo.Left.Post(SendOpcode.Read, 20_000, 10_000, 2, duo.Right, 500);
        duo.NextSuccess(duo.Left.SendQueue);
        Assert.True(duo.Left.Bytes(20_000, 10_000).SequenceEqual(sent));
        duo.Left.Post(SendOpcode.Write, 0, 8, 3, duo.Right);
        Assert.Equal(CompletionStatus.RemoteAccessError, duo.Next(duo.Left.SendQueue).Status);
        duo.Right.Region.Dispose();
        memory.Dispose();
    }

    private static uint Bind(Duo duo, MemoryWindow window, AccessFlags access)
    {
        uint key = duo.Right.QueuePair.PostBindWindow(
            window, new WindowBind { Region = duo.Right.Region, Address = duo.Right.Region.Address + Offset, Length = 200, Access = access }, 4);
        WorkCompletion done = duo.NextSuccess(duo.Right.SendQueue);
        Assert.Equal((4ul, WorkCompletionOpcode.BindWindow), (done.WorkRequestId, done.Opcode));
        return key;
    }

    private static void PostWrite(Duo duo, uint key, int offset, int bytes) => duo.Left.QueuePair.PostSend(
        new SendRequest
        {
            Opcode = SendOpcode.Write, Flags = SendFlags.Signaled, RemoteAddress = duo.Right.Region.Address + (ulong)offset, RemoteKey = key,
        },
        duo.Left.Region.Entry(0, bytes));
}
