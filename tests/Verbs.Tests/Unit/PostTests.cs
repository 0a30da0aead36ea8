using System.Buffers.Binary;
using System.Runtime.InteropServices;
using CsCheck;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

public sealed class PostTests
{
    private static readonly ScatterGatherEntry[] Two = [new(0x1000, 10, 7), new(0x2000, 20, 8)];

    [Fact]
    public void A_write_is_laid_out_as_the_abi_says()
    {
        using var bench = new FakeBench();
        bench.QueuePair.PostSend(
            new SendRequest
            {
                WorkRequestId = 0xFEED, Opcode = SendOpcode.WriteWithImmediate, Flags = SendFlags.Signaled | SendFlags.Fence,
                Immediate = 0x11223344, RemoteAddress = 0xABCDEF, RemoteKey = 0x55,
            },
            Two);
        PvrdmaSendWqe wqe = bench.FakeQueuePair.TakeSend(out ReadOnlySpan<byte> rest);
        Assert.Equal((0xFEEDul, 2u, (uint)PvrdmaWrOpcode.RdmaWriteWithImmediate, 3u), (wqe.WorkRequestId, wqe.SgeCount, wqe.Opcode, wqe.Flags));
        Assert.Equal((0xABCDEFul, 0x55u), (wqe.RemoteAddress, wqe.RdmaRemoteKey));
        Assert.Equal(0x44332211u, wqe.ImmediateOrKey);
        PvrdmaSge[] sges = MemoryMarshal.Cast<byte, PvrdmaSge>(rest)[..2].ToArray();
        Assert.Equal((0x1000ul, 10u, 7u), (sges[0].Address, sges[0].Length, sges[0].LocalKey));
        Assert.Equal((0x2000ul, 20u, 8u), (sges[1].Address, sges[1].Length, sges[1].LocalKey));
        Assert.Equal([bench.QueuePair.Handle], bench.Device.TakeDoorbells(0));
        Assert.Empty(bench.Device.TakeDoorbells(1));
    }

    [Fact]
    public void An_atomic_is_laid_out_as_the_abi_says()
    {
        using var bench = new FakeBench();
        bench.QueuePair.PostSend(
            new SendRequest { Opcode = SendOpcode.CompareSwap, CompareAdd = 1, Swap = 2, RemoteAddress = 24, RemoteKey = 9 }, new ScatterGatherEntry(8, 8, 3));
        PvrdmaSendWqe wqe = bench.FakeQueuePair.TakeSend(out _);
        Assert.Equal(((uint)PvrdmaWrOpcode.AtomicCompareSwap, 1ul, 2ul), (wqe.Opcode, wqe.AtomicCompareOrAdd, wqe.AtomicSwap));
        Assert.Equal((24ul, 9u), (wqe.RemoteAddress, wqe.AtomicRemoteKey));
    }

    [Theory]
    [InlineData(SendOpcode.SendWithInvalidate, PvrdmaWrOpcode.SendWithInvalidate)]
    [InlineData(SendOpcode.LocalInvalidate, PvrdmaWrOpcode.LocalInvalidate)]
    public void A_key_to_invalidate_keeps_its_byte_order(SendOpcode opcode, PvrdmaWrOpcode expected)
    {
        using var bench = new FakeBench();
        bench.QueuePair.PostSend(new SendRequest { Opcode = opcode, Immediate = 0x11223344 }, []);
        PvrdmaSendWqe wqe = bench.FakeQueuePair.TakeSend(out _);
        Assert.Equal(((uint)expected, 0x11223344u), (wqe.Opcode, wqe.ImmediateOrKey));
    }

    [Fact]
    public unsafe void Inline_data_stands_where_the_entries_would_and_is_taken_at_the_post()
    {
        using var bench = new FakeBench(inlineBytes: 64);
        byte[] data = [.. Enumerable.Range(1, 50).Select(i => (byte)i)];
        byte[] expected = [.. data];
        bench.QueuePair.PostSendInline(new SendRequest { Opcode = SendOpcode.Send, WorkRequestId = 1 }, data);
        fixed (byte* pointer = data)
        {
            bench.QueuePair.PostSend(
                new SendRequest { Opcode = SendOpcode.Send, Flags = SendFlags.Inline, WorkRequestId = 2 },
                [new((ulong)pointer, 30, 0), new((ulong)pointer + 30, 20, 0)]);
        }

        data.AsSpan().Clear();
        for (ulong id = 1; id <= 2; id++)
        {
            PvrdmaSendWqe wqe = bench.FakeQueuePair.TakeSend(out ReadOnlySpan<byte> rest);
            Assert.Equal((id, 50u, (uint)PvrdmaSendFlags.Inline), (wqe.WorkRequestId, wqe.TotalBytes, wqe.Flags));
            Assert.Equal(expected, rest[..50].ToArray());
        }
    }

