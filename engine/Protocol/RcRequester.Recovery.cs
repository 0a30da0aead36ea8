using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>What to send again when something was lost: no more than is missing, where the peer keeps what came behind it.</summary>
/// <remarks>
/// A sequence NAK is answered with the one packet that it names. If the next acknowledgement jumps ahead of it, the peer keeps packets that
/// come out of order; if it does not, the peer dropped them, as the specification lets it, and everything is sent again from there.
/// A NAK that names the packet right behind the last repair tells of a burst: each such repair is twice as long as the one before.
/// </remarks>
internal sealed unsafe partial class RcRequester
{
    private enum PeerKind : byte
    {
        Unknown,

        /// <summary>It keeps packets beyond a hole.</summary>
        Keeps,

        /// <summary>It drops packets beyond a hole.</summary>
        Drops,
    }

    /// <summary>So many losses later, a peer that dropped packets beyond a hole is tried again.</summary>
    private const byte LossesUntilTriedAgain = 64;

    private PeerKind _peer;
    private byte _lossesSinceTried;
    private bool _judgesRepair;
    private bool _awaitsRepair;
    private bool _isSilent;
    private bool _repairIsProbe;
    private Psn _repairNext;
    private Psn _repairEnd;
    private Psn _repairedFrom;
    private Psn _repairedEnd;
    private int _repairPackets;
    private long _repairSentNs;
    private Psn _missingAskedEnd;
    private RoundTripTime _roundTrip;
    private Psn _roundTripPsn;
    private long _roundTripSentNs;
    private bool _roundTripIsOfOnePacket;

    private bool HasRepair => _repairNext != _repairEnd;

    /// <summary>The peer misses the packet at a PSN, and everything before it came.</summary>
    private void HandleSequenceNak(Psn at, bool progressed, long nowNs)
    {
        if (_rnrWaiting || _wentBack || at.DistanceFrom(_sendPsn) >= 0 || IsUnderRepair(at, nowNs))
        {
            Counters.StaleResponses++;
            return;
        }

        Counters.SequenceNaksReceived++;
        if (_awaitsRepair && at.DistanceFrom(_repairedEnd) >= 0)
        {
            // The repair came: this is about another hole. Right behind the repair it says nothing about what the peer keeps.
            _awaitsRepair = false;
            MeasureRepair(nowNs);
            _peer = _peer == PeerKind.Unknown && at != _repairedEnd ? PeerKind.Keeps : _peer;
        }

        // After a silence that used up the retries, the first NAK shows that the peer is there again: it costs none.
        bool breaksSilence = _isSilent;
        _isSilent = false;
        if (!breaksSilence && !TryRetry(progressed, "requests were lost on the way, as often as retry_cnt allows", nowNs))
        {
            return;
        }

        if (MustGoBack())
        {
            _qp.Path!.Window.OnLoss();
            GoBack();
            _wentBack = true;
        }
        else
        {
            RepairAt(at);
            _qp.Path!.Window.OnPacketLoss(PacketBytes(_repairNext, _repairEnd));
        }

        _qp.Schedule();
    }

    /// <summary>
    /// Responses are missing although later answers came: asks for them, each once, then leaves it to the probe. From a peer that is not
    /// known to keep packets, no earlier part of a READ may be asked for after a later one: some answer only forwards.
    /// </summary>
    private void HandleImpliedNak(long nowNs)
    {
        while (!_rnrWaiting && TryFindMissing(out Psn from, out Psn end))
        {
            Counters.ImpliedNaks++;
            if (!TryRetry(progressed: true, "READ or atomic responses were lost on the way, as often as retry_cnt allows", nowNs))
            {
                return;
            }

            _missingAskedEnd = end;
            _qp.Path!.Window.OnPacketLoss(PacketBytes(from, end));
            Repair(from, end);
            _qp.Schedule();
        }
    }

    /// <summary>The first responses that are missing, not asked for yet, and may be asked for now; within one chunk of a READ.</summary>
    private bool TryFindMissing(out Psn from, out Psn end)
    {
        Psn known = Earlier(_ackedEnd, _sendPsn);
        from = Later(_missingAskedEnd, _oldestUnacked);
        end = from;
        SendSlot* slot = _head;
        while (from.DistanceFrom(known) < 0)
        {
            slot = FindSlot(from, slot);
            Psn chunkStart = slot->FirstPsn;
            Psn chunkEnd = slot->FirstPsn + slot->PacketCount;
            if (slot->Request.Opcode == WorkOpcode.Read)
            {
                uint index = slot->IndexOf(from);
                chunkStart += index / _readChunkPackets * _readChunkPackets;
                chunkEnd = from + PacketsOfChunk(slot, index);
            }

            end = Earlier(chunkEnd, known);
            if (slot->NeedsResponse && (_placed is null || _placed.TryFindMissing(ref from, ref end)))
            {
                bool isWhole = chunkEnd.DistanceFrom(known) <= 0 && _missingAskedEnd.DistanceFrom(chunkStart) <= 0;
                return _peer == PeerKind.Keeps || isWhole || from == _oldestUnacked;
            }

            from = chunkEnd;
        }

        return false;
    }

