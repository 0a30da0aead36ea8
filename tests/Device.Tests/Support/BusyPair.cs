using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Protocol;

namespace Device.Tests;

/// <summary>Two guests with objects of all kinds, and traffic of all kinds between them, of which a part is lost: something is always under way.</summary>
internal sealed unsafe class BusyPair : IDisposable
{
    public const ExtensionBits AllBits = ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord
        | ExtensionBits.UnreliableConnection | ExtensionBits.ExtendedVerbs | ExtensionBits.MemoryWindows;

    private const int RegionBytes = 1 << 17;
    private const uint Qkey = 0x1111_2222;

    private readonly Random _random;
    private readonly DevicePair.Endpoint _a;
    private readonly DevicePair.Endpoint _b;
    private readonly (GuestQueuePair A, GuestQueuePair B) _shared;
    private readonly (GuestQueuePair A, GuestQueuePair B) _unreliable;
    private readonly (GuestQueuePair A, GuestQueuePair B) _datagrams;
    private readonly GuestSharedReceiveQueue _srq;
    private ulong _id;

    public BusyPair(int seed, bool scattered = false, double loss = 0, int pages = 1024, bool isLocal = false)
    {
        _random = new Random(seed);
        Loss = loss;
        Pair = new DevicePair(new GuestOptions { Extension = AllBits, Scattered = scattered, Pages = pages, IsLocal = isLocal })
        {
            Drop = _ => _random.NextDouble() < Loss,
        };
        (_a, _b) = Pair.Connect(RegionBytes);
        _srq = new GuestSharedReceiveQueue(Pair.B, _b.Domain, workRequests: 16);
        Assert.Equal(PvrdmaCommandError.None, _srq.Create());
        Assert.Equal(PvrdmaCommandError.None, _srq.Arm(4));
        _shared = Connect(PvrdmaQpType.Rc, request => request with { UsesSrq = 1, SrqHandle = _srq.Handle });
        _unreliable = Connect(PvrdmaQpType.Uc, request => request);
        _datagrams = (Datagrams(_a), Datagrams(_b));
        CreateKeys(_a);
        CreateKeys(_b);
    }

    public DevicePair Pair { get; }

    /// <summary>The share of packets that is lost.</summary>
    public double Loss { get; set; }

    public GuestCompletionQueue CompletionsOfA => _a.Cq;

    public GuestCompletionQueue CompletionsOfB => _b.Cq;

    /// <summary>Posts something of some kind, or lets something happen.</summary>
    public void Step()
    {
        switch (_random.Next(16))
        {
            case < 6:
                Post(_a.Qp);
                break;
            case 6:
                TryReceive(_b.Qp, _b);
                break;
            case 7:
                Post(_shared.A);
                break;
            case 8:
                _srq.TryPost(++_id, Sge(_b, 3000), Sge(_b, 5000));
                break;
            case 9:
                TryReceive(_unreliable.B, _b);
                PostUnreliable();
                break;
            case 10:
                TryReceive(_datagrams.B, _b);
                PostDatagram();
                break;
            case 11:
                _a.Cq.Arm(solicited: false);
                _b.Cq.Arm(solicited: true);
                break;
            case 12:
                _a.Cq.PollAll();
                _b.Cq.PollAll();
                Pair.A.ReadEvents();
                Pair.B.ReadEvents();
                while (Pair.A.TryReadNotification(out _) || Pair.B.TryReadNotification(out _))
                {
                }

                break;
            case 13:
                Pair.PassTime();
                break;
            default:
                Pair.Run(400);
                break;
        }
    }

    /// <summary>Resizes completion queues, whatever stands in them.</summary>
    public void Resize()
    {
        Assert.Equal(PvrdmaCommandError.None, _a.Cq.Resize(512));
        Assert.Equal(PvrdmaCommandError.None, _b.Cq.Resize(1024));
    }

    /// <summary>Drains the sends of a queue pair.</summary>
    public void Drain() => _shared.A.ModifyState(PvrdmaQpState.SendQueueDrained);

