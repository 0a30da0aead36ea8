using System.Net;

namespace RoceEngine.Verbs.Tests;

/// <summary>Modify, query, limits, and the order in which things are closed.</summary>
public abstract class StateTests(StackMode mode)
{
    [Fact]
    public void Query_returns_what_was_set()
    {
        using var duo = new Duo(mode, connect: false);
        QueuePair queuePair = duo.Left.QueuePair;
        Assert.Equal(QueuePairState.Reset, queuePair.Query().State);
        queuePair.ToInit(AccessFlags.RemoteRead);
        Assert.Equal((QueuePairState.Init, AccessFlags.RemoteRead, (byte)1), (queuePair.Query().State, queuePair.Query().Access, queuePair.Query().Port));
        queuePair.ToReadyToReceive(new QueuePairAddress(IPAddress.Parse("127.13.200.1"), 0xABCDEF, 0x123456), 512, 5, 20, 0x68, 33);
        queuePair.ToReadyToSend(0xFEDCBA, 17, 3, 6, 4);
        QueuePairAttributes queried = queuePair.Query();
        Assert.Equal(QueuePairState.ReadyToSend, queried.State);
        Assert.Equal((512, 0xABCDEFu, 0x123456u, 0xFEDCBAu), (queried.PathMtuBytes, queried.DestinationNumber, queried.ReceivePsn, queried.SendPsn));
        Assert.Equal((5, 20, 17, 3, 6, 4), (queried.MaxDestinationRdAtomic, queried.MinRnrTimer, queried.Timeout, queried.RetryCount, queried.RnrRetry, queried.MaxRdAtomic));
        Assert.Equal(("127.13.200.1", 0x68, 33), (queried.DestinationAddress?.ToString(), queried.TrafficClass, queried.HopLimit));
    }

