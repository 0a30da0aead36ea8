using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>The completer: acknowledgements and responses in, completions out.</summary>
internal sealed unsafe partial class RcRequester
{
    private long _ackedBytes;
    private bool _progressed;

    /// <summary>An acknowledgement or a response. What does not belong to an outstanding request is counted and dropped.</summary>
    public void HandleResponse(in Packet packet, long nowNs)
    {
        _lastNowNs = nowNs;
        int count = Math.Max(1, packet.PsnCount);
        if ((packet.Psn + (count - 1)).DistanceFrom(_sentEnd) >= 0 || (packet.Psn + (count - 1)).DistanceFrom(_oldestUnacked) < 0)
        {
            // Beyond anything sent ("ghost") or already answered. IBTA vol. 1, 9.7.5.1.
            Counters.StaleResponses++;
            return;
        }

        switch (packet.Opcode)
        {
            case Opcode.RcAcknowledge:
                HandleAcknowledge(packet, nowNs);
                break;
            case Opcode.RcAtomicAcknowledge:
                HandleAtomicResponse(packet, nowNs);
                break;
            default:
                HandleReadResponse(packet, count, nowNs);
                break;
        }

        Settle(nowNs);
    }

    private void HandleAcknowledge(in Packet packet, long nowNs)
    {
        var syndrome = new AethSyndrome(packet.Syndrome);
        switch (syndrome.Kind)
        {
            case SyndromeKind.Ack:
                AcknowledgeUpTo(packet.Psn + 1, nowNs);
                break;
            case SyndromeKind.RnrNak:
                if (AcknowledgeUpTo(packet.Psn, nowNs) && Settle(nowNs))
                {
                    HandleRnrNak(syndrome.Code, nowNs);
                }

                break;
            case SyndromeKind.Nak:
                if (AcknowledgeUpTo(packet.Psn, nowNs) && Settle(nowNs))
                {
                    HandleNak((NakCode)syndrome.Code, nowNs);
                }

                break;
            default:
                Counters.DroppedBadResponse++;
                break;
        }
    }

    private void HandleReadResponse(in Packet packet, int count, long nowNs)
    {
        // A run may begin with packets that already came by the wire.
        int skip = Math.Max(0, -packet.Psn.DistanceFrom(_oldestUnacked));
        Psn start = packet.Psn + skip;
        count -= skip;
        if (!AcknowledgeUpTo(start, nowNs))
        {
            return;
        }

        SendSlot* slot = _head;
        uint index = slot->IndexOf(start);
        uint offset = (uint)((ulong)index << _qp.MtuShift);
        uint bytes = (uint)Math.Min((ulong)count << _qp.MtuShift, slot->Request.TotalBytes - offset);
        int skipBytes = skip << _qp.MtuShift;
        if (slot->Request.Opcode != WorkOpcode.Read || index + count > slot->PacketCount || packet.PayloadBytes - skipBytes != bytes)
        {
            Counters.DroppedBadResponse++;
            return;
        }

        var payload = new PayloadReader(packet, skipBytes);
        if (!Place(slot, ref payload, offset, bytes, nowNs))
        {
            return;
        }

        AnswerPart(slot, index, (uint)count, bytes);
    }

    private bool Place(SendSlot* slot, ref PayloadReader payload, uint offset, uint bytes, long nowNs)
    {
        bool ends = offset + bytes == slot->Request.TotalBytes;
        if (Placement.Scatter(_qp, ref payload, ref slot->Request.Sges, slot->Request.SgeCount, offset, bytes, ends) == AccessVerdict.Granted)
        {
            return true;
        }

        Fail(CompletionStatus.LocalProtectionError, "the local buffer of a READ or atomic is not writable under its lkey", nowNs);
        return false;
    }

    private void HandleAtomicResponse(in Packet packet, long nowNs)
    {
        if (!AcknowledgeUpTo(packet.Psn, nowNs))
        {
            return;
        }

        SendSlot* slot = _head;
        if (slot->Request.Opcode is not (WorkOpcode.CompareSwap or WorkOpcode.FetchAdd))
        {
            Counters.DroppedBadResponse++;
            return;
        }

        ulong original = packet.OriginalValue;
        var piece = new MemorySegment((byte*)&original, sizeof(ulong));
        Packet carrier = default;
        carrier.Segments = &piece;
        var payload = new PayloadReader(carrier, 0);
        if (Place(slot, ref payload, 0, sizeof(ulong), nowNs))
        {
            AnswerPart(slot, 0, 1, 0);
        }
    }

