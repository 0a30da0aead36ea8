using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// Requests that come before their turn. They are kept as copies, not executed: an application that polls its memory, or a receive
/// queue, must see messages in order. When the missing one comes, all that follow it are executed, and one acknowledgement jumps ahead.
/// </summary>
internal sealed unsafe partial class RcResponder
{
    private ReorderBuffer? _reorder;
    private long _notReadyUntilNs;

    /// <summary>Packets are kept that wait for the expected one, which a NAK asked for.</summary>
    private bool HasOpenHole => _resendRequested && _notReadyUntilNs == 0 && _reorder is { Count: > 0 };

    /// <summary>
    /// A hole: one NAK asks for the expected PSN. It is repeated only when a packet comes again that is here already, or was executed, which
    /// shows that the peer does not know what is missing. IBTA vol. 1, 9.7.5.1.4.
    /// </summary>
    private ResponderVerdict TakeEarly(in Packet packet, in Part part, int distance, long nowNs)
    {
        Counters.OutOfSequenceRequests++;
        if (_notReadyUntilNs != 0)
        {
            if (nowNs < _notReadyUntilNs)
            {
                // Sent before the peer knew that it must wait. IBTA vol. 1, 9.7.5.2.8.
                return ResponderVerdict.Finished;
            }

            _notReadyUntilNs = 0;
            _resendRequested = false;
        }

        bool again = _reorder is not null && _reorder.Has(part.Psn);
        if (!again && TryKeep(packet, part, distance))
        {
            Counters.ReorderedRequests++;
        }

        if (!_resendRequested || (again && (packet.Flags & PacketFlags.AcknowledgeRequest) != 0))
        {
            RequestResend();
        }

        return ResponderVerdict.Finished;
    }

    private bool TryKeep(in Packet packet, in Part part, int distance)
    {
        // A local run's payload is its sender's memory, and a local way loses nothing.
        if (packet.PsnCount > 1 || _qp.Path!.Route.IsLocal || part.Bytes > 1 << _qp.MtuShift || !IsPlausible(packet, part))
        {
            return false;
        }

        _reorder ??= new ReorderBuffer(_qp.Resources.Reorder);
        return _reorder.TryKeep(packet, part.Traits, _expectedPsn, distance);
    }

    /// <summary>
    /// A request that would fail is not kept for later: a guessed packet must not end the connection only because its PSN lies ahead.
    /// If it was the peer's own, it comes again and fails in its turn.
    /// </summary>
    private bool IsPlausible(in Packet packet, in Part part)
    {
        bool names = part.Has(PacketTraits.HasReth) && packet.DmaLength != 0;
        if (!names)
        {
            return true;
        }

        if (part.Has(PacketTraits.Flush))
        {
            return MayFlush(packet);
        }

        MemorySegment piece = default;
        var segments = new SegmentList(new Span<MemorySegment>(ref piece));
        AccessFlags need = part.Has(PacketTraits.Write | PacketTraits.AtomicWrite) ? AccessFlags.RemoteWrite : AccessFlags.RemoteRead;
        return _qp.Host.TranslateRemote(_qp, packet.RemoteKey, packet.RemoteAddress, packet.DmaLength, need, ref segments) != AccessVerdict.Denied;
    }

    private void RequestResend()
    {
        _resendRequested = true;
        Counters.SequenceNaksSent++;
        _acknowledgement.Refuse(AethSyndrome.Nak(NakCode.PsnSequenceError), _expectedPsn);
        _qp.Schedule();
    }

    /// <summary>Executes what was kept as far as nothing is missing, and asks for the next hole if there is one.</summary>
    private void HandleKept(ReorderBuffer reorder, long nowNs)
    {
        while (_qp.State != QueuePairState.Error && reorder.Take(_expectedPsn) is var kept && kept != null)
        {
            Handle(kept->Packet, kept->Traits, nowNs);
            reorder.Release(kept);
        }

        if (reorder.Count > 0 && !_resendRequested)
        {
            RequestResend();
        }
    }
}
