using System.Buffers.Binary;

namespace RoceEngine.Verbs.Tests;

/// <summary>Many requests at once: full queues, wrap-around, order, selective signalling, fences.</summary>
public abstract class PipelineTests(StackMode mode)
{
    [Fact]
    public void A_full_send_queue_wraps_with_selective_signalling()
    {
        const int total = 3_000, bytes = 64, slots = 512;
        using var duo = new Duo(mode);
        int posted = 0, completed = 0;
        byte[] expected = new byte[slots * bytes];
        while (completed < total)
        {
            while (posted < total)
            {
                int slot = posted % slots;
                if (slot == 0 && posted > 0)
                {
                    // The source may be rewritten only when its writes are done.
                    break;
                }

                PostNumber(posted);
            }

            while (completed < posted)
                completed = (int)duo.NextSuccess(duo.Left.SendQueue).WorkRequestId + 1;
            if (posted < total)
                PostNumber(posted);
        }

        Assert.Equal(total, completed);
        Assert.True(duo.Right.Bytes(1 << 20, expected.Length).SequenceEqual(expected));

        void PostNumber(int number)
        {
            int offset = number % slots * bytes;
            duo.Left.Bytes(offset, bytes).Fill((byte)((number * 31) + 7));
            expected.AsSpan(offset, bytes).Fill((byte)((number * 31) + 7));
            bool signaled = number % 16 == 15 || number == total - 1 || number % slots == slots - 1 || number % slots == 0;
            var request = new SendRequest
            {
                WorkRequestId = (ulong)number, Opcode = SendOpcode.Write, Flags = signaled ? SendFlags.Signaled : SendFlags.None,
                RemoteAddress = duo.Right.Region.Address + (1 << 20) + (ulong)offset, RemoteKey = duo.Right.Region.RemoteKey,
            };
            while (!duo.Left.QueuePair.TryPostSend(request, [duo.Left.Region.Entry(offset, bytes)]))
                completed = (int)duo.NextSuccess(duo.Left.SendQueue).WorkRequestId + 1;
            posted++;
        }
    }

    [Fact]
    public void Messages_arrive_in_order_in_both_directions_at_once()
    {
        const int total = 600, slotBytes = 6_000, depth = 64;
        using var duo = new Duo(mode, new EndpointOptions { Depth = depth });
        Endpoint[] ends = [duo.Left, duo.Right];
        int[] sent = [0, 0], received = [0, 0], done = [0, 0];
        foreach (Endpoint end in ends)
        {
            end.Fill(0, 1 << 20, seed: 5);
            for (int i = 0; i < depth; i++)
                end.Receive((ulong)i, (1 << 20) + (i * slotBytes), slotBytes);
        }

        duo.Until(
            () =>
            {
                for (int side = 0; side < 2; side++)
                    Pump(side);
                return received[0] == total && received[1] == total && done[0] == total && done[1] == total;
            },
            "the exchange did not finish");

        void Pump(int side)
        {
            Endpoint end = ends[side];
            var completions = new WorkCompletion[16];
            while (sent[side] < total && sent[side] - done[side] < depth)
            {
                int length = LengthOf(sent[side]);
                end.Post(SendOpcode.SendWithImmediate, sent[side], length, id: (ulong)sent[side], immediate: (uint)sent[side]);
                sent[side]++;
            }

            int count = end.SendQueue.Poll(completions);
            for (int i = 0; i < count; i++)
                Assert.Equal((CompletionStatus.Success, (ulong)done[side]++), (completions[i].Status, completions[i].WorkRequestId));
            count = end.ReceiveQueue.Poll(completions);
            for (int i = 0; i < count; i++)
            {
                int number = received[side]++;
                Assert.Equal((CompletionStatus.Success, (uint)number, (uint)LengthOf(number)), (completions[i].Status, completions[i].ImmediateData, completions[i].ByteLength));
                int offset = (1 << 20) + ((int)completions[i].WorkRequestId * slotBytes);
                Assert.True(end.Bytes(offset, LengthOf(number)).SequenceEqual(ends[1 - side].Bytes(number, LengthOf(number))));
                end.Receive(completions[i].WorkRequestId, offset, slotBytes);
            }
        }

        static int LengthOf(int number) => number * 7919 % slotBytes;
    }

