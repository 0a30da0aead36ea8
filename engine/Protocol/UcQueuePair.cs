using System.Numerics;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// An unreliable connection: SEND and WRITE to one peer, cut into packets as on a reliable one, without acknowledgements.
/// IBTA vol. 1, 9.8.2.
/// </summary>
internal sealed unsafe partial class UcQueuePair : UnreliableQueuePair
{
    private const Opcode ServiceBits = Opcode.UcSendFirst;

    private Path? _path;
    private int _mtuShift = 8;

    public UcQueuePair(IQueuePairHost host, in QueuePairConfig config, ProtocolResources resources)
        : base(host, config, resources)
    {
    }

    protected override Psn ExpectedPsn => _expectedPsn;

    protected override Path? ConnectedPath => _path;

    protected override bool Speaks(Opcode opcode) => OpcodeTable.ServiceOf(opcode) == OpcodeService.UnreliableConnection;

    protected override bool IsFromPeer(in Gid source) => source == Attributes.DestinationGid;

    /// <summary>SEND, WRITE and what touches local keys; nothing that would need an answer. IBTA vol. 1, 9.2.1, table 38.</summary>
    protected override CompletionStatus FindFailure(ref SendWorkRequest request)
    {
        switch (request.Opcode)
        {
            case WorkOpcode.Send:
            case WorkOpcode.SendWithImmediate:
            case WorkOpcode.Write:
            case WorkOpcode.WriteWithImmediate:
                return WorkOpcodeFacts.FitsMessage(request) ? CompletionStatus.Success : CompletionStatus.LocalLengthError;
            default:
                return request.Opcode.IsLocal() ? CompletionStatus.Success : CompletionStatus.LocalQpOperationError;
        }
    }

    protected override SendVerdict SendNext(IPacketSink sink, SendSlot* slot, ref Packet packet, long nowNs)
    {
        Route route = _path!.Route;
        uint offset = SentBytes;
        uint remaining = slot->Request.TotalBytes - offset;
        uint bytes = Math.Min(remaining, route.IsLocal ? RcQueuePair.LocalRunBytes : 1u << _mtuShift);
        if (!MayPass(_path, bytes, nowNs))
        {
            return SendVerdict.Paced;
        }

        if (!PayloadGather.TryGather(this, slot, offset, ref bytes, _mtuShift, ref packet))
        {
            return SendVerdict.NotReadable;
        }

        bool last = bytes == remaining;
        packet.DestinationQpn = Attributes.DestinationQpn;
        packet.PsnCount = Math.Max(1, (int)((bytes + (1u << _mtuShift) - 1) >> _mtuShift));
        packet.Psn = NextPsn;
        packet.Flags = PacketFlags.None;
        MessageFields.Set(slot, ref packet, offset == 0, last);
        packet.Opcode |= ServiceBits;
        sink.Emit(packet, route);
        CountSent(packet);
        return last ? SendVerdict.Ended : SendVerdict.Sent;
    }

    protected override void AttributesChanged(in QueuePairAttributes given, QueuePairAttributeMask mask)
    {
        if ((mask & QueuePairAttributeMask.AddressVector) != 0)
        {
            _path = Host.ResolvePath(this, Attributes.DestinationGid, Attributes.TrafficClass, Attributes.HopLimit);
        }

        if ((mask & QueuePairAttributeMask.PathMtu) != 0)
        {
            _mtuShift = BitOperations.Log2((uint)Attributes.PathMtuBytes);
        }

        if ((mask & QueuePairAttributeMask.ReceivePsn) != 0)
        {
            _expectedPsn = given.ReceivePsn;
            _message = MessageKind.None;
            _communicationEstablished = false;
        }
    }

    protected override void TransferService(StateCursor state)
    {
        state.Value(ref _mtuShift);
        state.Number(ref _expectedPsn);
        state.Value(ref _message);
        state.Flag(ref _communicationEstablished);
        state.Value(ref _messageBytes);
        state.Value(ref _writeRemaining);
        state.Value(ref _writeKey);
        state.Value(ref _writeAddress);
        bool hasPath = state.Flag(_path is not null);
        state.Check(_mtuShift is >= 8 and <= 12 && _message <= MessageKind.Write, "an unreliable connection's message is none");
        state.Check(hasPath || State is QueuePairState.Reset or QueuePairState.Init or QueuePairState.Error, "a queue pair has no peer");
        if (hasPath && state.IsLoading)
        {
            _path = Host.ResolvePath(this, Attributes.DestinationGid, Attributes.TrafficClass, Attributes.HopLimit);
        }
    }

    protected override void Forget(bool isReset)
    {
        _message = MessageKind.None;
        if (isReset)
        {
            _path = null;
            _expectedPsn = default;
        }
    }
}