    [Fact]
    public void Bad_requests_are_refused_with_EINVAL_and_take_no_slot()
    {
        using var bench = new FakeBench(sges: 2, inlineBytes: 64);
        ScatterGatherEntry[] three = [default, default, default];
        Action[] bad =
        [
            () => bench.QueuePair.PostSend(new SendRequest { Opcode = SendOpcode.Send }, three),
            () => bench.QueuePair.PostSend(new SendRequest { Opcode = (SendOpcode)77 }, []),
            () => bench.QueuePair.PostSend(new SendRequest { Opcode = SendOpcode.BindWindow }, []),
            () => bench.QueuePair.PostSendInline(new SendRequest { Opcode = SendOpcode.Send }, new byte[bench.QueuePair.InlineBytes + 1]),
            () => bench.QueuePair.PostSendInline(new SendRequest { Opcode = SendOpcode.Read }, new byte[1]),
            () => bench.QueuePair.PostSend(
                new SendRequest { Opcode = SendOpcode.Send, Flags = SendFlags.Inline }, [new(1, uint.MaxValue, 0), new(1, uint.MaxValue, 0)]),
            () => bench.QueuePair.PostReceive(1, three),
        ];
        Assert.All(bad, post => Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(post).Errno));
        Assert.Equal((0, 0), (bench.FakeQueuePair.PendingSends, bench.FakeQueuePair.PendingReceives));
    }

    [Fact]
    public void Sends_are_refused_below_RTS_and_receives_in_reset()
    {
        using var bench = new FakeBench();
        using QueuePair fresh = bench.Domain.CreateQueuePair(new QueuePairOptions { SendCompletionQueue = bench.Queue, ReceiveCompletionQueue = bench.Queue });
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => fresh.PostReceive(1, [])).Errno);
        fresh.ToInit();
        fresh.PostReceive(1, []);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => fresh.PostSend(default, [])).Errno);
        fresh.ToError();
        fresh.PostSend(default, []);
    }

    [Fact]
    public void A_full_queue_says_so_and_every_slot_is_used()
    {
        using var bench = new FakeBench(depth: 8);
        for (int i = 0; i < 8; i++)
        {
            Assert.True(bench.QueuePair.TryPostSend(default, []));
            Assert.True(bench.QueuePair.TryPostReceive(0, []));
        }

        Assert.False(bench.QueuePair.TryPostSend(default, []));
        Assert.False(bench.QueuePair.TryPostReceive(0, []));
        Assert.False(bench.QueuePair.TryPostSendInline(default, [1]));
        Assert.Equal(Errno.NoMemory, Assert.Throws<VerbsException>(() => bench.QueuePair.PostSend(default, [])).Errno);
        Assert.Equal(Errno.NoMemory, Assert.Throws<VerbsException>(() => bench.QueuePair.PostReceive(0, [])).Errno);
        bench.FakeQueuePair.TakeSend(out _);
        Assert.True(bench.QueuePair.TryPostSend(default, []));
        Assert.False(bench.QueuePair.TryPostSend(default, []));
    }

    [Fact]
    public void Rings_wrap_for_ever_and_keep_the_order()
    {
        // A positive number posts so many, a negative one lets the device take so many.
        Gen.Int[-9, 9].Array[1, 100].Sample(steps =>
        {
            using var bench = new FakeBench(depth: 8);
            ulong posted = 0, taken = 0, received = 0, receiveTaken = 0;
            foreach (int step in steps)
            {
                for (int i = 0; i < Math.Abs(step); i++)
                {
                    if (step > 0)
                    {
                        bool room = posted - taken < 8;
                        if (bench.QueuePair.TryPostSend(new SendRequest { WorkRequestId = posted }, []) != room)
                            return false;
                        posted += room ? 1u : 0;
                        bool receiveRoom = received - receiveTaken < 8;
                        if (bench.QueuePair.TryPostReceive(received, Two) != receiveRoom)
                            return false;
                        received += receiveRoom ? 1u : 0;
                    }
                    else
                    {
                        if (taken < posted && bench.FakeQueuePair.TakeSend(out _).WorkRequestId != taken++)
                            return false;
                        if (receiveTaken < received && bench.FakeQueuePair.TakeReceive(out _).WorkRequestId != receiveTaken++)
                            return false;
                    }
                }
            }

            return bench.FakeQueuePair.PendingSends == (int)(posted - taken);
        }, iter: 60);
    }

    [Fact]
    public void A_batch_rings_once_at_its_end()
    {
        using var bench = new FakeBench(depth: 8);
        bench.QueuePair.BeginPost();
        bench.QueuePair.BeginPost();
        bench.QueuePair.PostSend(default, []);
        bench.QueuePair.PostSend(default, []);
        bench.QueuePair.PostReceive(1, []);
        bench.QueuePair.EndPost();
        Assert.Empty(bench.Device.TakeDoorbells(0));
        Assert.Empty(bench.Device.TakeDoorbells(1));
        bench.QueuePair.EndPost();
        Assert.Equal([bench.QueuePair.Handle], bench.Device.TakeDoorbells(0));
        Assert.Equal([bench.QueuePair.Handle], bench.Device.TakeDoorbells(1));
        Assert.Equal(2, bench.FakeQueuePair.PendingSends);
        Assert.Throws<InvalidOperationException>(bench.QueuePair.EndPost);
    }

    [Fact]
    public void A_batch_that_fills_the_queue_rings_by_itself()
    {
        using var bench = new FakeBench(depth: 8);
        bench.QueuePair.BeginPost();
        while (bench.QueuePair.TryPostSend(default, []))
        {
        }

        Assert.Equal([bench.QueuePair.Handle], bench.Device.TakeDoorbells(0));
        bench.QueuePair.EndPost();
        Assert.Empty(bench.Device.TakeDoorbells(0));
    }

    [Fact]
    public void The_worker_is_kicked_only_while_it_sleeps()
    {
        using var bench = new FakeBench(depth: 8);
        _ = bench.Device.KicksTaken;
        bench.QueuePair.PostSend(default, []);
        Assert.Equal(0, bench.Device.KicksTaken);
        bench.Device.SetNeedWakeup(true);
        bench.QueuePair.PostSend(default, []);
        bench.QueuePair.PostReceive(0, []);
        Assert.Equal(2, bench.Device.KicksTaken);
    }

    [Fact]
    public void Threads_post_without_losing_or_doubling_a_request()
    {
        const int threads = 4, each = 5_000;
        using var bench = new FakeBench(depth: 64);
        var seen = new int[threads * each];
        using var done = new CancellationTokenSource();
        var device = new Thread(() =>
        {
            while (!done.IsCancellationRequested || bench.FakeQueuePair.PendingSends > 0)
            {
                while (bench.FakeQueuePair.PendingSends > 0)
                    seen[bench.FakeQueuePair.TakeSend(out _).WorkRequestId]++;
                Thread.Yield();
            }
        });
        device.Start();
        Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, thread =>
        {
            for (int i = 0; i < each; i++)
            {
                while (!bench.QueuePair.TryPostSend(new SendRequest { WorkRequestId = (ulong)((thread * each) + i) }, Two))
                    Thread.Yield();
            }
        });
        done.Cancel();
        device.Join();
        Assert.All(seen, count => Assert.Equal(1, count));
    }

    [Fact]
    public void Sizes_beyond_the_device_are_refused_with_EINVAL()
    {
        using var bench = new FakeBench();
        var good = new QueuePairOptions { SendCompletionQueue = bench.Queue, ReceiveCompletionQueue = bench.Queue };
        QueuePairOptions[] bad =
        [
            good with { SendDepth = 4097 }, good with { ReceiveDepth = -1 }, good with { SendSges = 17 }, good with { ReceiveSges = 17 },
            good with { InlineBytes = 257 },
        ];
        Assert.All(bad, options => Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.Domain.CreateQueuePair(options)).Errno));
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.Context.CreateCompletionQueue(0)).Errno);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.Context.CreateCompletionQueue(8193)).Errno);
    }

    [Fact]
    public void The_address_vector_carries_the_mapped_gid()
    {
        using var bench = new FakeBench();
        PvrdmaModifyQp toReceive = bench.FakeQueuePair.Modified[1];
        PvrdmaGid gid = toReceive.Attributes.AddressHandle.GlobalRoute.DestinationGid;
        Assert.Equal(0xFFFF_7F0D0001u, BinaryPrimitives.ReadUInt64BigEndian(((ReadOnlySpan<byte>)gid)[8..]));
        Assert.Equal((5u, 17u, 5u), (toReceive.Attributes.PathMtu, toReceive.Attributes.DestinationQpn, toReceive.Attributes.ReceivePsn));
        Assert.Equal(8, toReceive.Attributes.MaxDestinationRdAtomic);
        var noMtu = new QueuePairAttributes { PathMtuBytes = 1500 };
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.QueuePair.Modify(noMtu, QueuePairAttributeMask.PathMtu)).Errno);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.QueuePair.Modify(default, QueuePairAttributeMask.AddressVector)).Errno);
    }
}
