using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>The completer: acknowledgements and responses in, completions out.</summary>
/// <remarks>
/// What an answer says is kept in two places: <see cref="_ackedEnd"/>, before which every request packet was executed, and
/// <see cref="_placed"/>, the responses beyond a missing one. <see cref="_oldestUnacked"/> follows as far as nothing is missing.
/// </remarks>
internal sealed unsafe partial class RcRequester
{
    private long _ackedBytes;
    private bool _progressed;
    private Psn _ackedEnd;
    private PsnRanges? _placed;
    private bool _gotBadResponse;

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

        if (Settle(nowNs) && _awaitsRepair)
        {
            JudgeRepair();
        }
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
                HandleNakAfterProgress(packet.Psn, (NakCode)syndrome.Code, nowNs);
                break;
            default:
                DropBadResponse();
                break;
        }
    }

    private void HandleNakAfterProgress(Psn at, NakCode code, long nowNs)
    {
        bool progressed = at.DistanceFrom(_ackedEnd) > 0;
        bool reached = AcknowledgeUpTo(at, nowNs);
        if (!Settle(nowNs))
        {
            return;
        }

        // A request that is missing over there is one thing, a response that is missing here before it another.
        if (reached || code == NakCode.PsnSequenceError)
        {
            HandleNak(code, at, progressed, nowNs);
        }
    }

    /// <summary>
    /// Every request packet before <paramref name="end"/> was executed. A READ or atomic among it whose response has not come is an implied
    /// NAK: false then. IBTA vol. 1, 9.7.5.1.1.
    /// </summary>
    private bool AcknowledgeUpTo(Psn end, long nowNs)
    {
        if (end.DistanceFrom(_ackedEnd) > 0)
        {
            _ackedEnd = end;
        }

        while (_oldestUnacked.DistanceFrom(_ackedEnd) < 0)
        {
            SendSlot* slot = _head;
            if (IsShort(slot->Request))
            {
                PassShort(slot);
                continue;
            }

            uint index = slot->IndexOf(_oldestUnacked);
            Psn known = slot->NeedsResponse ? _placed?.EndOfRangeAt(_oldestUnacked) ?? _oldestUnacked : _ackedEnd;
            uint packets = Math.Min((uint)known.DistanceFrom(_oldestUnacked), slot->PacketCount - index);
            if (packets == 0)
            {
                break;
            }

            Pass(slot, index, packets);
        }

        CatchUp();
        if (_oldestUnacked.DistanceFrom(_ackedEnd) < 0 && Settle(nowNs))
        {
            HandleImpliedNak(nowNs);
        }

        return _oldestUnacked.DistanceFrom(end) >= 0;
    }

    /// <summary>The oldest packets that were not answered now are.</summary>
    private void Pass(SendSlot* slot, uint index, uint packets)
    {
        if (slot->NeedsResponse)
        {
            ReleaseAskingSlots(slot, index, packets);
        }

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

    /// <summary>An answer to a packet that was about to be sent again: need not be.</summary>
    private void CatchUp()
    {
        if (_sendPsn.DistanceFrom(_oldestUnacked) < 0)
        {
            _sendPsn = _oldestUnacked;
            _cursor = _head;
        }

        if (_placed is { Count: > 0 } placed)
        {
            placed.DropBefore(_oldestUnacked);
        }

        CatchUpRepair();
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
        MeasureRoundTrip(nowNs);
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
