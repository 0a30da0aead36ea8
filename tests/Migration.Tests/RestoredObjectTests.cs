using RoceEngine.Verbs;

namespace Migration.Tests;

/// <summary>Objects of all kinds work as before when their device comes back, here after it went back to a snapshot.</summary>
public sealed class RestoredObjectTests
{
    private const AccessFlags Access = AccessFlags.LocalWrite | AccessFlags.RemoteWrite;
    private const uint QueueKey = 0x1234;

    [Fact]
    public void Objects_of_all_kinds_go_on_to_work()
    {
        using var files = new TemporaryDirectory();
        using var daemon = new Daemon("127.15.110.1");
        uint windowKey;
        uint fastKey;
        using (RdmaContext context = RdmaContext.Attach(new AttachOptions { SocketPath = daemon.SocketPath, Name = "mover", MemoryBytes = 8 << 20 }))
        {
            Make(context, out windowKey, out fastKey);
            _ = Vrdma.RunHere("snapshot", "mover", files.File("all"), "--socket", daemon.SocketPath).Success;
            _ = Vrdma.RunHere("rollback", "mover", files.File("all"), "--socket", daemon.SocketPath).Success;
        }
        using RdmaContext again = RdmaContext.AttachRestored("mover", daemon.SocketPath);
        RestoredObjects restored = again.Restored!;
        Assert.Equal(3, restored.QueuePairs.Count);
        Assert.All(restored.QueuePairs, pair => Assert.Equal(QueuePairState.Error, pair.State));
        var events = new List<AsyncEventType>();
        for (int i = 0; i < 1000 && events.Count(news => news == AsyncEventType.QueuePairFatal) < 3; i++)
        {
            while (again.TryGetAsyncEvent(out AsyncEvent news))
                events.Add(news.Type);
            Thread.Sleep(1);
        }
        Assert.Equal(3, events.Count(news => news == AsyncEventType.QueuePairFatal));
        foreach (QueuePair pair in restored.QueuePairs)
            pair.Modify(new QueuePairAttributes { State = QueuePairState.Reset }, QueuePairAttributeMask.State);

        Connect(restored.QueuePairs[0], restored.QueuePairs[1]);
        ExpectWrite(restored, windowKey, restored.MemoryRegions[0].Address + 4096);
        Assert.Equal(fastKey, restored.FastRegions[0].RemoteKey);
        Assert.Equal(restored.MemoryRegions[0].Address + 8192, restored.FastRegions[0].Address);
        ExpectWrite(restored, fastKey, restored.FastRegions[0].Address);
        ExpectDatagram(restored);
        Assert.Equal(windowKey, restored.MemoryWindows[0].RemoteKey);
    }

    private static void Make(RdmaContext context, out uint windowKey, out uint fastKey)
    {
        CompletionChannel channel = context.CreateCompletionChannel();
        CompletionQueue queue = context.CreateCompletionQueue(64, channel);
        ProtectionDomain domain = context.AllocateProtectionDomain();
        GuestMemory memory = context.AllocateMemory(64 << 10);
        MemoryRegion region = domain.RegisterMemory(memory, Access | AccessFlags.WindowBind);
        SharedReceiveQueue receives = domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = 16 });
        receives.PostReceive(77, region.Entry(16384, 4096));
        var options = new QueuePairOptions { SendCompletionQueue = queue, ReceiveCompletionQueue = queue };
        QueuePair one = domain.CreateQueuePair(options);
        QueuePair other = domain.CreateQueuePair(options);
        QueuePair datagrams = domain.CreateQueuePair(options with { Type = QueuePairType.Ud, SharedReceiveQueue = receives });
        datagrams.ActivateDatagrams(QueueKey);
        _ = domain.CreateAddressHandle(new AddressHandleAttributes { DestinationAddress = context.Address });
        Connect(one, other);
        windowKey = one.PostBindWindow(
            domain.AllocateMemoryWindow(MemoryWindowType.Type1),
            new WindowBind { Region = region, Address = region.Address + 4096, Length = 4096, Access = AccessFlags.RemoteWrite });
        AwaitOne(queue);
        fastKey = one.PostFastRegister(domain.AllocateFastRegion(4), new FastRegistration { Memory = memory, Offset = 8192, Bytes = 4096, Access = Access });
        AwaitOne(queue);
    }

    private static void Connect(QueuePair one, QueuePair other)
    {
        one.ToInit();
        other.ToInit();
        one.ToReadyToReceive(other.AddressWith(7));
        other.ToReadyToReceive(one.AddressWith(9));
        one.ToReadyToSend(9);
        other.ToReadyToSend(7);
    }

    /// <summary>What a key of the device opened before is open to a peer, which is another QP of the same device.</summary>
    private static void ExpectWrite(RestoredObjects restored, uint key, ulong address)
    {
        GuestMemory memory = restored.Memories[0];
        long offset = (long)(address - memory.Address);
        memory.AsSpan(0, 100).Fill(0x42);
        memory.AsSpan(offset, 100).Clear();
        restored.QueuePairs[1].PostSend(
            new SendRequest { Opcode = SendOpcode.Write, Flags = SendFlags.Signaled, RemoteAddress = address, RemoteKey = key },
            restored.MemoryRegions[0].Entry(0, 100));
        AwaitOne(restored.CompletionQueues[0]);
        Assert.Equal(-1, memory.AsSpan(offset, 100).IndexOfAnyExcept((byte)0x42));
    }

    /// <summary>A datagram to the own address comes into the receive that the process before had posted, and fires the channel.</summary>
    private static void ExpectDatagram(RestoredObjects restored)
    {
        QueuePair datagrams = restored.QueuePairs[2];
        CompletionQueue queue = restored.CompletionQueues[0];
        datagrams.ActivateDatagrams(QueueKey);
        while (queue.Poll(new WorkCompletion[16]) > 0)
        {
            // What was flushed.
        }
        while (restored.CompletionChannels[0].TryGetEvent(out _))
        {
            // Of completions before.
        }
        queue.RequestNotification();
        restored.Memories[0].AsSpan(0, 64).Fill(0x24);
        datagrams.PostSend(
            new SendRequest { Opcode = SendOpcode.Send, Destination = restored.AddressHandles[0], RemoteQueuePair = datagrams.Number, RemoteQueueKey = QueueKey },
            restored.MemoryRegions[0].Entry(0, 64));
        Task<CompletionQueue> fired = restored.CompletionChannels[0].GetEventAsync(TestContext.Current.CancellationToken).AsTask();
        Assert.True(fired.Wait(20_000, TestContext.Current.CancellationToken), "no notification");
        Assert.Equal(queue, fired.Result);
        WorkCompletion completion = AwaitOne(queue);
        Assert.Equal((77ul, 104u), (completion.WorkRequestId, completion.ByteLength));
        Assert.Equal(-1, restored.Memories[0].AsSpan(16384 + 40, 64).IndexOfAnyExcept((byte)0x24));
    }

    private static WorkCompletion AwaitOne(CompletionQueue queue)
    {
        var one = new WorkCompletion[1];
        SnapshotScene.Await(() => queue.Poll(one) == 1, "no completion");
        Assert.Equal(CompletionStatus.Success, one[0].Status);
        return one[0];
    }
}
