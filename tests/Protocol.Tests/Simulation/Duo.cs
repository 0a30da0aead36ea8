using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests.Simulation;

/// <summary>How the two QPs of a <see cref="Duo"/> are connected.</summary>
internal record struct DuoOptions()
{
    public int PathMtuBytes = 1024;
    public byte Timeout = 14;
    public byte RetryCount = 7;
    public byte RnrRetry = 7;
    public byte MinRnrTimer = 1;
    public byte MaxRdAtomic = 4;
    public byte MaxDestinationRdAtomic = 4;
    public AccessFlags Access = AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic;
    public uint RequesterPsn = 0xFFFFF0;
    public uint ResponderPsn = 0x100;
    public long WindowLimitBytes = 1 << 20;
    public bool IsLocal;
    public bool SignalAll = true;
    public bool Shared = false;
    public int MemoryPages = 1024;
    public bool SecondIsReadyToSend = true;
}

/// <summary>
/// Two connected QPs and a lossless network in the test's hands: nothing moves until the test says so, and it may drop or change
/// what is under way.
/// </summary>
internal sealed class Duo
{
    public const AccessFlags AllAccess =
        AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic;

    public Duo(in DuoOptions options)
    {
        Options = options;
        A = new FakeHost(Gid.FromIPv4(0x7F000002), new FlatMemory(options.MemoryPages)) { WindowLimitBytes = options.WindowLimitBytes };
        B = new FakeHost(Gid.FromIPv4(0x7F000003), new FlatMemory(options.MemoryPages)) { WindowLimitBytes = options.WindowLimitBytes };
        First = A.Create(11, options.SignalAll, options.Shared);
        Second = B.Create(22, options.SignalAll, options.Shared);
        Connect(First, B.Address, 22, options.RequesterPsn, options.ResponderPsn, options);
        Connect(Second, A.Address, 11, options.ResponderPsn, options.RequesterPsn, options, options.SecondIsReadyToSend);
        PathToB.Route.IsLocal = options.IsLocal;
        PathToA.Route.IsLocal = options.IsLocal;
        LocalKey = A.Memory.RegisterAll(AllAccess);
        RemoteKey = B.Memory.RegisterAll(AllAccess);
    }

    public DuoOptions Options { get; }

    public FakeHost A { get; }

    public FakeHost B { get; }

    public QueuePair First { get; }

    public QueuePair Second { get; }

    public Path PathToB => A.Paths[B.Address];

    public Path PathToA => B.Paths[A.Address];

    public Rings FirstRings => FakeHost.RingsOf(First);

    public Rings SecondRings => FakeHost.RingsOf(Second);

    /// <summary>A key of A's whole memory.</summary>
    public uint LocalKey { get; }

    /// <summary>A key of B's whole memory.</summary>
    public uint RemoteKey { get; }

    public long NowNs { get; set; } = 1_000_000;

    public PacketBuffer FromA { get; } = new();

    public PacketBuffer FromB { get; } = new();

    public static void Connect(
        QueuePair qp, Gid peer, uint peerQpn, uint sendPsn, uint receivePsn, in DuoOptions options, bool toReadyToSend = true)
    {
        var attributes = new QueuePairAttributes
        {
            State = QueuePairState.Init,
            Access = options.Access,
            Port = 1,
        };
        Must(qp.Modify(attributes, QueuePairAttributeMask.State | QueuePairAttributeMask.PartitionKeyIndex
            | QueuePairAttributeMask.Port | QueuePairAttributeMask.AccessFlags, 0));
        attributes.State = QueuePairState.ReadyToReceive;
        attributes.PathMtuBytes = options.PathMtuBytes;
        attributes.DestinationQpn = peerQpn;
        attributes.DestinationGid = peer;
        attributes.ReceivePsn = new Psn(receivePsn);
        attributes.MaxDestinationRdAtomic = options.MaxDestinationRdAtomic;
        attributes.MinRnrTimer = options.MinRnrTimer;
        Must(qp.Modify(attributes, QueuePairAttributeMask.State | QueuePairAttributeMask.AddressVector
            | QueuePairAttributeMask.PathMtu | QueuePairAttributeMask.DestinationQpn | QueuePairAttributeMask.ReceivePsn
            | QueuePairAttributeMask.MaxDestinationRdAtomic | QueuePairAttributeMask.MinRnrTimer, 0));
        if (toReadyToSend)
        {
            ToReadyToSend(qp, sendPsn, options);
        }
    }

