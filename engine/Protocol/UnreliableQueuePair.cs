using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// What unreliable connections and datagrams have in common: no acknowledgements, so a send request is finished once its packets are on
/// their way, and what is lost is lost without an error. IBTA vol. 1, 9.8.
/// </summary>
/// <remarks>
/// A finished request completes a turn (a clock reading) after its last packet was emitted: links read its memory until the end of the
/// turn, and the local switch may keep a packet until the next one.
/// </remarks>
internal abstract unsafe partial class UnreliableQueuePair : QueuePair
{
    private readonly ProtocolResources _resources;
    private QueuePairState _state = QueuePairState.Reset;
    private bool _drainPending;

    protected UnreliableQueuePair(IQueuePairHost host, in QueuePairConfig config, ProtocolResources resources)
        : base(host, config) => _resources = resources;

    public override QueuePairState State => _state;

    /// <summary>The attributes as last set; the send PSN excepted.</summary>
    protected ref readonly QueuePairAttributes Attributes => ref _attributes;

    protected ProtocolCounters Counters => _resources.Counters;

    /// <summary>Packets for the QP are taken. IBTA vol. 1, 10.3.1.3.</summary>
    private bool IsReceiving => _state is >= QueuePairState.ReadyToReceive and <= QueuePairState.SendQueueError;

    public override void HandleSendDoorbell(long nowNs)
    {
        if (_state is QueuePairState.Error or QueuePairState.SendQueueError)
        {
            FlushSendQueue(nowNs);
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
            FlushReceiveQueue(nowNs);
        }
    }

    public override void HandlePacket(in Packet packet, in Gid source, long nowNs) => HandleDatagram(packet, source, default, nowNs);

    public override void HandleDatagram(in Packet packet, in Gid source, in Gid destination, long nowNs)
    {
        PacketTraits traits = OpcodeTable.For(packet.Opcode).Traits;
        if (!IsReceiving)
        {
            Counters.DroppedWrongState++;
        }
        else if (!IsFromPeer(source))
        {
            Counters.DroppedWrongSource++;
        }
        else if (!PartitionKeys.Accepts(packet.PartitionKey))
        {
            Counters.DroppedWrongPartition++;
        }
        else if (IsCongestionNews(packet) && HandleCongestionNews(packet, ConnectedPath, Counters, nowNs))
        {
            // A notification: there is no more to it.
        }
        else if (!Speaks(packet.Opcode) || (traits & PacketTraits.Request) == 0)
        {
            Counters.DroppedWrongOpcode++;
        }
        else
        {
            HandleRequest(packet, traits, source, destination, nowNs);
        }
    }

    public override void HandleTimeout(long nowNs)
    {
        // The worker took the QP out of its timers: a deadline named from here on is a new one.
        DeadlineNs = long.MaxValue;
        CompleteSent(nowNs);
        if (_cursor != null && _retryAtNs <= nowNs)
        {
            _pacer?.BeginTurn(this);
            Schedule();
        }

        NameDeadline();
    }

    public override bool PollTransmit(IPacketSink sink, int packetBudget, long nowNs)
    {
        CompleteSent(nowNs);
        bool owes = OwesNotification && !TryNotify(sink, IsReceiving ? ConnectedPath : null, Attributes.DestinationQpn, Counters);
        bool more = owes | ((_state == QueuePairState.ReadyToSend || IsMidMessage) && Transmit(sink, packetBudget, nowNs));
        TransmitScheduled = more;
        if (!more && !WaitsForWindow)
        {
            LeavePacer(nowNs);
        }

        RaiseDrained();
        NameDeadline();
        return more;
    }

    public override void Destroy() => LeaveAll();

    /// <summary>True for opcodes of this service.</summary>
    protected abstract bool Speaks(Opcode opcode);

    /// <summary>False for a packet from an address that the QP is not connected to.</summary>
    protected abstract bool IsFromPeer(in Gid source);

    /// <summary>A request of this service for a QP that takes packets.</summary>
    protected abstract void HandleRequest(in Packet packet, PacketTraits traits, in Gid source, in Gid destination, long nowNs);

    /// <summary>Why a request cannot be sent, found before its first packet.</summary>
    protected abstract CompletionStatus FindFailure(ref SendWorkRequest request);

    /// <summary>Emits the next packet of a request, or a local run.</summary>
    protected abstract SendVerdict SendNext(IPacketSink sink, SendSlot* slot, ref Packet packet, long nowNs);

    /// <summary>The way to the peer, where there is just one.</summary>
    protected virtual Path? ConnectedPath => null;

    /// <summary>The PSN of the next packet, where the service has such.</summary>
    protected virtual Psn ExpectedPsn => default;

    /// <summary>Attributes that the mask names were set; <see cref="Attributes"/> has them already, PSNs excepted.</summary>
    protected virtual void AttributesChanged(in QueuePairAttributes given, QueuePairAttributeMask mask)
    {
    }

    /// <summary>The message that is being received is forgotten; with <paramref name="isReset"/> also whom the QP is connected to.</summary>
    protected virtual void Forget(bool isReset)
    {
    }

    private void NameDeadline()
    {
        long deadlineNs = _cursor != null && !TransmitScheduled ? _retryAtNs : long.MaxValue;
        if (_head != _cursor)
        {
            deadlineNs = Math.Min(deadlineNs, _sentAtNs + 1);
        }

        if (DeadlineNs != deadlineNs)
        {
            DeadlineNs = deadlineNs;
            Host.DeadlineChanged(this);
        }
    }

    private void RaiseDrained()
    {
        if (_drainPending && _state == QueuePairState.SendQueueDrained && _head == _cursor && !IsMidMessage)
        {
            _drainPending = false;
            Host.RaiseEvent(this, QueuePairEvent.SendQueueDrained);
        }
    }
}
