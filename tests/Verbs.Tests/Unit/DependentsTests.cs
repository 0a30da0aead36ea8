namespace RoceEngine.Verbs.Tests;

public sealed class DependentsTests
{
    [Fact]
    public void Whatever_still_has_dependents_answers_EBUSY_and_lives_on()
    {
        using var bench = new FakeBench();
        GuestMemory memory = bench.Context.AllocateMemory(4096);
        MemoryRegion region = bench.Domain.RegisterMemory(memory, AccessFlags.LocalWrite);
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(bench.Domain.Dispose).Errno);
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(bench.Queue.Dispose).Errno);
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(bench.Channel.Dispose).Errno);
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(memory.Dispose).Errno);
        bench.Complete(1);
        Assert.Single(bench.PollAll());

        bench.QueuePair.Dispose();
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(bench.Domain.Dispose).Errno);
        region.Dispose();
        bench.Domain.Dispose();
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(bench.Channel.Dispose).Errno);
        bench.Queue.Dispose();
        bench.Channel.Dispose();
        memory.Dispose();

        // Twice is harmless.
        memory.Dispose();
        region.Dispose();
        bench.QueuePair.Dispose();
        bench.Queue.Dispose();
        bench.Domain.Dispose();
        bench.Channel.Dispose();
    }

    [Fact]
    public void A_destroyed_object_refuses_use()
    {
        using var bench = new FakeBench();
        bench.QueuePair.Dispose();
        Assert.Throws<ObjectDisposedException>(() => bench.QueuePair.PostSend(default, []));
        Assert.Throws<ObjectDisposedException>(() => bench.QueuePair.PostReceive(0, []));
        Assert.Throws<ObjectDisposedException>(bench.QueuePair.ToError);
        bench.Queue.Dispose();
        Assert.Throws<ObjectDisposedException>(() => bench.Queue.Poll(new WorkCompletion[1]));
        Assert.Throws<ObjectDisposedException>(() => bench.Domain.CreateQueuePair(
            new QueuePairOptions { SendCompletionQueue = bench.Queue, ReceiveCompletionQueue = bench.Queue }));
        GuestMemory memory = bench.Context.AllocateMemory(10);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => memory.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => bench.Domain.RegisterMemory(memory, AccessFlags.None));
        bench.Domain.Dispose();
        Assert.Throws<ObjectDisposedException>(() => bench.Domain.RegisterMemory(memory, AccessFlags.None));
    }

    [Fact]
    public void A_refused_destruction_keeps_the_object_usable()
    {
        using var bench = new FakeBench();
        bench.Device.Errors[Abi.PvrdmaCommand.DestroyQp] = Errno.Busy;
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(bench.QueuePair.Dispose).Errno);
        bench.QueuePair.PostSend(default, []);
        Assert.Equal(1, bench.FakeQueuePair.PendingSends);
        bench.QueuePair.Dispose();
    }

    [Fact]
    public void Registration_checks_range_rights_and_owner()
    {
        using var bench = new FakeBench();
        using var other = new FakeBench();
        using GuestMemory memory = bench.Context.AllocateMemory(10_000);
        Action[] bad =
        [
            () => bench.Domain.RegisterMemory(memory, -1, 10, AccessFlags.None),
            () => bench.Domain.RegisterMemory(memory, 0, 0, AccessFlags.None),
            () => bench.Domain.RegisterMemory(memory, 9_999, 2, AccessFlags.None),
            () => bench.Domain.RegisterMemory(memory, 1, long.MaxValue, AccessFlags.None),
            () => bench.Domain.RegisterMemory(memory, AccessFlags.RemoteWrite),
            () => bench.Domain.RegisterMemory(memory, AccessFlags.RemoteAtomic),
            () => bench.Domain.RegisterMemory(memory, (AccessFlags)0x4000),
            () => other.Domain.RegisterMemory(memory, AccessFlags.None),
            () => bench.Context.AllocateMemory(0),
        ];
        Assert.All(bad, verb => Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(verb).Errno));
        Assert.Equal(Errno.NoMemory, Assert.Throws<VerbsException>(() => bench.Context.AllocateMemory(long.MaxValue)).Errno);

        using MemoryRegion region = bench.Domain.RegisterMemory(memory, 5_000, 5_000, AccessFlags.LocalWrite | AccessFlags.RemoteWrite);
        Assert.Equal((memory.Address + 5_000, 5_000L), (region.Address, region.Length));
        ScatterGatherEntry entry = region.Entry(1_000);
        Assert.Equal((region.Address + 1_000, 4_000u, region.LocalKey), (entry.Address, entry.Length, entry.LocalKey));
        Assert.Throws<ArgumentOutOfRangeException>(() => region.Entry(5_001));
        Assert.Throws<ArgumentOutOfRangeException>(() => region.Entry(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => region.Entry(4_000, 1_001));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.AsSpan(9_999, 2).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.AsSpan(0, -1).Length);
        Assert.Equal(1, memory.AsSpan(9_999, 1).Length);
    }
}