    /// <summary>Part of a READ, or an atomic, was answered and its data placed.</summary>
    private void AnswerPart(SendSlot* slot, uint index, uint packets, uint bytes)
    {
        ReleaseAskingSlots(slot, index, packets);
        _ackedBytes += bytes + (long)packets * PathWindow.PacketOverheadBytes;
        _oldestUnacked += packets;
        _progressed = true;
        if (index + packets == slot->PacketCount)
        {
            CompleteHead(CompletionStatus.Success, null);
        }

        CatchUp();
    }

    /// <summary>Every chunk whose end is passed and whose request went out (again) gives back its place among <c>max_rd_atomic</c>.</summary>
    private void ReleaseAskingSlots(SendSlot* slot, uint index, uint packets)
    {
        uint end = index + packets;
        for (uint chunkEnd = (index / _readChunkPackets + 1) * _readChunkPackets; ; chunkEnd += _readChunkPackets)
        {
            uint boundary = Math.Min(chunkEnd, slot->PacketCount);
            if (boundary > end)
            {
                return;
            }

            if (_sendPsn.DistanceFrom(slot->FirstPsn + boundary) >= 0 && _rdAtomicOutstanding > 0)
            {
                _rdAtomicOutstanding--;
            }

            if (boundary == slot->PacketCount)
            {
                return;
            }
        }
    }

    /// <summary>
    /// Everything before <paramref name="end"/> is acknowledged. A READ or atomic among it whose response has not come is an implied
    /// NAK: false then. IBTA vol. 1, 9.7.5.1.1.
    /// </summary>
    private bool AcknowledgeUpTo(Psn end, long nowNs)
    {
        while (_oldestUnacked.DistanceFrom(end) < 0)
        {
            SendSlot* slot = _head;
            if (slot->NeedsResponse)
            {
                CatchUp();
                if (Settle(nowNs))
                {
                    HandleImpliedNak(nowNs);
                }

                return false;
            }

            uint index = slot->IndexOf(_oldestUnacked);
            uint packets = Math.Min((uint)end.DistanceFrom(_oldestUnacked), slot->PacketCount - index);
            ulong offset = (ulong)index << _qp.MtuShift;
            _ackedBytes += (long)Math.Min((ulong)packets << _qp.MtuShift, slot->Request.TotalBytes - offset)
                + (long)packets * PathWindow.PacketOverheadBytes;
            _oldestUnacked += packets;
            _progressed = true;
            if (index + packets == slot->PacketCount)
            {
                CompleteHead(CompletionStatus.Success, null);
            }
        }

        CatchUp();
        return true;
    }

    /// <summary>An answer to a packet that was about to be sent again: need not be.</summary>
    private void CatchUp()
    {
        if (_sendPsn.DistanceFrom(_oldestUnacked) < 0)
        {
            _sendPsn = _oldestUnacked;
            _cursor = _head;
        }
    }

    /// <summary>
    /// After progress: gives back window, restarts retries and timer, and lets go what waited. Comes before anything is counted as a
    /// retry. False when the QP is in error by now.
    /// </summary>
    private bool Settle(long nowNs)
    {
        if (!_progressed || !_qp.IsSending)
        {
            return _qp.IsSending;
        }

        _progressed = false;
        ReleaseWindow(HasOutstanding ? Math.Min(_ackedBytes, _windowBytes) : _windowBytes, delivered: true);
        _ackedBytes = 0;
        ResetRetries(nowNs);
        if (_head != null && _head->Failure != CompletionStatus.Success)
        {
            FailWhenOldest(nowNs);
            return false;
        }

        if (_blockedOnProgress)
        {
            _blockedOnProgress = false;
            _qp.Schedule();
        }

        RaiseDrained();
        return true;
    }
}