    /// <summary>
    /// An acknowledgement came after a repair. One that ends with the repair says that the peer has nothing of what followed.
    /// </summary>
    private void JudgeRepair()
    {
        int beyond = _ackedEnd.DistanceFrom(_repairedEnd);
        if (!_awaitsRepair || beyond < 0)
        {
            return;
        }

        _awaitsRepair = false;
        MeasureRepair(_lastNowNs);
        if (beyond > 0)
        {
            _peer = _peer == PeerKind.Unknown ? PeerKind.Keeps : _peer;
            return;
        }

        if (_ackedEnd.DistanceFrom(_sendPsn) >= 0 || _rnrWaiting || _wentBack)
        {
            return;
        }

        if (_peer == PeerKind.Keeps)
        {
            RepairAt(_ackedEnd);
        }
        else
        {
            _peer = PeerKind.Drops;
            _lossesSinceTried = 0;
            GoBack();
            _wentBack = true;
        }

        _qp.Schedule();
    }

    /// <summary>
    /// Nothing came for longer than an answer takes: sends something again that makes the peer speak, before the local ACK timeout and at
    /// no cost of retries. The last packet shows the peer all that it misses; where that is a READ, or the peer drops what is behind
    /// a hole, the oldest.
    /// </summary>
    private void Probe()
    {
        if (HasRepair)
        {
            return;
        }

        Counters.Probes++;
        _roundTripSentNs = 0;
        _missingAskedEnd = _oldestUnacked;
        _wentBack = false;
        Psn last = _sendPsn - 1;
        bool oldest = _head->NeedsResponse || _awaitsRepair || _peer == PeerKind.Drops || FindSlot(last)->NeedsResponse;
        Psn at = oldest ? _oldestUnacked : last;
        Repair(at, at + 1);
        _repairIsProbe = true;
        _judgesRepair = _awaitsRepair || _peer == PeerKind.Drops;
        _qp.Schedule();
    }

    private bool MustGoBack()
    {
        if (_peer == PeerKind.Drops && ++_lossesSinceTried >= LossesUntilTriedAgain)
        {
            _peer = PeerKind.Unknown;
        }

        return _peer == PeerKind.Drops || _qp.Path!.Route.IsLocal;
    }

    /// <summary>A repair of this PSN waits to go out, or went out less than a round trip ago.</summary>
    private bool IsUnderRepair(Psn at, long nowNs)
    {
        if (HasRepair && _repairNext.DistanceFrom(at) <= 0 && _repairEnd.DistanceFrom(at) > 0)
        {
            return true;
        }

        return _repairedFrom.DistanceFrom(at) <= 0 && _repairedEnd.DistanceFrom(at) > 0
            && (_roundTrip.SmoothedNs == 0 || nowNs - _repairSentNs < _roundTrip.SmoothedNs);
    }

    /// <summary>The peer misses the packet at a PSN; whether it kept what is behind it, the answer will tell.</summary>
    private void RepairAt(Psn at)
    {
        _repairPackets = _repairPackets != 0 && at == _repairedEnd ? Math.Min(_repairPackets * 2, PsnsInFlightMax) : 1;
        Repair(at, at + _repairPackets);
        _repairIsProbe = false;
        _judgesRepair = true;
    }

    /// <summary>Sends again what is missing within a range, before anything new.</summary>
    private void Repair(Psn from, Psn end)
    {
        _roundTripSentNs = 0;
        end = Earlier(end, _sendPsn);
        if (HasRepair)
        {
            _repairNext = Earlier(_repairNext, from);
            _repairEnd = Later(_repairEnd, end);
        }
        else
        {
            _repairNext = from;
            _repairEnd = end;
        }
    }

    private void CatchUpRepair()
    {
        if (HasRepair && _repairNext.DistanceFrom(_oldestUnacked) < 0)
        {
            _repairNext = Earlier(_oldestUnacked, _repairEnd);
        }

        _missingAskedEnd = Later(_missingAskedEnd, _oldestUnacked);
    }

    private void ForgetRepair()
    {
        _judgesRepair = false;
        _awaitsRepair = false;
        _repairedFrom = _oldestUnacked;
        _repairNext = _oldestUnacked;
        _repairEnd = _oldestUnacked;
        _repairedEnd = _oldestUnacked;
        _repairPackets = 0;
        _missingAskedEnd = _oldestUnacked;
        _roundTripSentNs = 0;
    }

    private void MeasureRoundTrip(long nowNs)
    {
        if (_roundTripSentNs != 0 && _oldestUnacked.DistanceFrom(_roundTripPsn) > 0)
        {
            _roundTrip.Add(nowNs - _roundTripSentNs);
            if (_roundTripIsOfOnePacket)
            {
                _qp.Path!.Window.OnRoundTrip(nowNs - _roundTripSentNs, nowNs);
            }

            _roundTripSentNs = 0;
        }
    }

    /// <summary>
    /// A repair was answered. Where losses follow each other closely, no other round trip is without one. A probe's answer may be to what
    /// was sent before it, and measures nothing.
    /// </summary>
    private void MeasureRepair(long nowNs)
    {
        if (!_repairIsProbe)
        {
            _roundTrip.Add(nowNs - _repairSentNs);
        }
    }

    /// <summary>About what the packets of a range took of the window, taken to be all of the request at its start.</summary>
    private long PacketBytes(Psn from, Psn end)
    {
        SendSlot* slot = FindSlot(from);
        ulong packets = (uint)Math.Max(0, end.DistanceFrom(from));
        ulong offset = (ulong)slot->IndexOf(from) << _qp.MtuShift;
        return (long)Math.Min(packets << _qp.MtuShift, slot->Request.TotalBytes - offset)
            + ((long)packets * PathWindow.PacketOverheadBytes);
    }

    private static Psn Earlier(Psn left, Psn right) => left.DistanceFrom(right) < 0 ? left : right;

    private static Psn Later(Psn left, Psn right) => left.DistanceFrom(right) > 0 ? left : right;
}
