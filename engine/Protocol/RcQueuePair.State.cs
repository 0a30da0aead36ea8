using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>The QP as part of a device's state.</summary>
internal sealed partial class RcQueuePair
{
    public override void Transfer(StateCursor state)
    {
        state.Mark(StateMark);
        state.Value(ref _state);
        state.Flag(ref _responsesFirst);
        SharedState.Transfer(state, ref _attributes);
        MtuShift = state.Value(MtuShift);
        bool hasPath = state.Flag(Path is not null);
        if (state.IsLoading)
        {
            state.Check(_state <= QueuePairState.Error && MtuShift is >= 8 and <= 12, "a queue pair's state is none");
            state.Check(hasPath || _state is QueuePairState.Reset or QueuePairState.Init or QueuePairState.Error, "a queue pair has no peer");
            Path = hasPath
                ? Host.ResolvePath(this, _attributes.DestinationGid, _attributes.TrafficClass, _attributes.HopLimit)
                : null;
        }

        TransferNotices(state);
        _requester.Transfer(state);
        _responder.Transfer(state);
        state.Check(Path is not null || !_responder.HasWork, "a queue pair owes an answer to nobody");
    }

    public override QueuePairActivity Activity => _requester.Activity | _responder.Activity;

    public override void Pause()
    {
        if (IsReceiving)
        {
            OweNotice(DeviceNotice.Pause);
            Schedule();
        }
    }

    public override void Resume(long nowNs)
    {
        if (IsReceiving)
        {
            OweNotice(DeviceNotice.Resume);
        }

        if (IsSending)
        {
            _requester.Resume(nowNs);
        }

        if (IsReceiving || _responder.HasWork)
        {
            Schedule();
        }
    }

    /// <summary>News of the peer's device, or nothing that a reliable connection knows.</summary>
    private void HandleRest(in Packet packet, PacketTraits traits, long nowNs)
    {
        if (!Speaks(packet.Opcode) || (traits & PacketTraits.DeviceNotice) == 0)
        {
            Counters.DroppedWrongOpcode++;
        }
        else if (!IsSending || !IsNews(packet))
        {
            Counters.DroppedWrongState++;
        }
        else if (packet.Opcode == Opcode.RcPause)
        {
            Counters.PausesReceived++;
            _requester.Pause(nowNs);
        }
        else
        {
            Counters.ResumesReceived++;
            _requester.PeerResumed(nowNs);
            Schedule();
        }
    }
}
