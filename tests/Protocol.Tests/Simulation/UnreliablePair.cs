using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests.Simulation;

/// <summary>How the QPs of an <see cref="UnreliablePair"/> are set up.</summary>
internal record struct UnreliableOptions()
{
    public TransportService Service = TransportService.UnreliableDatagram;
    public int PathMtuBytes = 1024;
    public AccessFlags Access = Duo.AllAccess;
    public uint FirstPsn = 0xFFFFFE;
    public uint QueueKey = 0x1234_5678;
    public long WindowLimitBytes = 1 << 20;
    public bool IsLocal;
    public bool SignalAll = true;
    public bool Shared = false;
    public bool IPv6;
}

/// <summary>Two QPs of an unreliable service, and the packets from the first to the second in the test's hands.</summary>
internal sealed class UnreliablePair
{
    public const uint FirstQpn = 11;
    public const uint SecondQpn = 22;

    public UnreliablePair(in UnreliableOptions options)
    {
        Options = options;
        Gid left = options.IPv6 ? new Gid(0x2001_0db8_0000_0000, 2) : Gid.FromIPv4(0x7F000002);
        Gid right = options.IPv6 ? new Gid(0x2001_0db8_0000_0000, 3) : Gid.FromIPv4(0x7F000003);
        A = new FakeHost(left, new FlatMemory(1024)) { WindowLimitBytes = options.WindowLimitBytes };
        B = new FakeHost(right, new FlatMemory(1024)) { WindowLimitBytes = options.WindowLimitBytes };
        First = A.Create(FirstQpn, options.SignalAll, options.Shared, service: options.Service);
        Second = B.Create(SecondQpn, options.SignalAll, options.Shared, service: options.Service);
        LocalKey = A.Memory.RegisterAll(Duo.AllAccess);
        RemoteKey = B.Memory.RegisterAll(Duo.AllAccess);
        ToReady(First, B.Address, SecondQpn, options);
        ToReady(Second, A.Address, FirstQpn, options);
        A.ResolvePath(First, B.Address, 0, 64).Route.IsLocal = options.IsLocal;
    }

    public UnreliableOptions Options { get; }

    public FakeHost A { get; }

    public FakeHost B { get; }

    public QueuePair First { get; }

    public QueuePair Second { get; }

    public uint LocalKey { get; }

    public uint RemoteKey { get; }

    public Rings FirstRings => FakeHost.RingsOf(First);

    public Rings SecondRings => FakeHost.RingsOf(Second);

    public List<Completion> Received => SecondRings.ReceivesDone;

    public PacketBuffer Sent { get; } = new();

    public long NowNs { get; set; } = 1_000_000;

    public static void ToReady(QueuePair qp, Gid peer, uint peerQpn, in UnreliableOptions options)
    {
        Assert.Equal(0, ToInit(qp, options));
        Assert.Equal(0, ToReceive(qp, peer, peerQpn, options));
        Assert.Equal(0, qp.Modify(
            new QueuePairAttributes { State = QueuePairState.ReadyToSend, SendPsn = new Psn(options.FirstPsn) },
            QueuePairAttributeMask.State | QueuePairAttributeMask.SendPsn,
            0));
    }

    public static int ToInit(QueuePair qp, in UnreliableOptions options) => qp.Modify(
        new QueuePairAttributes { State = QueuePairState.Init, Access = options.Access, QueueKey = options.QueueKey, Port = 1 },
        QueuePairAttributeMask.State | QueuePairAttributeMask.PartitionKeyIndex | QueuePairAttributeMask.Port
            | (options.Service == TransportService.UnreliableDatagram ? QueuePairAttributeMask.QueueKey : QueuePairAttributeMask.AccessFlags),
        0);

    public static int ToReceive(QueuePair qp, Gid peer, uint peerQpn, in UnreliableOptions options) => qp.Modify(
        new QueuePairAttributes
        {
            State = QueuePairState.ReadyToReceive,
            DestinationGid = peer,
            DestinationQpn = peerQpn,
            PathMtuBytes = options.PathMtuBytes,
            ReceivePsn = new Psn(options.FirstPsn),
            HopLimit = 64,
        },
        QueuePairAttributeMask.State | (options.Service == TransportService.UnreliableDatagram
            ? QueuePairAttributeMask.None
            : QueuePairAttributeMask.AddressVector | QueuePairAttributeMask.PathMtu | QueuePairAttributeMask.DestinationQpn
                | QueuePairAttributeMask.ReceivePsn),
        0);

    /// <summary>A SEND (to the second QP where the service is datagrams) of bytes at an offset of A's memory.</summary>
    public SendWorkRequest Send(ulong id, uint bytes, ulong offset = 0) => To(Requests.Send(id, A.Memory.BaseAddress + offset, bytes, LocalKey));

    /// <summary>Addresses a request to the second QP.</summary>
    public SendWorkRequest To(SendWorkRequest request)
    {
        request.Datagram = new DatagramAddress { Gid = B.Address, Qpn = SecondQpn, QueueKey = Options.QueueKey, HopLimit = 64 };
        return request;
    }

    public void Post(in SendWorkRequest request)
    {
        FirstRings.Sends.Enqueue(request);
        First.HandleSendDoorbell(NowNs);
    }

    public void PostReceive(ulong id, uint bytes, ulong offset = 0)
    {
        var request = new ReceiveWorkRequest { WorkRequestId = id, SgeCount = 1, TotalBytes = bytes };
        request.Sges[0] = new ScatterGatherEntry { Address = B.Memory.BaseAddress + offset, Length = bytes, LocalKey = RemoteKey };
        SecondRings.Receives.Enqueue(request);
        Second.HandleReceiveDoorbell(NowNs);
    }

    /// <summary>Lets the first QP emit for a turn; returns how many packets wait now.</summary>
    public int Poll(int budget = 64)
    {
        for (int turns = A.Scheduled.Count; turns > 0; turns--)
        {
            QueuePair qp = A.Scheduled.Dequeue();
            if (qp.PollTransmit(Sent, budget, NowNs))
            {
                A.Scheduled.Enqueue(qp);
            }
        }

        return Sent.Count;
    }

    /// <summary>Hands over the packets that wait, those excepted whose index the test wants lost.</summary>
    public void Deliver(params int[] lost)
    {
        for (int i = 0; i < Sent.Count; i++)
        {
            if (!lost.Contains(i))
            {
                Hand(Sent[i]);
            }
        }

        Sent.Clear();
    }

    public void Hand(in Packet packet) => Second.HandleDatagram(packet, A.Address, B.Address, NowNs);

    /// <summary>Moves the clock and calls who is due.</summary>
    public void Wait(long ns)
    {
        NowNs += ns;
        while ((A.Timers.PopDue(NowNs) ?? B.Timers.PopDue(NowNs)) is { } due)
        {
            due.HandleTimeout(NowNs);
        }
    }

    /// <summary>Turn after turn until nobody waits for anything.</summary>
    public void Settle()
    {
        for (int i = 0; i < 100_000; i++)
        {
            Poll();
            Deliver();
            long next = A.Timers.NextDeadlineNs;
            if (A.Scheduled.Count == 0 && next == long.MaxValue)
            {
                return;
            }

            Wait(A.Scheduled.Count > 0 ? 1 : Math.Max(0, next - NowNs));
        }

        Assert.Fail("the sender never comes to rest");
    }
}