    [Fact]
    public void A_random_mix_of_operations_gives_the_same_memory_as_a_model()
    {
        const int area = 200_000, depth = 32;
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        using var duo = new Duo(mode, new EndpointOptions { Depth = depth });
        byte[] left = duo.Left.Fill(0, area, seed);
        byte[] right = duo.Right.Fill(0, area, seed + 1);
        int outstanding = 0;
        for (int i = 0; i < 400; i++)
        {
            SendOpcode opcode = random.Next(4) switch { 0 => SendOpcode.Read, 1 => SendOpcode.FetchAdd, _ => SendOpcode.Write };
            int bytes = opcode == SendOpcode.FetchAdd ? 8 : random.Next(9_000);
            int from = random.Next(area - bytes), into = random.Next(area - bytes) & ~7;

            // Everything in flight is ordered at the responder, but a READ's bytes reach the requester late: so each depends on the one before.
            if (opcode == SendOpcode.FetchAdd)
            {
                ulong old = BinaryPrimitives.ReadUInt64LittleEndian(right.AsSpan(into));
                BinaryPrimitives.WriteUInt64LittleEndian(left.AsSpan(from), old);
                BinaryPrimitives.WriteUInt64LittleEndian(right.AsSpan(into), old + 3);
            }
            else if (opcode == SendOpcode.Read)
            {
                right.AsSpan(into, bytes).CopyTo(left.AsSpan(from));
            }
            else
            {
                left.AsSpan(from, bytes).CopyTo(right.AsSpan(into));
            }

            duo.Left.QueuePair.PostSend(
                new SendRequest
                {
                    Opcode = opcode, Flags = SendFlags.Signaled | SendFlags.Fence, CompareAdd = 3,
                    RemoteAddress = duo.Right.Region.Address + (ulong)into, RemoteKey = duo.Right.Region.RemoteKey,
                },
                duo.Left.Region.Entry(from, bytes));
            if (++outstanding == depth)
            {
                duo.NextSuccess(duo.Left.SendQueue);
                outstanding--;
            }

            // A source may not change while a WRITE before it still reads it: let everything finish before a READ or atomic changes our side.
            if (opcode != SendOpcode.Write)
                Finish();
        }

        Finish();
        Assert.True(duo.Left.Bytes(0, area).SequenceEqual(left), $"the requester's memory differs, seed {seed}");
        Assert.True(duo.Right.Bytes(0, area).SequenceEqual(right), $"the responder's memory differs, seed {seed}");

        void Finish()
        {
            for (; outstanding > 0; outstanding--)
                duo.NextSuccess(duo.Left.SendQueue);
        }
    }

    [Fact]
    public void Reads_fill_the_pipeline_beyond_the_initiator_depth()
    {
        const int total = 200, bytes = 5_000;
        using var duo = new Duo(mode);
        byte[] there = duo.Right.Fill(0, total + bytes, seed: 8);
        for (int i = 0; i < total; i++)
        {
            if (i >= 100)
                Assert.Equal((ulong)(i - 100), duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
            duo.Left.Post(SendOpcode.Read, i * bytes, bytes, (ulong)i, duo.Right, i);
        }

        for (int i = total - 100; i < total; i++)
            Assert.Equal((ulong)i, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
        for (int i = 0; i < total; i++)
            Assert.True(duo.Left.Bytes(i * bytes, bytes).SequenceEqual(there.AsSpan(i, bytes)));
    }

    [Fact]
    public void A_fence_lets_a_write_send_what_the_read_before_it_fetched()
    {
        const int bytes = 300_000;
        using var duo = new Duo(mode);
        for (int round = 0; round < 5; round++)
        {
            byte[] there = duo.Right.Fill(0, bytes, seed: round);
            duo.Left.Post(SendOpcode.Read, 0, bytes, 1, duo.Right, 0, SendFlags.None);
            duo.Left.Post(SendOpcode.Write, 0, bytes, 2, duo.Right, 1 << 20, SendFlags.Fence | SendFlags.Signaled);
            Assert.Equal(2ul, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
            Assert.True(duo.Right.Bytes(1 << 20, bytes).SequenceEqual(there));
        }
    }

    [Fact]
    public void Signal_all_completes_every_send()
    {
        using var duo = new Duo(mode, new EndpointOptions { SignalAll = true });
        for (ulong i = 0; i < 50; i++)
            duo.Left.Post(SendOpcode.Write, 0, 8, i, duo.Right, 0, SendFlags.None);
        for (ulong i = 0; i < 50; i++)
            Assert.Equal(i, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
    }

    [Fact]
    public void A_batch_goes_out_whole()
    {
        using var duo = new Duo(mode);
        duo.Left.QueuePair.BeginPost();
        for (ulong i = 0; i < 100; i++)
            duo.Left.Post(SendOpcode.FetchAdd, 8 * (int)i, 8, i, duo.Right, 0);
        duo.Left.QueuePair.EndPost();
        for (ulong i = 0; i < 100; i++)
            Assert.Equal(i, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
    }
}
