using CsCheck;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

public sealed class PollTests
{
    [Fact]
    public void A_completion_arrives_with_all_of_its_parts()
    {
        using var bench = new FakeBench();
        bench.FakeQueue.Complete(new PvrdmaCqe
        {
            WorkRequestId = 5, QpHandle = bench.QueuePair.Handle, Opcode = (uint)PvrdmaWcOpcode.Receive, ByteLength = 77,
            ImmediateOrKey = 0x44332211, Flags = (uint)PvrdmaWcFlags.WithImmediate, SourceQpn = 3, VendorError = 9,
        });
        bench.FakeQueue.Complete(new PvrdmaCqe
        {
            QpHandle = bench.QueuePair.Handle, Opcode = (uint)PvrdmaWcOpcode.Receive, ImmediateOrKey = 0x11223344, Flags = (uint)PvrdmaWcFlags.WithInvalidate,
        });
        bench.FakeQueue.Complete(new PvrdmaCqe { QpHandle = bench.QueuePair.Handle, Opcode = (uint)PvrdmaWcOpcode.LocalInvalidate });
        List<WorkCompletion> all = bench.PollAll();
        Assert.Equal(3, all.Count);
        Assert.Equal((5ul, CompletionStatus.Success, WorkCompletionOpcode.Receive, 77u), (all[0].WorkRequestId, all[0].Status, all[0].Opcode, all[0].ByteLength));
        Assert.Equal((0x11223344u, CompletionFlags.WithImmediate), (all[0].ImmediateData, all[0].Flags));
        Assert.Equal((bench.QueuePair.Number, 3u, 9u), (all[0].QueuePairNumber, all[0].SourceQueuePair, all[0].VendorError));
        Assert.Equal((0x11223344u, CompletionFlags.WithInvalidate), (all[1].ImmediateData, all[1].Flags));
        Assert.Equal(WorkCompletionOpcode.LocalInvalidate, all[2].Opcode);
        Assert.Equal(QueuePairState.ReadyToSend, bench.QueuePair.State);
    }

    [Theory]
    [InlineData(PvrdmaWcOpcode.Send, WorkCompletionOpcode.Send)]
    [InlineData(PvrdmaWcOpcode.RdmaWrite, WorkCompletionOpcode.Write)]
    [InlineData(PvrdmaWcOpcode.RdmaRead, WorkCompletionOpcode.Read)]
    [InlineData(PvrdmaWcOpcode.CompareSwap, WorkCompletionOpcode.CompareSwap)]
    [InlineData(PvrdmaWcOpcode.FetchAdd, WorkCompletionOpcode.FetchAdd)]
    [InlineData(PvrdmaWcOpcode.BindMemoryWindow, WorkCompletionOpcode.BindWindow)]
    [InlineData(PvrdmaWcOpcode.LocalInvalidate, WorkCompletionOpcode.LocalInvalidate)]
    [InlineData(PvrdmaWcOpcode.FastRegisterMr, WorkCompletionOpcode.FastRegister)]
    [InlineData(PvrdmaWcOpcode.MaskedCompareSwap, WorkCompletionOpcode.MaskedCompareSwap)]
    [InlineData(PvrdmaWcOpcode.MaskedFetchAdd, WorkCompletionOpcode.MaskedFetchAdd)]
    [InlineData(PvrdmaWcOpcode.Flush, WorkCompletionOpcode.Flush)]
    [InlineData(PvrdmaWcOpcode.AtomicWrite, WorkCompletionOpcode.AtomicWrite)]
    [InlineData(PvrdmaWcOpcode.Receive, WorkCompletionOpcode.Receive)]
    [InlineData(PvrdmaWcOpcode.ReceiveRdmaWithImmediate, WorkCompletionOpcode.ReceiveWriteWithImmediate)]
    public void Opcodes_of_the_abi_become_those_of_the_verbs(PvrdmaWcOpcode abi, WorkCompletionOpcode expected)
    {
        using var bench = new FakeBench();
        bench.FakeQueue.Complete(new PvrdmaCqe { QpHandle = bench.QueuePair.Handle, Opcode = (uint)abi });
        Assert.Equal(expected, Assert.Single(bench.PollAll()).Opcode);
    }

    [Theory]
    [InlineData(QueuePairType.Ud, PvrdmaWcOpcode.Send, PvrdmaWcStatus.LocalProtectionError, QueuePairState.SendQueueError)]
    [InlineData(QueuePairType.Uc, PvrdmaWcOpcode.RdmaWrite, PvrdmaWcStatus.LocalLengthError, QueuePairState.SendQueueError)]
    [InlineData(QueuePairType.Ud, PvrdmaWcOpcode.Receive, PvrdmaWcStatus.LocalLengthError, QueuePairState.Error)]
    [InlineData(QueuePairType.Ud, PvrdmaWcOpcode.Send, PvrdmaWcStatus.FlushError, QueuePairState.Error)]
    public void A_failed_send_of_an_unreliable_service_stops_the_sends_alone(
        QueuePairType type, PvrdmaWcOpcode opcode, PvrdmaWcStatus status, QueuePairState expected)
    {
        using var bench = new FakeBench();
        QueuePair queuePair = bench.CreateDatagramQueuePair(type: type);
        bench.FakeQueue.Complete(new PvrdmaCqe { QpHandle = queuePair.Handle, Opcode = (uint)opcode, Status = (uint)status });
        _ = Assert.Single(bench.PollAll());
        Assert.Equal(expected, queuePair.State);

        // What is flushed behind it changes nothing.
        bench.FakeQueue.Complete(new PvrdmaCqe { QpHandle = queuePair.Handle, Opcode = (uint)PvrdmaWcOpcode.Send, Status = (uint)PvrdmaWcStatus.FlushError });
        _ = Assert.Single(bench.PollAll());
        Assert.Equal(expected, queuePair.State);
    }

