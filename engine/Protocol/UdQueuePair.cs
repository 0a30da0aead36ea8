using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>Unreliable datagrams: messages of one packet, each to an address of its own, from anybody who knows the Q_Key. IBTA vol. 1, 9.8.3.</summary>
internal sealed unsafe class UdQueuePair : UnreliableQueuePair
{
    private const uint ControlledQueueKeyBit = 0x8000_0000;
    private const uint MulticastQpn = 0xFF_FFFF;

    private Path? _path;
    private byte _pathTrafficClass;

    public UdQueuePair(IQueuePairHost host, in QueuePairConfig config, ProtocolResources resources)
        : base(host, config, resources)
    {
    }

    protected override bool Speaks(Opcode opcode) => OpcodeTable.ServiceOf(opcode) == OpcodeService.UnreliableDatagram;

    protected override bool IsFromPeer(in Gid source) => true;

    /// <summary>SENDs of one packet, to an address. IBTA vol. 1, 9.8.3.</summary>
    protected override CompletionStatus FindFailure(ref SendWorkRequest request)
    {
        bool inlineFits = (request.Flags & SendFlags.Inline) == 0 || request.TotalBytes <= ScatterGatherList.InlineCapacityBytes;
        return request.Opcode is not (WorkOpcode.Send or WorkOpcode.SendWithImmediate)
            || request.Datagram.Gid.IsZero
            || request.Datagram.Qpn > MulticastQpn ? CompletionStatus.LocalQpOperationError
            : request.TotalBytes > (uint)Config.PortMtuBytes || !inlineFits ? CompletionStatus.LocalLengthError
            : CompletionStatus.Success;
    }

    protected override SendVerdict SendNext(IPacketSink sink, SendSlot* slot, ref Packet packet, long nowNs)
    {
        ref SendWorkRequest request = ref slot->Request;
        Path path = FindPath(request.Datagram);
        uint bytes = request.TotalBytes;
        if (!MayPass(path, bytes, nowNs))
        {
            return SendVerdict.Paced;
        }

        if (!PayloadGather.TryGather(this, slot, 0, ref bytes, System.Numerics.BitOperations.Log2(RoceUdp.PayloadBytesMax), ref packet))
        {
            return SendVerdict.NotReadable;
        }

        bool immediate = request.Opcode == WorkOpcode.SendWithImmediate;
        packet.Opcode = immediate ? Opcode.UdSendOnlyImmediate : Opcode.UdSendOnly;
        packet.Flags = (request.Flags & SendFlags.Solicited) != 0 ? PacketFlags.SolicitedEvent : PacketFlags.None;
        packet.ImmediateOrKey = request.ImmediateOrKey;
        packet.DestinationQpn = request.Datagram.Qpn;
        packet.QueueKey = (request.Datagram.QueueKey & ControlledQueueKeyBit) != 0 ? Attributes.QueueKey : request.Datagram.QueueKey;
        packet.SourceQpn = Qpn;
        packet.Psn = NextPsn;
        packet.PsnCount = 1;

        // For a neighbour of this worker, who gets no IP header to read them from.
        packet.TrafficClass = path.PlainRoute.TrafficClass;
        packet.HopLimit = path.Route.HopLimit;
        sink.Emit(packet, path.PlainRoute);
        CountSent(packet);
        return SendVerdict.Ended;
    }

    /// <summary>A datagram that fits the rules is received with its GRH in front; any other is dropped. IBTA vol. 1, 9.8.3.2, 9.6.1.4.</summary>
    protected override void HandleRequest(in Packet packet, PacketTraits traits, in Gid source, in Gid destination, long nowNs)
    {
        if (packet.QueueKey != Attributes.QueueKey)
        {
            Counters.DroppedWrongQueueKey++;
            return;
        }

        uint bytes = (uint)packet.PayloadBytes;
        if (!TryTakeReceive(nowNs) || GlobalRouteHeader.Length + bytes > Receive.TotalBytes)
        {
            Counters.DroppedNoReceive++;
            return;
        }

        if (!TryPlace(packet, source, destination))
        {
            FailReceive(nowNs);
            return;
        }

        CompletionFlags immediate = (traits & PacketTraits.HasImmediate) != 0 ? CompletionFlags.WithImmediate : CompletionFlags.None;
        CompleteReceive(packet, CompletionOpcode.Receive, CompletionFlags.GlobalRouteHeader | immediate, GlobalRouteHeader.Length + bytes);
    }

    protected override void TransferService(StateCursor state)
    {
        // Ways to addresses are found again.
    }

    protected override void Forget(bool isReset) => _path = isReset ? null : _path;

    private bool TryPlace(in Packet packet, in Gid source, in Gid destination)
    {
        byte* header = stackalloc byte[GlobalRouteHeader.Length];
        GlobalRouteHeader.Write(new Span<byte>(header, GlobalRouteHeader.Length), packet, source, destination);
        var piece = new MemorySegment(header, GlobalRouteHeader.Length);
        Packet carrier = default;
        carrier.Segments = &piece;
        var headerReader = new PayloadReader(carrier, 0);
        var payload = new PayloadReader(packet, 0);
        ref ReceiveWorkRequest receive = ref Receive;
        return Placement.Scatter(this, ref headerReader, ref receive.Sges, receive.SgeCount, 0, GlobalRouteHeader.Length, false) == AccessVerdict.Granted
            && Placement.Scatter(
                this, ref payload, ref receive.Sges, receive.SgeCount, GlobalRouteHeader.Length, (uint)packet.PayloadBytes, true) == AccessVerdict.Granted;
    }

    /// <summary>The way to an address; most send many datagrams to the same one.</summary>
    private Path FindPath(in DatagramAddress address)
    {
        if (_path is not { } last
            || last.Route.Destination != address.Gid
            || _pathTrafficClass != address.TrafficClass
            || last.Route.HopLimit != address.HopLimit)
        {
            _path = last = Host.ResolvePath(this, address.Gid, address.TrafficClass, address.HopLimit);
            _pathTrafficClass = address.TrafficClass;
        }

        return last;
    }
}
