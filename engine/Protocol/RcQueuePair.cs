using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// A reliable connection: the requester (with its completer) and the responder of one QP, and the state that both share.
/// IBTA vol. 1, chapter 9.7.
/// </summary>
internal sealed partial class RcQueuePair : QueuePair
{
    private readonly RcRequester _requester;
    private readonly RcResponder _responder;
    private QueuePairState _state = QueuePairState.Reset;
    private bool _responsesFirst;

    public RcQueuePair(IQueuePairHost host, in QueuePairConfig config, ProtocolResources resources)
        : base(host, config)
    {
        Resources = resources;
        _requester = new RcRequester(this);
        _responder = new RcResponder(this);
    }

    public override QueuePairState State => _state;

    public ProtocolResources Resources { get; }

    public ProtocolCounters Counters => Resources.Counters;

    /// <summary>The attributes as last set; PSNs excepted, which requester and responder keep.</summary>
    public ref readonly QueuePairAttributes Attributes => ref _attributes;

    /// <summary>The way to the peer; set from ReadyToReceive on.</summary>
    public Path? Path { get; private set; }

    /// <summary>log2 of the path MTU.</summary>
    public int MtuShift { get; private set; } = 8;

    /// <summary>Bytes of one run on the local link at most: a multiple of every path MTU.</summary>
    public const int LocalRunBytes = 256 * 1024;

    /// <summary>True while the requester may begin new work requests.</summary>
    public bool MayBeginRequests => _state == QueuePairState.ReadyToSend;

    /// <summary>True while packets are sent and responses are taken.</summary>
    public bool IsSending => _state is QueuePairState.ReadyToSend or QueuePairState.SendQueueDrained or QueuePairState.SendQueueError;

    private bool IsReceiving => _state is >= QueuePairState.ReadyToReceive and <= QueuePairState.SendQueueError;

    public override void HandleSendDoorbell(long nowNs)
    {
        if (_state == QueuePairState.Error)
        {
            _requester.FlushQueue(nowNs);
        }
        else if (_state == QueuePairState.ReadyToSend)
        {
            Schedule();
        }
    }

    public override void HandleReceiveDoorbell(long nowNs)
    {
        if (_state == QueuePairState.Error)
        {
            _responder.FlushQueue(nowNs);
        }
    }

    public override void HandlePacket(in Packet packet, in Gid source, long nowNs)
    {
        if (source != _attributes.DestinationGid)
        {
            Counters.DroppedWrongSource++;
            return;
        }

        if (!PartitionKeys.Accepts(packet.PartitionKey))
        {
            Counters.DroppedWrongPartition++;
            return;
        }

        if (IsCongestionNews(packet) && HandleCongestionNews(packet, IsReceiving ? Path : null, Counters, nowNs))
        {
            return;
        }

        PacketTraits traits = OpcodeTable.For(packet.Opcode).Traits;
        if (!Speaks(packet.Opcode) || (traits & (PacketTraits.Request | PacketTraits.Response)) == 0)
        {
            HandleRest(packet, traits, nowNs);
        }
        else if ((traits & PacketTraits.Request) != 0)
        {
            if (IsReceiving)
            {
                _responder.HandleRequest(packet, traits, nowNs);
                return;
            }

            Counters.DroppedWrongState++;
        }
        else if (IsSending)
        {
            _requester.HandleResponse(packet, nowNs);
        }
        else
        {
            Counters.DroppedWrongState++;
        }
    }

    public override bool TryFindPlace(ref Packet run, in Gid source)
    {
        PacketTraits traits = OpcodeTable.For(run.Opcode).Traits;
        if (source != _attributes.DestinationGid || !PartitionKeys.Accepts(run.PartitionKey)
            || !Speaks(run.Opcode) || (traits & PacketTraits.Middle) == 0)
        {
            return false;
        }

        return (traits & PacketTraits.Request) != 0
            ? IsReceiving && _responder.TryFindPlace(ref run, traits)
            : IsSending && _requester.TryFindPlace(ref run);
    }

    private static bool Speaks(Opcode opcode) =>
        OpcodeTable.ServiceOf(opcode) is OpcodeService.ReliableConnection or OpcodeService.Manufacturer;

    public override void HandleTimeout(long nowNs)
    {
        // The worker took the QP out of its timers: a deadline named from here on is a new one.
        DeadlineNs = long.MaxValue;
        if (IsSending)
        {
            _requester.HandleTimeout(nowNs);
        }
    }

    public override bool PollTransmit(IPacketSink sink, int packetBudget, long nowNs)
    {
        if (MovingChecks.AreIn && OwedNotice != DeviceNotice.None)
        {
            // The rest in the next round: the notices of all QPs come first, and leave together.
            _ = TryTell(sink, IsReceiving ? Path : null, _attributes.DestinationQpn);
            TransmitScheduled = true;
            return true;
        }

        int budget = packetBudget;
        bool more = OwesNotification && !TryNotify(sink, IsReceiving ? Path : null, _attributes.DestinationQpn, Counters);
        if (_responsesFirst)
        {
            // Requests used up the last call: answers must not starve behind them.
            more |= _responder.Transmit(sink, ref budget, nowNs);
        }

        if (IsSending)
        {
            more |= _requester.Transmit(sink, ref budget, nowNs);
        }

        bool responsesDone = _responsesFirst;
        _responsesFirst = false;
        if (!responsesDone && _responder.HasWork)
        {
            bool waiting = _responder.Transmit(sink, ref budget, nowNs);
            _responsesFirst = waiting;
            more |= waiting;
        }

        // Last: it may give the next turn to this same QP.
        more |= Path is { } path && path.Window.EndTurn(this);
        TransmitScheduled = more;
        return more;
    }

    /// <summary>Names the time of the next timeout. A later time than the one known is kept to itself: see <see cref="RcRequester"/>.</summary>
    public void SetDeadline(long deadlineNs)
    {
        if (DeadlineNs != deadlineNs)
        {
            DeadlineNs = deadlineNs;
            Host.DeadlineChanged(this);
        }
    }

    public override void Destroy() => LeaveAll();

    private void LeaveAll()
    {
        _requester.Reset();
        _responder.Reset();
        Path?.Window.Leave(this);
        OwesNotification = false;
        ForgetNotices();
        SetDeadline(long.MaxValue);
        _state = QueuePairState.Reset;
    }
}