    [Fact]
    public void A_failed_completion_shows_in_the_state()
    {
        using var bench = new FakeBench();
        bench.Complete(1, status: PvrdmaWcStatus.RetryExceededError);
        Assert.Equal(CompletionStatus.RetryExceededError, Assert.Single(bench.PollAll()).Status);
        Assert.Equal(QueuePairState.Error, bench.QueuePair.State);
    }

    [Fact]
    public void Order_holds_over_many_wraps_and_any_batch_size()
    {
        using var bench = new FakeBench(entries: 16);
        ulong next = 0, expected = 0;
        var buffer = new WorkCompletion[20];
        for (int round = 0; round < 200; round++)
        {
            for (int i = 0; i < (round % 16) + 1; i++)
                bench.Complete(next++);
            int count;
            while ((count = bench.Queue.Poll(buffer.AsSpan(0, (round % 20) + 1))) > 0)
            {
                for (int i = 0; i < count; i++)
                    Assert.Equal(expected++, buffer[i].WorkRequestId);
            }
        }

        Assert.Equal(next, expected);
        Assert.Equal(0, bench.Queue.Poll([]));
    }

    [Fact]
    public void Completions_of_a_destroyed_queue_pair_never_show_up_and_others_keep_their_order()
    {
        Gen.Select(Gen.Bool.Array[0, 16], Gen.Int[0, 31]).Sample((owners, rotation) =>
        {
            using var bench = new FakeBench(entries: 16);
            QueuePair doomed = bench.CreateQueuePair();
            for (int i = 0; i < rotation; i++)
            {
                bench.Complete(0);
                if (bench.PollAll().Count != 1)
                    return false;
            }

            for (int i = 0; i < owners.Length; i++)
                bench.Complete((ulong)i, owners[i] ? doomed : bench.QueuePair);
            doomed.Dispose();
            IEnumerable<ulong> expected = Enumerable.Range(0, owners.Length).Where(i => !owners[i]).Select(i => (ulong)i);
            return bench.PollAll().Select(completion => completion.WorkRequestId).SequenceEqual(expected);
        }, iter: 60);
    }

    [Fact]
    public void A_late_completion_of_a_destroyed_queue_pair_is_swallowed()
    {
        using var bench = new FakeBench();
        QueuePair doomed = bench.CreateQueuePair();
        doomed.Dispose();
        bench.Complete(1, doomed);
        bench.Complete(2);
        Assert.Equal(2ul, Assert.Single(bench.PollAll()).WorkRequestId);
    }

    [Fact]
    public void A_reset_forgets_completions_and_begins_the_rings_again()
    {
        using var bench = new FakeBench(depth: 8);
        for (int i = 0; i < 5; i++)
            bench.QueuePair.PostSend(default, []);
        bench.Complete(1);
        bench.QueuePair.ToReset();
        Assert.Empty(bench.PollAll());
        Assert.Equal(0, bench.FakeQueuePair.PendingSends);
        bench.QueuePair.ToInit();
        bench.QueuePair.ToReadyToReceive(new QueuePairAddress(bench.Context.Address, 1, 1));
        bench.QueuePair.ToReadyToSend(1);
        for (int i = 0; i < 8; i++)
            Assert.True(bench.QueuePair.TryPostSend(default, []));
        Assert.Equal(8, bench.FakeQueuePair.PendingSends);
    }

    [Fact]
    public void Threads_poll_without_losing_or_doubling_a_completion()
    {
        const int total = 40_000;
        using var bench = new FakeBench(entries: 64);
        var seen = new int[total];
        int polled = 0;
        var device = new Thread(() =>
        {
            for (uint i = 0; i < total; i++)
            {
                while (RingIndex.Used(i & 127, bench.FakeQueue.ConsumerHead, 64) >= 64)
                    Thread.Yield();
                bench.Complete(i);
            }
        });
        device.Start();
        Parallel.For(0, 3, new ParallelOptions { MaxDegreeOfParallelism = 3 }, _ =>
        {
            var buffer = new WorkCompletion[5];
            while (Volatile.Read(ref polled) < total)
            {
                int count = bench.Queue.Poll(buffer);
                for (int i = 0; i < count; i++)
                    Interlocked.Increment(ref seen[buffer[i].WorkRequestId]);
                Interlocked.Add(ref polled, count);
                if (count == 0)
                    Thread.Yield();
            }
        });
        device.Join();
        Assert.All(seen, count => Assert.Equal(1, count));
    }
}