    [Fact]
    public void Impossible_modifications_give_EINVAL_and_change_nothing()
    {
        using var duo = new Duo(mode, connect: false);
        QueuePair queuePair = duo.Left.QueuePair;
        QueuePairAddress peer = duo.Right.Address;
        Refused(() => queuePair.ToReadyToSend(1), QueuePairState.Reset);
        Refused(() => queuePair.ToReadyToReceive(peer), QueuePairState.Reset);
        Refused(() => queuePair.Modify(new QueuePairAttributes { State = QueuePairState.Init }, QueuePairAttributeMask.State), QueuePairState.Reset);
        queuePair.ToInit();
        Refused(() => queuePair.ToReadyToSend(1), QueuePairState.Init);
        Refused(() => queuePair.ToReadyToReceive(peer, 1_500), QueuePairState.Init);
        Refused(() => queuePair.ToReadyToReceive(peer, minRnrTimer: 32), QueuePairState.Init);
        Refused(() => queuePair.ToReadyToReceive(peer with { Number = 1 << 24 }), QueuePairState.Init);
        Refused(() => queuePair.ToReadyToReceive(peer with { Address = IPAddress.IPv6Any }), QueuePairState.Init);
        queuePair.ToReadyToReceive(peer, 1024);
        Refused(() => queuePair.ToReadyToSend(1, timeout: 32), QueuePairState.ReadyToReceive);
        Refused(() => queuePair.ToReadyToSend(1, retryCount: 8), QueuePairState.ReadyToReceive);
        Refused(() => queuePair.ToReadyToSend(1, rnrRetry: 8), QueuePairState.ReadyToReceive);
        Refused(
            () => queuePair.Modify(
                new QueuePairAttributes { CurrentState = QueuePairState.Init, State = QueuePairState.Error },
                QueuePairAttributeMask.State | QueuePairAttributeMask.CurrentState),
            QueuePairState.ReadyToReceive);
        queuePair.ToReadyToSend(1);
        Refused(() => queuePair.ToInit(), QueuePairState.ReadyToSend);
        Refused(() => queuePair.Modify(default, QueuePairAttributeMask.Capabilities), QueuePairState.ReadyToSend);

        void Refused(Action modify, QueuePairState state)
        {
            Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(modify).Errno);
            Assert.Equal((state, state), (queuePair.State, queuePair.Query().State));
        }
    }

    [Fact]
    public void The_device_and_its_port_describe_themselves()
    {
        using var duo = new Duo(mode, connect: false);
        RdmaContext context = duo.Left.Context;
        DeviceAttributes device = context.QueryDevice();
        Assert.InRange(device.MaxQueuePairs, 1, int.MaxValue);
        Assert.InRange(device.MaxInlineBytes, 64, 4096);
        Assert.InRange(device.MaxSges, 1, 64);
        Assert.InRange(device.MaxRdAtomic, 1, 255);
        Assert.True(device.HasAtomics);
        Assert.NotEqual(duo.Right.Context.QueryDevice().NodeGuid, device.NodeGuid);
        PortAttributes port = context.QueryPort();
        Assert.Equal((PortState.Active, 1u << 31), (port.State, port.MaxMessageBytes));
        Assert.InRange(port.ActiveMtuBytes, 256, 4096);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => context.QueryPort(2)).Errno);
        Assert.Equal(context.Address, context.QueryGid());
        Assert.Equal(0xFFFF, context.QueryPartitionKey());
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => context.QueryPartitionKey(1)).Errno);
    }

    [Fact]
    public void Limits_are_real_and_errors_leave_no_trace()
    {
        using var duo = new Duo(mode, connect: false);
        DeviceAttributes device = duo.Left.Context.QueryDevice();
        long free = duo.Left.Context.Driver.Allocator.FreeBytes;
        Assert.Equal(Errno.NoMemory, Assert.Throws<VerbsException>(() => duo.Left.Context.AllocateMemory(1L << 40)).Errno);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => duo.Left.Context.CreateCompletionQueue(device.MaxCompletionEntries + 1)).Errno);
        for (int round = 0; round < 200; round++)
        {
            using GuestMemory memory = duo.Left.Context.AllocateMemory(64 << 10);
            using MemoryRegion region = duo.Left.Domain.RegisterMemory(memory, AccessFlags.LocalWrite);
            using CompletionQueue queue = duo.Left.Context.CreateCompletionQueue(500);
            using QueuePair queuePair = duo.Left.Domain.CreateQueuePair(
                new QueuePairOptions { SendCompletionQueue = queue, ReceiveCompletionQueue = queue, SendDepth = 500 });
        }

        Assert.Equal(free, duo.Left.Context.Driver.Allocator.FreeBytes);
    }

    [Fact]
    public void Closing_a_device_amid_traffic_hurts_nobody_else()
    {
        using var duo = new Duo(mode, new EndpointOptions { Timeout = 10, RetryCount = 1 });
        for (ulong i = 0; i < 100; i++)
            duo.Left.Post(SendOpcode.Write, 0, 30_000, i, duo.Right, flags: SendFlags.Signaled);
        duo.Right.Context.Dispose();
        CompletionStatus last = CompletionStatus.Success;
        for (ulong i = 0; i < 100; i++)
        {
            WorkCompletion completion = duo.Next(duo.Left.SendQueue);
            Assert.Equal(i, completion.WorkRequestId);
            Assert.True(completion.Status is CompletionStatus.Success or CompletionStatus.RetryExceededError or CompletionStatus.FlushError);
            Assert.True(completion.Status >= last || completion.Status == CompletionStatus.FlushError, "a success after a failure");
            last = completion.Status;
        }
    }

    [Fact]
    public void Closing_the_own_device_amid_traffic_is_clean()
    {
        using var duo = new Duo(mode);
        for (ulong i = 0; i < 100; i++)
        {
            duo.Left.Post(SendOpcode.Write, 0, 30_000, i, duo.Right);
            duo.Left.Post(SendOpcode.Read, 1 << 20, 10, i, duo.Right, flags: SendFlags.None);
            if (i > 50)
                break;
        }

        duo.Left.Context.Dispose();
        Assert.Throws<ObjectDisposedException>(() => duo.Left.QueuePair.PostReceive(1, []));
    }

    [Fact]
    public void Closing_the_device_under_the_feet_of_those_who_post_and_poll_is_an_error_not_a_crash()
    {
        for (int round = 0; round < 5; round++)
        {
            using var duo = new Duo(mode);
            using var started = new CountdownEvent(3);
            Action[] uses =
            [
                () => duo.Left.QueuePair.TryPostSend(
                    new SendRequest { Opcode = SendOpcode.Write, RemoteAddress = duo.Right.Region.Address, RemoteKey = duo.Right.Region.RemoteKey },
                    [duo.Left.Region.Entry(0, 100)]),
                () => duo.Left.SendQueue.Poll(new WorkCompletion[1]),
                () => duo.Left.SendQueue.RequestNotification(),
            ];
            Task[] users =
            [
                .. uses.Select(use => Task.Factory.StartNew(
                    () =>
                    {
                        use();
                        started.Signal();
                        while (true)
                            use();
                    },
                    TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)),
            ];
            Assert.True(started.Wait(TimeSpan.FromSeconds(90), TestContext.Current.CancellationToken));
            duo.Left.Context.Dispose();
            foreach (Task user in users)
            {
                var ended = Assert.Throws<AggregateException>(() => user.Wait(TimeSpan.FromSeconds(90), TestContext.Current.CancellationToken));
                Assert.IsType<ObjectDisposedException>(ended.InnerException);
            }
        }
    }
}