    /// <summary>Puts a queue pair into error, and ends another.</summary>
    public void Break()
    {
        _unreliable.A.ModifyState(PvrdmaQpState.Error);
        Assert.Equal(PvrdmaCommandError.None, Pair.B.Destroy(PvrdmaCommand.DestroyQp, _shared.B.Handle));
        Assert.Equal(PvrdmaCommandError.None, Pair.B.Destroy(PvrdmaCommand.DestroySrq, _srq.Handle));
    }

    public void Dispose() => Pair.Dispose();

    private void Post(GuestQueuePair qp)
    {
        var head = new PvrdmaSendWqe { WorkRequestId = ++_id, Flags = (uint)PvrdmaSendFlags.Signaled, RdmaRemoteKey = _b.Region.Key };
        head.RemoteAddress = _b.Region.Start + (ulong)(_random.Next(RegionBytes / 16) * 8);
        int bytes = _random.Next(4) == 0 ? _random.Next(0, 60_000) : _random.Next(0, 3_000);
        switch (_random.Next(9))
        {
            case 0:
                PostTo(qp, head with { Opcode = (uint)PvrdmaWrOpcode.Send }, Math.Min(bytes, 7_000));
                break;
            case 1:
                PostTo(qp, head with { Opcode = (uint)PvrdmaWrOpcode.RdmaRead }, bytes);
                break;
            case 2:
                PostTo(qp, head with { Opcode = (uint)PvrdmaWrOpcode.AtomicFetchAdd, AtomicCompareOrAdd = 3, AtomicRemoteKey = _b.Region.Key }, 8);
                break;
            case 3:
                PostTo(qp, head with { Opcode = (uint)PvrdmaWrOpcode.AtomicCompareSwap, AtomicCompareOrAdd = 0, AtomicSwap = 7, AtomicRemoteKey = _b.Region.Key }, 8);
                break;
            case 4:
                PostTo(qp, head with { Opcode = (uint)PvrdmaWrOpcode.AtomicWrite }, 8);
                break;
            case 5:
                PostTo(qp, head with { Opcode = (uint)PvrdmaWrOpcode.SendWithImmediate, Flags = (uint)(PvrdmaSendFlags.Signaled | PvrdmaSendFlags.Solicited) }, 100);
                break;
            case 6:
                PostTo(qp, head with { Opcode = (uint)PvrdmaWrOpcode.RdmaWriteWithImmediate }, bytes);
                break;
            default:
                PostTo(qp, head with { Opcode = (uint)PvrdmaWrOpcode.RdmaWrite }, bytes);
                break;
        }
    }

    private void PostTo(GuestQueuePair qp, PvrdmaSendWqe head, int bytes)
    {
        head.SgeCount = 1;
        if (qp.TryWriteSend(head, [Sge(_a, bytes)]))
        {
            Pair.A.RingSend(qp);
        }
    }

    private void PostUnreliable()
    {
        var head = new PvrdmaSendWqe { WorkRequestId = ++_id, Flags = (uint)PvrdmaSendFlags.Signaled, RdmaRemoteKey = _b.Region.Key, RemoteAddress = _b.Region.Start };
        PostTo(_unreliable.A, head with { Opcode = (uint)(_random.Next(2) == 0 ? PvrdmaWrOpcode.Send : PvrdmaWrOpcode.RdmaWrite) }, _random.Next(0, 7_000));
    }

    private void PostDatagram()
    {
        var head = new PvrdmaSendWqe
        {
            WorkRequestId = ++_id, Opcode = (uint)PvrdmaWrOpcode.Send, Flags = (uint)PvrdmaSendFlags.Signaled, DatagramQpn = _datagrams.B.Qpn, DatagramQkey = Qkey,
        };
        head.DatagramAddress.PortAndPd = (1u << 24) | _a.Domain;
        head.DatagramAddress.HopLimit = 64;
        Pair.B.Device.Gid.Write(head.DatagramAddress.DestinationGid);
        PostTo(_datagrams.A, head, _random.Next(0, 1_000));
    }

