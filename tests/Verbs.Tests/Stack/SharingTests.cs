using System.Buffers.Binary;

namespace RoceEngine.Verbs.Tests;

/// <summary>Several threads on one QP, several QPs on one CQ.</summary>
public abstract class SharingTests(StackMode mode)
{
    [Fact]
    public void Several_threads_post_and_poll_one_queue_pair()
    {
        const int threads = 4, each = 500;
        using var duo = new Duo(mode);
        var seen = new int[threads * each];
        int polled = 0;
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, thread =>
        {
            var completions = new WorkCompletion[8];
            for (int i = 0; i < each || Volatile.Read(ref polled) < threads * each;)
            {
                if (i < each)
                {
                    var add = new SendRequest
                    {
                        WorkRequestId = (ulong)((thread * each) + i), Opcode = SendOpcode.FetchAdd, Flags = SendFlags.Signaled, CompareAdd = 1,
                        RemoteAddress = duo.Right.Region.Address, RemoteKey = duo.Right.Region.RemoteKey,
                    };
                    if (duo.Left.QueuePair.TryPostSend(add, [duo.Left.Region.Entry(((thread * each) + i) * 8, 8)]))
                        i++;
                }

                int count = duo.Left.SendQueue.Poll(completions);
                for (int c = 0; c < count; c++)
                {
                    Assert.Equal(CompletionStatus.Success, completions[c].Status);
                    Interlocked.Increment(ref seen[completions[c].WorkRequestId]);
                }

                Interlocked.Add(ref polled, count);
                if (count == 0)
                {
                    duo.Progress();
                    Thread.Yield();
                }
            }
        });
        Assert.All(seen, count => Assert.Equal(1, count));

        // Each add saw another value: none was applied twice.
        ulong[] olds = [.. Enumerable.Range(0, threads * each).Select(i => BinaryPrimitives.ReadUInt64LittleEndian(duo.Left.Bytes(i * 8, 8))).Order()];
        Assert.Equal(Enumerable.Range(0, threads * each).Select(i => (ulong)i), olds);
    }

    [Fact]
    public void Many_queue_pairs_share_the_completion_queues()
    {
        const int pairs = 24, rounds = 10;
        using var duo = new Duo(mode, new EndpointOptions { Depth = 256 });
        var lefts = new List<QueuePair>();
        var rights = new List<QueuePair>();
        for (int i = 0; i < pairs; i++)
        {
            lefts.Add(Create(duo.Left));
            rights.Add(Create(duo.Right));
            Connect(lefts[i], rights[i].AddressWith(20));
            Connect(rights[i], lefts[i].AddressWith(20));
        }

        duo.Left.Fill(0, pairs * 1_000, seed: 3);
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < pairs; i++)
            {
                lefts[i].PostSend(
                    new SendRequest
                    {
                        WorkRequestId = (ulong)i, Opcode = SendOpcode.Write, Flags = SendFlags.Signaled,
                        RemoteAddress = duo.Right.Region.Address + (ulong)(i * 1_000), RemoteKey = duo.Right.Region.RemoteKey,
                    },
                    duo.Left.Region.Entry(i * 1_000, 1_000));
            }

            var numbers = new HashSet<uint>();
            for (int i = 0; i < pairs; i++)
            {
                WorkCompletion done = duo.NextSuccess(duo.Left.SendQueue);
                Assert.Equal(lefts[(int)done.WorkRequestId].Number, done.QueuePairNumber);
                Assert.True(numbers.Add(done.QueuePairNumber));
            }
        }

        Assert.True(duo.Right.Bytes(0, pairs * 1_000).SequenceEqual(duo.Left.Bytes(0, pairs * 1_000)));
        lefts.ForEach(queuePair => queuePair.Dispose());
        rights.ForEach(queuePair => queuePair.Dispose());

        static QueuePair Create(Endpoint end) => end.Domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = end.SendQueue, ReceiveCompletionQueue = end.ReceiveQueue, SendDepth = 16, ReceiveDepth = 16,
        });

        static void Connect(QueuePair queuePair, QueuePairAddress remote)
        {
            queuePair.ToInit();
            queuePair.ToReadyToReceive(remote, 1024);
            queuePair.ToReadyToSend(20);
        }
    }
}
