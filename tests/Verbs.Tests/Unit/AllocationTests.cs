using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

/// <summary>Tests that measure the whole process run alone.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;

[Collection(nameof(AloneCollection))]
public sealed class AllocationTests
{
    [Fact]
    public void Posting_and_polling_allocate_nothing()
    {
        using var bench = new FakeBench(depth: 16, entries: 64);
        Run(bench);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 200; i++)
            Run(bench);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task Waiting_allocates_nothing_once_warm()
    {
        using var bench = new FakeBench();
        await WaitRounds(bench, 200);

        // The runtime's thread pool allocates now and then for itself, on a busy machine more often: one clean run of several is proof, since one
        // object per wait would show in all of them.
        const int rounds = 500, smallestObjectBytes = 24;
        var allocated = new List<long>();
        for (int run = 0; run < 20; run++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            await WaitRounds(bench, rounds);
            allocated.Add(GC.GetTotalAllocatedBytes(precise: true) - before);
            if (allocated[^1] < rounds * smallestObjectBytes / 4)
                return;
        }

        Assert.Fail($"bytes allocated by {rounds} waits, run by run: {string.Join(", ", allocated)}");
    }

    private static async Task WaitRounds(FakeBench bench, int rounds)
    {
        var one = new WorkCompletion[1];
        for (int i = 0; i < rounds; i++)
        {
            ValueTask wait = bench.Queue.WaitAsync();
            bench.Complete(1);
            bench.Device.Notify(bench.Queue.Handle);
            await wait.ConfigureAwait(false);
            _ = bench.Queue.Poll(one);
        }
    }

    private static void Run(FakeBench bench)
    {
        Span<WorkCompletion> completions = stackalloc WorkCompletion[4];
        Span<byte> data = stackalloc byte[16];
        var entry = new ScatterGatherEntry(1, 2, 3);
        for (int i = 0; i < 16; i++)
        {
            bench.QueuePair.PostSend(new SendRequest { Opcode = SendOpcode.Write }, in entry);
            bench.QueuePair.PostReceive(7, in entry);
            bench.FakeQueuePair.TakeSend(out _);
            bench.FakeQueuePair.TakeReceive(out _);
            bench.QueuePair.BeginPost();
            bench.QueuePair.PostSendInline(default, data);
            bench.QueuePair.EndPost();
            bench.FakeQueuePair.TakeSend(out _);
            bench.FakeQueue.Complete(new PvrdmaCqe { QpHandle = bench.QueuePair.Handle });
            bench.FakeQueue.Complete(new PvrdmaCqe { QpHandle = bench.QueuePair.Handle });
            bench.Queue.RequestNotification();
            if (bench.Queue.Poll(completions) != 2 || bench.Queue.Poll(completions) != 0)
                throw new InvalidOperationException("the bench lost a completion");
        }
    }
}
