using System.Net;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

public sealed class ServiceTests
{
    private const QueuePairAttributeMask Connected = QueuePairAttributeMask.State | QueuePairAttributeMask.AddressVector
        | QueuePairAttributeMask.PathMtu | QueuePairAttributeMask.DestinationNumber | QueuePairAttributeMask.ReceivePsn;

    private static readonly SendOpcode[] All =
    [
        SendOpcode.Write, SendOpcode.WriteWithImmediate, SendOpcode.Send, SendOpcode.SendWithImmediate, SendOpcode.Read, SendOpcode.CompareSwap,
        SendOpcode.FetchAdd, SendOpcode.LocalInvalidate, SendOpcode.SendWithInvalidate, SendOpcode.MaskedCompareSwap, SendOpcode.MaskedFetchAdd,
        SendOpcode.Flush, SendOpcode.AtomicWrite,
    ];

    [Theory]
    [InlineData(QueuePairType.Rc, 13)]
    [InlineData(QueuePairType.Uc, 5)]
    [InlineData(QueuePairType.Ud, 2)]
    public void A_service_has_the_operations_of_the_specification(QueuePairType type, int count)
    {
        SendOpcode[] unreliable = [SendOpcode.Write, SendOpcode.WriteWithImmediate, SendOpcode.Send, SendOpcode.SendWithImmediate, SendOpcode.LocalInvalidate];
        SendOpcode[] allowed = type switch
        {
            QueuePairType.Rc => All,
            QueuePairType.Uc => unreliable,
            _ => [SendOpcode.Send, SendOpcode.SendWithImmediate],
        };
        Assert.Equal(count, allowed.Length);
        using var bench = new FakeBench();
        QueuePair queuePair = bench.CreateDatagramQueuePair(type: type);
        using AddressHandle handle = bench.Domain.CreateAddressHandle(new AddressHandleAttributes { DestinationAddress = IPAddress.Loopback });
        int posted = 0;
        for (int value = 0; value <= byte.MaxValue; value++)
        {
            var request = new SendRequest { Opcode = (SendOpcode)value, Destination = handle, FlushOptions = FlushOptions.Global };
            ScatterGatherEntry[] entries = request.Opcode == SendOpcode.AtomicWrite ? [new(1, 8, 1)] : [];
            if (allowed.Contains(request.Opcode))
            {
                queuePair.PostSend(request, entries);
                posted++;
            }
            else
            {
                Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => queuePair.PostSend(request, entries)).Errno);
            }
        }

        Assert.Equal((count, count), (posted, bench.Device.QueuePairs[queuePair.Handle].PendingSends));
    }

    [Theory]
    [InlineData(QueuePairType.Rc)]
    [InlineData(QueuePairType.Uc)]
    [InlineData(QueuePairType.Ud)]
    public void The_way_through_the_states_names_the_attributes_of_the_service(QueuePairType type)
    {
        const QueuePairAttributeMask init = QueuePairAttributeMask.State | QueuePairAttributeMask.PartitionKeyIndex | QueuePairAttributeMask.Port;
        const QueuePairAttributeMask send = QueuePairAttributeMask.State | QueuePairAttributeMask.SendPsn;
        QueuePairAttributeMask[] expected = type switch
        {
            QueuePairType.Rc =>
            [
                init | QueuePairAttributeMask.AccessFlags,
                Connected | QueuePairAttributeMask.MaxDestinationRdAtomic | QueuePairAttributeMask.MinRnrTimer,
                send | QueuePairAttributeMask.Timeout | QueuePairAttributeMask.RetryCount | QueuePairAttributeMask.RnrRetry | QueuePairAttributeMask.MaxRdAtomic,
            ],
            QueuePairType.Uc => [init | QueuePairAttributeMask.AccessFlags, Connected, send],
            _ => [init | QueuePairAttributeMask.QueueKey, QueuePairAttributeMask.State, send],
        };
        using var bench = new FakeBench();
        QueuePair queuePair = bench.CreateDatagramQueuePair(type: type);
        Assert.Equal(expected, bench.Device.QueuePairs[queuePair.Handle].Modified.Select(one => (QueuePairAttributeMask)one.AttributeMask));
        queuePair.ToSendQueueDrained();
        Assert.Equal(QueuePairState.SendQueueDrained, queuePair.State);
        queuePair.ToReadyToSendAgain();
        Assert.Equal(QueuePairState.ReadyToSend, queuePair.State);
        if (type == QueuePairType.Ud)
        {
            Assert.Equal(0x1234u, bench.Device.QueuePairs[queuePair.Handle].Modified[0].Attributes.Qkey);
            Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => queuePair.ToReadyToReceive(new QueuePairAddress(IPAddress.Loopback, 1, 1))).Errno);
        }
    }

    [Fact]
    public void Masked_atomics_are_laid_out_as_the_abi_says()
    {
        using var bench = new FakeBench();
        var request = new SendRequest
        {
            Opcode = SendOpcode.MaskedCompareSwap, RemoteAddress = 24, RemoteKey = 9, CompareAdd = 1, Swap = 2, CompareMask = 3, SwapMask = 4,
        };
        bench.QueuePair.PostSend(request, new ScatterGatherEntry(8, 8, 3));
        PvrdmaSendWqe wqe = bench.FakeQueuePair.TakeSend(out _);
        Assert.Equal(((uint)PvrdmaWrOpcode.MaskedAtomicCompareSwap, 24ul, 9u, 3u), (wqe.Opcode, wqe.RemoteAddress, wqe.MaskedRemoteKey, wqe.MaskedLogArgumentBytes));
        Assert.Equal((1ul, 2ul, 3ul, 4ul), (wqe.MaskedCompareOrBoundary, wqe.MaskedSwapOrAdd, wqe.MaskedCompareMask, wqe.MaskedSwapMask));
        bench.QueuePair.PostSend(
            new SendRequest { Opcode = SendOpcode.MaskedFetchAdd, RemoteAddress = 32, RemoteKey = 8, CompareAdd = 5, FieldBoundary = 6 },
            new ScatterGatherEntry(8, 8, 3));
        wqe = bench.FakeQueuePair.TakeSend(out _);
        Assert.Equal(((uint)PvrdmaWrOpcode.MaskedAtomicFetchAdd, 32ul, 8u), (wqe.Opcode, wqe.RemoteAddress, wqe.MaskedRemoteKey));
        Assert.Equal((6ul, 5ul, 0ul, 0ul), (wqe.MaskedCompareOrBoundary, wqe.MaskedSwapOrAdd, wqe.MaskedCompareMask, wqe.MaskedSwapMask));
    }

    [Fact]
    public void Flush_and_atomic_write_are_laid_out_as_the_abi_says()
    {
        using var bench = new FakeBench();
        bench.QueuePair.PostSend(
            new SendRequest
            {
                Opcode = SendOpcode.Flush, RemoteAddress = 0x1001, RemoteKey = 7, FlushBytes = 99, FlushOptions = FlushOptions.Persistent | FlushOptions.WholeRegion,
            },
            []);
        PvrdmaSendWqe wqe = bench.FakeQueuePair.TakeSend(out _);
        Assert.Equal(((uint)PvrdmaWrOpcode.Flush, 0x1001ul, 7u, 99u, 18u), (wqe.Opcode, wqe.RemoteAddress, wqe.RdmaRemoteKey, wqe.FlushLength, wqe.FlushOptions));
        bench.QueuePair.PostSendInline(new SendRequest { Opcode = SendOpcode.AtomicWrite, RemoteAddress = 16, RemoteKey = 6 }, [1, 2, 3, 4, 5, 6, 7, 8]);
        wqe = bench.FakeQueuePair.TakeSend(out ReadOnlySpan<byte> rest);
        Assert.Equal(((uint)PvrdmaWrOpcode.AtomicWrite, 16ul, 6u, 8u), (wqe.Opcode, wqe.RemoteAddress, wqe.RdmaRemoteKey, wqe.TotalBytes));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], rest[..8].ToArray());
    }

    [Fact]
    public void Impossible_flushes_and_atomic_writes_are_refused()
    {
        using var bench = new FakeBench();
        var flush = new SendRequest { Opcode = SendOpcode.Flush, FlushOptions = FlushOptions.Global };
        var write = new SendRequest { Opcode = SendOpcode.AtomicWrite };
        Action[] bad =
        [
            () => bench.QueuePair.PostSend(flush, new ScatterGatherEntry(1, 1, 1)),
            () => bench.QueuePair.PostSend(flush with { FlushOptions = FlushOptions.None }, []),
            () => bench.QueuePair.PostSend(flush with { FlushOptions = FlushOptions.WholeRegion }, []),
            () => bench.QueuePair.PostSend(flush with { FlushOptions = (FlushOptions)4 | FlushOptions.Global }, []),
            () => bench.QueuePair.PostSendInline(flush, []),
            () => bench.QueuePair.PostSend(write, new ScatterGatherEntry(1, 7, 1)),
            () => bench.QueuePair.PostSend(write, []),
            () => bench.QueuePair.PostSendInline(write, new byte[9]),
            () => bench.QueuePair.PostSendInline(new SendRequest { Opcode = SendOpcode.MaskedFetchAdd }, new byte[8]),
        ];
        Assert.All(bad, post => Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(post).Errno));
        Assert.Equal(0, bench.FakeQueuePair.PendingSends);
    }

    [Fact]
    public void The_alternate_path_is_told_and_asked_for()
    {
        using var bench = new FakeBench();
        var attributes = new QueuePairAttributes
        {
            AlternateAddress = IPAddress.Parse("127.13.0.77"), AlternatePort = 1, AlternateTimeout = 9, AlternatePartitionKeyIndex = 0,
            PathMigrationState = PathMigrationState.Rearm,
        };
        bench.QueuePair.Modify(attributes, QueuePairAttributeMask.AlternatePath | QueuePairAttributeMask.PathMigrationState);
        QueuePairAttributes queried = bench.QueuePair.Query();
        Assert.Equal(
            (attributes.AlternateAddress, 1, 9, PathMigrationState.Rearm),
            (queried.AlternateAddress, queried.AlternatePort, queried.AlternateTimeout, queried.PathMigrationState));
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.QueuePair.Modify(default, QueuePairAttributeMask.AlternatePath)).Errno);
    }

    [Fact]
    public void The_sizes_and_queues_it_was_made_with_are_told()
    {
        using var bench = new FakeBench(depth: 5, sges: 2, inlineBytes: 33);
        QueuePairOptions options = bench.QueuePair.Options;

        // A slot that has room for 33 bytes has room for 48.
        Assert.Equal((8, 8, 2, 2, 48), (options.SendDepth, options.ReceiveDepth, options.SendSges, options.ReceiveSges, options.InlineBytes));
        Assert.Equal((bench.Queue, bench.Queue, QueuePairType.Rc, false), (options.SendCompletionQueue, options.ReceiveCompletionQueue, options.Type, options.SignalAll));
    }
}