    private void TryReceive(GuestQueuePair qp, DevicePair.Endpoint end)
    {
        if (qp.TryWriteReceive(new PvrdmaReceiveWqe { WorkRequestId = ++_id, SgeCount = 2 }, [Sge(end, 3_000), Sge(end, 6_000)]))
        {
            end.Guest.RingReceive(qp);
        }
    }

    private PvrdmaSge Sge(DevicePair.Endpoint end, int bytes) => end.Region.Sge(_random.Next((RegionBytes - bytes) / 8) * 8, bytes);

    private (GuestQueuePair A, GuestQueuePair B) Connect(PvrdmaQpType type, Func<PvrdmaCreateQp, PvrdmaCreateQp> changeB)
    {
        GuestQueuePair a = Pair.A.CreateQueuePair(_a.Domain, _a.Cq, _a.Cq, request => request with { QpType = (byte)type });
        GuestQueuePair b = Pair.B.CreateQueuePair(_b.Domain, _b.Cq, _b.Cq, request => changeB(request with { QpType = (byte)type }));
        foreach ((GuestQueuePair here, GuestQueuePair there, TestGuest peer) in new[] { (a, b, Pair.B), (b, a, Pair.A) })
        {
            here.ToInit();
            if (type == PvrdmaQpType.Uc)
            {
                here.ConnectUnreliably(peer, there);
                continue;
            }

            here.ToReadyToReceive(peer.Device.Gid, there.Qpn);
            here.ToReadyToSend();
        }

        return (a, b);
    }

    private static GuestQueuePair Datagrams(DevicePair.Endpoint end)
    {
        GuestQueuePair qp = end.Guest.CreateQueuePair(end.Domain, end.Cq, end.Cq, request => request with { QpType = (byte)PvrdmaQpType.Ud });
        Assert.Equal(
            PvrdmaCommandError.None,
            qp.Modify(
                new PvrdmaQpAttributes { State = (uint)PvrdmaQpState.Init, Port = 1, Qkey = Qkey },
                QueuePairAttributeMask.State | QueuePairAttributeMask.PartitionKeyIndex | QueuePairAttributeMask.Port | QueuePairAttributeMask.QueueKey));
        Assert.Equal(PvrdmaCommandError.None, qp.ModifyState(PvrdmaQpState.ReadyToReceive));
        Assert.Equal(
            PvrdmaCommandError.None,
            qp.Modify(new PvrdmaQpAttributes { State = (uint)PvrdmaQpState.ReadyToSend, SendPsn = 0x100 }, QueuePairAttributeMask.State | QueuePairAttributeMask.SendPsn));
        var group = new PvrdmaMulticast { QpHandle = qp.Handle };
        group.Group[0] = 0xFF;
        group.Group[15] = 5;
        Assert.Equal(PvrdmaCommandError.None, end.Guest.Command(PvrdmaCommand.AttachMulticast, group));
        return qp;
    }

    /// <summary>Windows and a fast registration, open and closed.</summary>
    private static void CreateKeys(DevicePair.Endpoint end)
    {
        for (uint type = 1; type <= 2; type++)
        {
            var request = new PvrdmaCreateMw { PdHandle = end.Domain, Type = type };
            Assert.Equal(PvrdmaCommandError.None, end.Guest.Command(PvrdmaCommand.CreateMw, request, out PvrdmaCreateMwResponse window));
            if (type == 2)
            {
                var bind = new PvrdmaSendWqe
                {
                    Opcode = (uint)PvrdmaWrOpcode.BindMemoryWindow, BindKey = window.RemoteKey, BindRegionKey = end.Region.Key,
                    BindAddress = end.Region.Start + 64, BindLength = 128, BindAccess = (uint)PvrdmaAccess.RemoteRead,
                };
                Assert.True(end.Qp.TryWriteSend(bind, []));
                end.Guest.RingSend(end.Qp);
            }
        }

        var fast = new PvrdmaCreateMr { PdHandle = end.Domain, Flags = PvrdmaMrFlags.FastRegister, PageCount = 4 };
        Assert.Equal(PvrdmaCommandError.None, end.Guest.Command(PvrdmaCommand.CreateMr, fast));
    }
}
