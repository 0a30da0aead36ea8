using RoceEngine.Protocol;
using RoceEngine.Wire;
using static RoceEngine.Protocol.QueuePairAttributeMask;

namespace Hostile.Tests.Wire;

/// <summary>
/// A device with one QP and one region, and a peer that exists only as an address: the test makes its packets. Guest memory lies between guard pages.
/// </summary>
internal sealed unsafe class WireTarget : IPacketSink, IDisposable
{
    public const int RegionBytes = 8192;
    public const uint FirstPsn = 0x123456;
    public const uint QueueKey = 0x1111_2222;
    public const int MtuBytes = 1024;

    private readonly byte[] _payload = GC.AllocateArray<byte>(8192, pinned: true);

    public WireTarget(TransportService service = TransportService.ReliableConnection, QueuePairState state = QueuePairState.ReadyToSend)
    {
        Service = service;
        Guest = new TestGuest(new GuestOptions { Extension = Arenas.TestGuestExtension.Offered(Arenas.Arena.AllBits) });
        uint domain = Guest.CreateDomain();
        Queue = Guest.CreateCompletionQueue();
        Region = Guest.CreateRegion(domain, RegionBytes, Guests.Attack.AllAccess, 0x7000_0000_0000);
        Region.Fill(1);
        Qp = Guest.CreateQueuePair(domain, Queue, Queue, request => request with { QpType = (byte)service });
        Bring(state);
        Array.Fill(_payload, (byte)0xA5);
    }

    public TransportService Service { get; }

    public TestGuest Guest { get; }

    public GuestCompletionQueue Queue { get; }

    public GuestRegion Region { get; }

    public GuestQueuePair Qp { get; }

    public Gid Peer { get; } = Gid.FromIPv4(0x0A00_00FE);

    /// <summary>What the device sent, headers alone.</summary>
    public List<Packet> Sent { get; } = [];

    public bool HasRoom => true;

    public QueuePairState State => (QueuePairState)Qp.Query().State;

    public ProtocolCounters Counters => Guest.Device.ProtocolCounters;

    public void Emit(in Packet packet, Route route) => Sent.Add(packet with { Segments = null });

    /// <summary>A request packet that fits the QP in everything, unless it is changed.</summary>
    public Packet Packet(Opcode opcode, int payloadBytes = 0, int psnOffset = 0) => new()
    {
        Opcode = opcode,
        PartitionKey = 0xFFFF,
        DestinationQpn = Qp.Qpn,
        Psn = new Psn(FirstPsn) + psnOffset,
        PsnCount = 1,
        RemoteAddress = Region.Start,
        RemoteKey = Region.Key,
        DmaLength = (uint)payloadBytes,
        QueueKey = QueueKey,
        SourceQpn = 77,
        PayloadBytes = payloadBytes,
        Flags = PacketFlags.AcknowledgeRequest,
    };

    public void Receive(Packet packet, Gid? source = null)
    {
        fixed (byte* bytes = _payload)
        {
            var segment = new MemorySegment(bytes, packet.PayloadBytes);
            packet.Segments = &segment;
            packet.SegmentCount = packet.PayloadBytes == 0 ? 0 : 1;
            Guest.Device.HandlePacket(packet, source ?? Peer, Guest.NowNs);
        }
    }

    /// <summary>Lets the device send what it wants to.</summary>
    public void Turn()
    {
        Guest.NowNs += 1000;
        Guest.Device.HarvestDoorbells(64, Guest.NowNs);
        Guest.Device.Transmit(this, 256, Guest.NowNs);
        Guest.Device.PublishCompletions();
    }

    /// <summary>Posts a WRITE, READ or SEND of so many bytes to nowhere in particular, and sends it.</summary>
    public void Post(PvrdmaWrOpcode opcode, int bytes, ulong id = 1)
    {
        var head = new PvrdmaSendWqe
        {
            WorkRequestId = id, Opcode = (uint)opcode, Flags = (uint)PvrdmaSendFlags.Signaled, RemoteAddress = 0x5000, RdmaRemoteKey = 0x99,
        };
        Qp.PostSend(head, Region.Sge(0, bytes));
        Turn();
    }

    /// <summary>Not a byte of the region differs from what it was filled with.</summary>
    public void AssertUntouched()
    {
        for (int i = 0; i < RegionBytes; i++)
        {
            if (*Region.At(i) != (byte)((i * 31) + (i >> 8) + 1))
            {
                Assert.Fail($"byte {i} of the region was written");
            }
        }
    }

    public void Dispose() => Guest.Dispose();

    private void Bring(QueuePairState state)
    {
        if (state is QueuePairState.Reset)
        {
            return;
        }

        bool isDatagram = Service == TransportService.UnreliableDatagram;
        bool isReliable = Service == TransportService.ReliableConnection;
        const PvrdmaAccess access = PvrdmaAccess.RemoteRead | PvrdmaAccess.RemoteWrite | PvrdmaAccess.RemoteAtomic;
        var attributes = new PvrdmaQpAttributes { State = (uint)QueuePairState.Init, Port = 1, Qkey = QueueKey, Access = (uint)(isReliable ? access : PvrdmaAccess.RemoteWrite) };
        Modify(attributes, QueuePairAttributeMask.State | PartitionKeyIndex | Port
            | (isDatagram ? QueuePairAttributeMask.QueueKey : QueuePairAttributeMask.AccessFlags));
        if (state >= QueuePairState.ReadyToReceive)
        {
            attributes.State = (uint)QueuePairState.ReadyToReceive;
            attributes.PathMtu = (uint)PvrdmaMtu.Mtu1024;
            attributes.DestinationQpn = 77;
            attributes.ReceivePsn = FirstPsn;
            attributes.MaxDestinationRdAtomic = 4;
            attributes.MinRnrTimer = 12;
            Peer.Write(attributes.AddressHandle.GlobalRoute.DestinationGid);
            Modify(attributes, isDatagram ? QueuePairAttributeMask.State
                : QueuePairAttributeMask.State | AddressVector | PathMtu | DestinationQpn | ReceivePsn
                    | (isReliable ? MaxDestinationRdAtomic | MinRnrTimer : QueuePairAttributeMask.None));
        }

        if (state >= QueuePairState.ReadyToSend)
        {
            attributes.State = (uint)QueuePairState.ReadyToSend;
            attributes.SendPsn = FirstPsn;
            attributes.Timeout = 14;
            attributes.RetryCount = attributes.RnrRetry = 7;
            attributes.MaxRdAtomic = 4;
            Modify(attributes, QueuePairAttributeMask.State | SendPsn
                | (isReliable ? QueuePairAttributeMask.Timeout | RetryCount | RnrRetry | MaxRdAtomic : QueuePairAttributeMask.None));
        }

        if (state is QueuePairState.SendQueueDrained or QueuePairState.Error)
        {
            Modify(new PvrdmaQpAttributes { State = (uint)state }, QueuePairAttributeMask.State);
        }
    }

    private void Modify(PvrdmaQpAttributes attributes, QueuePairAttributeMask mask) =>
        Assert.Equal(PvrdmaCommandError.None, Qp.Modify(attributes, mask));
}
