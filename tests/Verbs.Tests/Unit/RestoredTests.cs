using System.Net;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

/// <summary>A process takes a device that another one left: it finds all of it, and goes on with it.</summary>
public sealed class RestoredTests
{
    private const AccessFlags Everything = AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.WindowBind;

    [Fact]
    public void All_objects_are_there_with_their_numbers_sizes_and_tags()
    {
        using var bench = new FakeBench(depth: 8, sges: 3, inlineBytes: 64);
        GuestMemory memory = bench.Context.AllocateMemory(10_000);
        memory.Tag = 7;
        GuestMemory second = bench.Context.AllocateMemory(4096);
        memory.Span.Fill(0x5A);
        MemoryRegion region = bench.Domain.RegisterMemory(memory, 100, 5000, Everything);
        region.Tag = 8;
        SharedReceiveQueue shared = bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = 16, Sges = 2 });
        QueuePair datagrams = bench.CreateDatagramQueuePair(shared);
        datagrams.Tag = 9;
        bench.QueuePair.Tag = ulong.MaxValue;
        AddressHandle address = bench.Domain.CreateAddressHandle(
            new AddressHandleAttributes { DestinationAddress = IPAddress.Parse("127.13.0.9"), TrafficClass = 0x20, HopLimit = 3, FlowLabel = 0x12345, ServiceLevel = 2 });
        address.Tag = 10;
        MemoryWindow window = bench.Domain.AllocateMemoryWindow(MemoryWindowType.Type2);
        FastMemoryRegion fast = bench.Domain.AllocateFastRegion(16);
        fast.Tag = 11;

        using RdmaContext context = RdmaContext.OpenRestored(bench.Device.Succeed());
        RestoredObjects restored = context.Restored!;
        Assert.Null(bench.Context.Restored);
        Assert.Equal([(memory.Address, 10_000, 7ul), (second.Address, 4096, 0ul)], restored.Memories.Select(one => (one.Address, one.Length, one.Tag)));
        Assert.Equal(-1, restored.Memories[0].Span.IndexOfAnyExcept((byte)0x5A));
        MemoryRegion found = Assert.Single(restored.MemoryRegions);
        Assert.Equal((region.Address, region.Length, Everything, 8ul, restored.Memories[0]), (found.Address, found.Length, found.Access, found.Tag, found.Memory));
        ProtectionDomain domain = Assert.Single(restored.ProtectionDomains);
        Assert.Equal(domain, found.ProtectionDomain);
        CompletionChannel channel = Assert.Single(restored.CompletionChannels);
        CompletionQueue queue = Assert.Single(restored.CompletionQueues);
        Assert.Equal((16, channel), (queue.Capacity, queue.Channel));
        SharedReceiveQueue receives = Assert.Single(restored.SharedReceiveQueues);
        Assert.Equal((16, 2), (receives.Depth, receives.Sges));
        Assert.Equal([bench.QueuePair.Number, datagrams.Number], restored.QueuePairs.Select(pair => pair.Number));
        Assert.Equal([ulong.MaxValue, 9ul], restored.QueuePairs.Select(pair => pair.Tag));
        Assert.Equal(
            bench.QueuePair.Options with { SendCompletionQueue = queue, ReceiveCompletionQueue = queue }, restored.QueuePairs[0].Options);
        Assert.Equal(
            datagrams.Options with { SendCompletionQueue = queue, ReceiveCompletionQueue = queue, SharedReceiveQueue = receives }, restored.QueuePairs[1].Options);
        Assert.All(restored.QueuePairs, pair => Assert.Equal(QueuePairState.ReadyToSend, pair.State));
        AddressHandle destination = Assert.Single(restored.AddressHandles);
        Assert.Equal((address.Attributes, 10ul), (destination.Attributes, destination.Tag));
        Assert.Equal((window.RemoteKey, MemoryWindowType.Type2), (restored.MemoryWindows[0].RemoteKey, restored.MemoryWindows[0].Type));
        Assert.Equal((16, 11ul, 0L), (restored.FastRegions[0].MaxPages, restored.FastRegions[0].Tag, restored.FastRegions[0].Length));
    }

    [Fact]
    public void Queues_go_on_where_they_were()
    {
        using var bench = new FakeBench(depth: 8);
        for (ulong i = 0; i < 5; i++)
            bench.QueuePair.PostSend(new SendRequest { WorkRequestId = i, Flags = SendFlags.Signaled }, []);
        bench.QueuePair.PostReceive(70, []);
        _ = bench.FakeQueuePair.TakeSend(out _);
        for (ulong i = 0; i < 3; i++)
            bench.FakeQueue.Complete(new PvrdmaCqe { WorkRequestId = i, QpHandle = bench.QueuePair.Handle });
        var batch = new WorkCompletion[2];
        Assert.Equal(2, bench.Queue.Poll(batch));
        _ = bench.Device.TakeDoorbells(0);
        _ = bench.Device.TakeDoorbells(1);

        using RdmaContext context = RdmaContext.OpenRestored(bench.Device.Succeed());
        QueuePair pair = context.Restored!.QueuePairs[0];
        CompletionQueue queue = context.Restored.CompletionQueues[0];

        // The process before may have posted and not rung, and had a notification that its application did not see.
        Assert.Equal([pair.Handle], bench.Device.TakeDoorbells(0));
        Assert.Equal([pair.Handle], bench.Device.TakeDoorbells(1));
        Assert.True(context.Restored.CompletionChannels[0].TryGetEvent(out CompletionQueue? fired));
        Assert.Equal(queue, fired);
        Assert.False(context.Restored.CompletionChannels[0].TryGetEvent(out _));

        Assert.Equal((5u, 1u, 2u), (pair.SendPosition, pair.ReceivePosition, queue.Position));
        Assert.Equal(1, queue.Poll(batch));
        Assert.Equal((2ul, pair.Number), (batch[0].WorkRequestId, batch[0].QueuePairNumber));
        for (ulong i = 5; i < 9; i++)
            pair.PostSend(new SendRequest { WorkRequestId = i }, []);
        Assert.False(pair.TryPostSend(default, []));
        for (ulong i = 1; i < 9; i++)
            Assert.Equal(i, bench.FakeQueuePair.TakeSend(out _).WorkRequestId);
        Assert.Equal(9u, pair.SendPosition);
    }

    [Fact]
    public void Completions_that_were_polled_and_not_noted_can_be_polled_again()
    {
        using var bench = new FakeBench(entries: 4);
        for (ulong i = 0; i < 6; i++)
        {
            bench.FakeQueue.Complete(new PvrdmaCqe { WorkRequestId = i, QpHandle = bench.QueuePair.Handle });
            Assert.Equal(1, bench.Queue.Poll(new WorkCompletion[1]));
        }
        bench.FakeQueue.Complete(new PvrdmaCqe { WorkRequestId = 6, QpHandle = bench.QueuePair.Handle });

        using RdmaContext context = RdmaContext.OpenRestored(bench.Device.Succeed());
        CompletionQueue queue = context.Restored!.CompletionQueues[0];
        Assert.Equal(6u, queue.Position);
        Assert.Equal(0, queue.Rewind(6));
        Assert.Equal(3, queue.Rewind(3));
        var batch = new WorkCompletion[8];
        Assert.Equal(4, queue.Poll(batch));
        Assert.Equal([3ul, 4ul, 5ul, 6ul], batch[..4].Select(completion => completion.WorkRequestId));

        // Their places were used again, or they are yet to come, or it is no position.
        foreach (uint position in new uint[] { 2, 0, 7 + 1, 8, uint.MaxValue })
            Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => queue.Rewind(position)).Errno);
        Assert.Equal(7u, queue.Position);
    }

    [Fact]
    public void What_was_free_is_free_and_what_was_taken_stays_until_it_is_disposed_of()
    {
        using var bench = new FakeBench();
        GuestMemory first = bench.Context.AllocateMemory(1 << 20);
        GuestMemory second = bench.Context.AllocateMemory(1 << 20);
        second.Span.Fill(0xEE);
        MemoryRegion region = bench.Domain.RegisterMemory(second, Everything);
        first.Dispose();

        using RdmaContext context = RdmaContext.OpenRestored(bench.Device.Succeed());
        RestoredObjects restored = context.Restored!;
        GuestMemory kept = Assert.Single(restored.Memories);
        Assert.Equal(second.Address, kept.Address);
        using GuestMemory again = context.AllocateMemory(1 << 20);
        Assert.Equal(-1, again.Span.IndexOfAnyExcept((byte)0));
        Assert.Equal(-1, kept.Span.IndexOfAnyExcept((byte)0xEE));

        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(kept.Dispose).Errno);
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(restored.ProtectionDomains[0].Dispose).Errno);
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(restored.CompletionQueues[0].Dispose).Errno);
        restored.QueuePairs[0].Dispose();
        restored.MemoryRegions[0].Dispose();
        restored.CompletionQueues[0].Dispose();
        restored.CompletionChannels[0].Dispose();
        restored.ProtectionDomains[0].Dispose();
        kept.Dispose();
        again.Dispose();
        GC.KeepAlive(region);

        // All is one piece again, but for what the driver itself needs.
        Assert.Equal(bench.Device.Channel.GuestRamBytes - (14 * 4096), context.Driver.Allocator.FreeBytes);
        using RdmaContext third = RdmaContext.OpenRestored(bench.Device.Succeed());
        Assert.Empty(third.Restored!.Memories);
        Assert.Empty(third.Restored.QueuePairs);
    }

    [Fact]
    public void Objects_beyond_a_page_of_notes_are_noted_and_their_pages_given_back()
    {
        using var bench = new FakeBench();
        long free = bench.Context.Driver.Allocator.FreeBytes;
        List<GuestMemory> memories = [.. Enumerable.Range(0, 200).Select(_ => bench.Context.AllocateMemory(4096))];
        for (int i = 0; i < memories.Count; i++)
            memories[i].Tag = (ulong)i + 1;
        foreach (GuestMemory memory in memories.Where((_, i) => i % 2 == 0))
            memory.Dispose();

        using RdmaContext context = RdmaContext.OpenRestored(bench.Device.Succeed());
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (2ul * (ulong)i) + 2), context.Restored!.Memories.Select(memory => memory.Tag));
        foreach (GuestMemory memory in context.Restored.Memories)
            memory.Dispose();
        Assert.Equal(bench.Device.Channel.GuestRamBytes, bench.Context.Driver.Channel.GuestRamBytes);

        // Directories of the process before are no longer needed by anybody.
        Assert.InRange(context.Driver.Allocator.FreeBytes, free, free + (16 * 4096));
    }

    [Fact]
    public void Binds_and_fast_registrations_that_were_posted_and_not_executed_count()
    {
        using var bench = new FakeBench();
        GuestMemory memory = bench.Context.AllocateMemory(8192);
        MemoryRegion region = bench.Domain.RegisterMemory(memory, Everything);
        MemoryWindow window = bench.Domain.AllocateMemoryWindow(MemoryWindowType.Type1);
        FastMemoryRegion fast = bench.Domain.AllocateFastRegion(4);
        uint windowKey = bench.QueuePair.PostBindWindow(window, new WindowBind { Region = region, Address = region.Address, Length = 100 });
        uint fastKey = bench.QueuePair.PostFastRegister(fast, new FastRegistration { Memory = memory, Offset = 4096, Bytes = 1000, Access = Everything & ~AccessFlags.WindowBind });

        using RdmaContext context = RdmaContext.OpenRestored(bench.Device.Succeed());
        Assert.Equal(windowKey, context.Restored!.MemoryWindows[0].RemoteKey);
        FastMemoryRegion found = context.Restored.FastRegions[0];
        Assert.Equal((fastKey, 1000L, memory.Address + 4096, context.Restored.Memories[0]), (found.RemoteKey, found.Length, found.Address, found.Memory));
        Assert.Equal(MemoryWindow.NextKey(windowKey), context.Restored.QueuePairs[0].PostBindWindow(context.Restored.MemoryWindows[0], default));

        // The directory is where the request says.
        _ = bench.FakeQueuePair.TakeSend(out _);
        PvrdmaSendWqe wqe = bench.FakeQueuePair.TakeSend(out _);
        Assert.Equal(found.DirectoryAddress, wqe.FastRegisterDirectoryAddress);
        Assert.Equal([(long)(memory.Address + 4096) - Ram(bench)], bench.Device.PagesOf(wqe.FastRegisterDirectoryAddress, 1));
    }

    [Fact]
    public void What_was_about_to_be_made_or_had_just_gone_does_no_harm()
    {
        using var bench = new FakeBench();
        GuestMemory memory = bench.Context.AllocateMemory(4096);
        MemoryRegion region = bench.Domain.RegisterMemory(memory, Everything);
        QueuePair gone = bench.CreateQueuePair();

        // The device has destroyed it and the process was saved before it could note that; and the other way round.
        bench.Device.Objects[PvrdmaObjectKind.QueuePair].Remove(gone.Handle);
        PvrdmaNextObjectResponse made = bench.Device.Objects[PvrdmaObjectKind.MemoryRegion][region.Handle] with { Handle = 1000, Number = 0x777700 };
        bench.Device.Objects[PvrdmaObjectKind.MemoryRegion].Add(1000, made);

        using RdmaContext context = RdmaContext.OpenRestored(bench.Device.Succeed());
        Assert.Equal([bench.QueuePair.Number], context.Restored!.QueuePairs.Select(pair => pair.Number));
        Assert.Equal([0x1000 + region.Handle, 0x777700u], context.Restored.MemoryRegions.Select(one => one.LocalKey));
        context.Restored.MemoryRegions[1].Tag = 5;
        using RdmaContext third = RdmaContext.OpenRestored(bench.Device.Succeed());
        Assert.Equal(5ul, third.Restored!.MemoryRegions[1].Tag);
    }

    private static unsafe long Ram(FakeBench bench) => (long)bench.Device.Ram;
}