    public static void ToReadyToSend(QueuePair qp, uint sendPsn, in DuoOptions options)
    {
        var attributes = new QueuePairAttributes
        {
            State = QueuePairState.ReadyToSend,
            SendPsn = new Psn(sendPsn),
            Timeout = options.Timeout,
            RetryCount = options.RetryCount,
            RnrRetry = options.RnrRetry,
            MaxRdAtomic = options.MaxRdAtomic,
        };
        Must(qp.Modify(attributes, QueuePairAttributeMask.State | QueuePairAttributeMask.SendPsn
            | QueuePairAttributeMask.Timeout | QueuePairAttributeMask.RetryCount | QueuePairAttributeMask.RnrRetry
            | QueuePairAttributeMask.MaxRdAtomic, 0));
    }

    // Assert.Equal allocates, and memory is measured around this.
    private static void Must(int result)
    {
        if (result != 0)
        {
            Assert.Fail($"modify returned {result}");
        }
    }

    /// <summary>Posts a request of the first QP and rings the doorbell.</summary>
    public void Post(in SendWorkRequest request)
    {
        FirstRings.Sends.Enqueue(request);
        First.HandleSendDoorbell(NowNs);
    }

    /// <summary>Posts a receive of the second QP.</summary>
    public void PostReceive(ulong id, ulong address, uint bytes)
    {
        var request = new ReceiveWorkRequest { WorkRequestId = id, SgeCount = 1, TotalBytes = bytes };
        request.Sges[0] = new ScatterGatherEntry { Address = address, Length = bytes, LocalKey = RemoteKey };
        SecondRings.Receives.Enqueue(request);
        Second.HandleReceiveDoorbell(NowNs);
    }

    /// <summary>Lets the scheduled QPs of A emit.</summary>
    public int PollA(int budget = 64) => Poll(A, FromA, budget);

    public int PollB(int budget = 64) => Poll(B, FromB, budget);

    public void DeliverToB()
    {
        for (int i = 0; i < FromA.Count; i++)
        {
            Second.HandlePacket(FromA[i], A.Address, NowNs);
        }

        FromA.Clear();
    }

    public void DeliverToA()
    {
        for (int i = 0; i < FromB.Count; i++)
        {
            First.HandlePacket(FromB[i], B.Address, NowNs);
        }

        FromB.Clear();
    }

    /// <summary>Emits and delivers until nothing moves without time.</summary>
    public void Settle()
    {
        for (int i = 0; i < 1_000_000; i++)
        {
            PollA();
            DeliverToB();
            PollB();
            DeliverToA();
            if (A.Scheduled.Count == 0 && B.Scheduled.Count == 0)
            {
                return;
            }
        }

        Assert.Fail("the two QPs never come to rest");
    }

    /// <summary>Goes to the next deadline and calls who is due. False when nobody waits for a time.</summary>
    public bool PassTime()
    {
        long next = Math.Min(A.Timers.NextDeadlineNs, B.Timers.NextDeadlineNs);
        if (next == long.MaxValue)
        {
            return false;
        }

        NowNs = Math.Max(NowNs, next);
        FireTimers();
        return true;
    }

    /// <summary>Moves the clock and calls who is due.</summary>
    public void Wait(long ns)
    {
        NowNs += ns;
        FireTimers();
    }

    public void AssertWindowsEmpty()
    {
        Assert.Equal(0, PathToB.Window.InFlightBytes);
        Assert.Equal(0, PathToA.Window.InFlightBytes);
        Assert.Equal(0, A.Resources.SlotsInUse);
        Assert.Equal(0, B.Resources.SlotsInUse);
    }

    private void FireTimers()
    {
        while ((A.Timers.PopDue(NowNs) ?? B.Timers.PopDue(NowNs)) is { } due)
        {
            due.HandleTimeout(NowNs);
        }
    }

    private int Poll(FakeHost host, PacketBuffer into, int budget)
    {
        int before = into.Count;
        for (int turns = host.Scheduled.Count; turns > 0; turns--)
        {
            QueuePair qp = host.Scheduled.Dequeue();
            if (qp.PollTransmit(into, budget, NowNs))
            {
                host.Scheduled.Enqueue(qp);
            }
        }

        return into.Count - before;
    }
}
