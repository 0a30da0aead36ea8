using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests.Simulation;

/// <summary>One QP whose peer is the test: it makes every packet by hand and sees every packet.</summary>
internal sealed unsafe class Lone
{
    private readonly byte[] _payload = GC.AllocateArray<byte>(1 << 16, pinned: true);

    public Lone(in DuoOptions options, bool toReadyToSend = true)
    {
        Options = options;
        Host = new FakeHost(Gid.FromIPv4(0x7F000002), new FlatMemory(options.MemoryPages)) { WindowLimitBytes = options.WindowLimitBytes };
        Qp = Host.Create(11, options.SignalAll, options.Shared);
        Peer = Gid.FromIPv4(0x7F000003);
        Duo.Connect(Qp, Peer, 22, options.RequesterPsn, options.ResponderPsn, options, toReadyToSend);
        Key = Host.Memory.RegisterAll(Duo.AllAccess);
        for (int i = 0; i < _payload.Length; i++)
        {
            _payload[i] = FlatMemory.Pattern(5, i);
        }
    }

    public DuoOptions Options { get; }

    public FakeHost Host { get; }

    public QueuePair Qp { get; }

    public Gid Peer { get; }

    public uint Key { get; }

    public Rings Rings => FakeHost.RingsOf(Qp);

    public ulong Base => Host.Memory.BaseAddress;

    public PacketBuffer Sent { get; } = new();

    public long NowNs { get; set; } = 1_000_000;

    public PathWindow Window => Host.Paths[Peer].Window;

    /// <summary>A request packet at a distance from the first PSN that the QP expects.</summary>
    public Packet Request(Opcode opcode, int psnOffset, int payloadBytes = 0) => new()
    {
        Opcode = opcode,
        Psn = new Psn(Options.ResponderPsn) + psnOffset,
        PsnCount = 1,
        DestinationQpn = 11,
        PartitionKey = 0xFFFF,
        PayloadBytes = payloadBytes,
        RemoteAddress = Base,
        RemoteKey = Key,
        DmaLength = (uint)payloadBytes,
        Flags = PacketFlags.AcknowledgeRequest,
    };

    /// <summary>An acknowledgement at a distance from the first PSN that the QP sends.</summary>
    public Packet Acknowledge(int psnOffset, AethSyndrome syndrome) => new()
    {
        Opcode = Opcode.RcAcknowledge,
        Psn = new Psn(Options.RequesterPsn) + psnOffset,
        PsnCount = 1,
        DestinationQpn = 11,
        PartitionKey = 0xFFFF,
        Syndrome = syndrome.Value,
    };

    public Packet Ack(int psnOffset) => Acknowledge(psnOffset, AethSyndrome.Ack());

    public Packet ReadResponse(Opcode opcode, int psnOffset, int payloadBytes) => new()
    {
        Opcode = opcode,
        Psn = new Psn(Options.RequesterPsn) + psnOffset,
        PsnCount = 1,
        DestinationQpn = 11,
        PartitionKey = 0xFFFF,
        PayloadBytes = payloadBytes,
        Syndrome = AethSyndrome.Ack().Value,
    };

    /// <summary>Hands a packet over with its payload taken from a pattern.</summary>
    public void Receive(Packet packet, Gid? source = null)
    {
        fixed (byte* bytes = _payload)
        {
            var segment = new MemorySegment(bytes, packet.PayloadBytes);
            packet.Segments = &segment;
            packet.SegmentCount = packet.PayloadBytes == 0 ? 0 : 1;
            Qp.HandlePacket(packet, source ?? Peer, NowNs);
        }
    }

    /// <summary>Posts a send request and rings the doorbell.</summary>
    public void Post(in SendWorkRequest request)
    {
        Rings.Sends.Enqueue(request);
        Qp.HandleSendDoorbell(NowNs);
    }

    public void PostWrite(ulong id, uint bytes) => Post(Requests.Write(id, Base, bytes, Key, 0x1000, 0x99));

    public void PostRead(ulong id, uint bytes) => Post(Requests.Read(id, Base, bytes, Key, 0x1000, 0x99));

    public void PostReceive(ulong id, uint bytes, ulong offset = 0)
    {
        var request = new ReceiveWorkRequest { WorkRequestId = id, SgeCount = 1, TotalBytes = bytes };
        request.Sges[0] = new ScatterGatherEntry { Address = Base + offset, Length = bytes, LocalKey = Key };
        Rings.Receives.Enqueue(request);
        Qp.HandleReceiveDoorbell(NowNs);
    }

    /// <summary>Forgets what was sent, lets the QP emit, and returns how many packets it emitted.</summary>
    public int Poll(int budget = 64)
    {
        Sent.Clear();
        while (Host.Scheduled.TryDequeue(out QueuePair? qp))
        {
            if (qp.PollTransmit(Sent, budget, NowNs))
            {
                Host.Scheduled.Enqueue(qp);
                break;
            }
        }

        return Sent.Count;
    }

    /// <summary>Lets the QP emit, and asserts that it is one acknowledgement with this syndrome and distance from the expected PSN.</summary>
    public void AssertAnswers(AethSyndrome syndrome, int psnOffset)
    {
        Assert.Equal(1, Poll());
        Assert.Equal(Opcode.RcAcknowledge, Sent[0].Opcode);
        Assert.Equal(syndrome, new AethSyndrome(Sent[0].Syndrome));
        Assert.Equal(new Psn(Options.ResponderPsn) + psnOffset, Sent[0].Psn);
    }

    /// <summary>As <see cref="AssertAnswers"/>, and that the connection is over on this side: error state, one event, nothing held.</summary>
    public void AssertEnded(AethSyndrome syndrome, int psnOffset, QueuePairEvent raised)
    {
        AssertAnswers(syndrome, psnOffset);
        Assert.Equal(QueuePairState.Error, Qp.State);
        Assert.Equal([raised], Rings.Events);
        Assert.Equal(1, Host.Counters.FatalNaksSent);
        Assert.Equal(0, Host.Resources.SlotsInUse);
    }

    /// <summary>Moves the clock and calls the QP if it is due.</summary>
    public void Wait(long ns)
    {
        NowNs += ns;
        while (Host.Timers.PopDue(NowNs) is { } due)
        {
            due.HandleTimeout(NowNs);
        }
    }
}
