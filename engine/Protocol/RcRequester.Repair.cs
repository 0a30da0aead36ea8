using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>Sending again what <see cref="Repair"/> named: it goes before anything new and takes no room in the window, which it has already.</summary>
internal sealed unsafe partial class RcRequester
{
    /// <summary>The request that a PSN under way belongs to.</summary>
    private SendSlot* FindSlot(Psn psn) => FindSlot(psn, _head);

    /// <summary>As above, from a request on that is not later.</summary>
    private static SendSlot* FindSlot(Psn psn, SendSlot* from)
    {
        while (from->IndexOf(psn) >= from->PacketCount)
        {
            from = from->Next;
        }

        return from;
    }

    /// <summary>True when more is to be sent again and cannot go now.</summary>
    private bool TransmitRepairs(IPacketSink sink, ref Packet packet, ref int budget, long nowNs)
    {
        SendSlot* slot = _head;
        Psn first = _repairNext;
        bool payload = false;
        while (HasRepair)
        {
            if (budget <= 0 || !sink.HasRoom)
            {
                return true;
            }

            slot = FindSlot(_repairNext, slot);
            uint index = slot->IndexOf(_repairNext);
            payload = !slot->NeedsResponse;
            if (!payload)
            {
                if (!TryAskAgain(sink, slot, index, ref packet, ref budget))
                {
                    return false;
                }
            }
            else if (_repairNext.DistanceFrom(_ackedEnd) < 0)
            {
                SkipRepair((uint)_ackedEnd.DistanceFrom(_repairNext), slot, index);
            }
            else if (!TrySendAgain(sink, slot, index, ref packet, ref budget))
            {
                return false;
            }
        }

        _repairedFrom = first;
        _repairedEnd = _repairEnd;
        _repairSentNs = nowNs;
        _awaitsRepair = _judgesRepair && payload;
        _judgesRepair = false;
        return false;
    }

    private void SkipRepair(uint packets, SendSlot* slot, uint index) =>
        _repairNext = Earlier(_repairNext + Math.Min(packets, slot->PacketCount - index), _repairEnd);

    /// <summary>A packet of a SEND or WRITE. False when its memory is gone: the request fails when it is the oldest.</summary>
    private bool TrySendAgain(IPacketSink sink, SendSlot* slot, uint index, ref Packet packet, ref int budget)
    {
        Route route = _qp.Path!.Route;
        uint offset = (uint)((ulong)index << _qp.MtuShift);
        ulong wanted = (ulong)_repairEnd.DistanceFrom(_repairNext) << _qp.MtuShift;
        uint most = route.IsLocal ? (uint)Math.Min(wanted, RcQueuePair.LocalRunBytes) : (uint)MtuBytes;
        uint bytes = Math.Min(slot->Request.TotalBytes - offset, most);
        uint packets = Math.Max(1, (bytes + (uint)MtuBytes - 1) >> _qp.MtuShift);
        if (!TryCompose(slot, index, bytes, ask: _repairNext + packets == _repairEnd, ref packet))
        {
            FailRepair(slot);
            return false;
        }

        sink.Emit(packet, route);
        Counters.RetransmittedPackets++;
        budget -= 1 + (packet.PsnCount >> 4);
        SkipRepair((uint)packet.PsnCount, slot, index);
        return true;
    }

    /// <summary>
    /// A READ, from the first response that is missing to the last one known to be, within its chunk, so that the peer finds the request it
    /// answered before; or another request that asks for a response. False when its memory is gone.
    /// </summary>
    private bool TryAskAgain(IPacketSink sink, SendSlot* slot, uint index, ref Packet packet, ref int budget)
    {
        Psn chunkEnd = _repairNext + (slot->Request.Opcode == WorkOpcode.Read ? PacketsOfChunk(slot, index) : 1);
        Psn start = _repairNext;
        Psn end = chunkEnd;
        bool isMissing = true;
        if (start.DistanceFrom(_ackedEnd) < 0)
        {
            // The peer has the request: only some of its responses were lost.
            end = Earlier(Earlier(end, _ackedEnd), _repairEnd);
            isMissing = _placed is null || _placed.TryFindMissing(ref start, ref end);
        }

        if (isMissing)
        {
            index = slot->IndexOf(start);
            uint packets = (uint)end.DistanceFrom(start);
            ulong offset = (ulong)index << _qp.MtuShift;
            uint bytes = (uint)Math.Min((ulong)packets << _qp.MtuShift, slot->Request.TotalBytes - offset);
            if (!TryComposeAsking(slot, index, bytes, ref packet))
            {
                FailRepair(slot);
                return false;
            }

            sink.Emit(packet, _qp.Path!.Route);
            Counters.RetransmittedPackets++;
            budget--;
        }

        _repairNext = Earlier(chunkEnd, _repairEnd);
        return true;
    }

    private void FailRepair(SendSlot* slot)
    {
        slot->Failure = CompletionStatus.LocalProtectionError;
        Psn at = _repairNext;
        ForgetRepair();
        _sendPsn = at;
        _cursor = slot;
    }
}
