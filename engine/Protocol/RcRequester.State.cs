using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// The requester's part of a device's state, and going on after it was moved. What was under way when it was saved may have arrived, or not:
/// the first thing sent finds out. Repairs under way are forgotten for the same reason.
/// </summary>
internal sealed unsafe partial class RcRequester
{
    /// <summary>
    /// A peer that was told to wait waits no longer than this, in ns, until it gets an answer: whoever told it may have died, or tells it again and again.
    /// </summary>
    public const long PauseNsMax = 2_000_000_000;

    /// <summary>Without a pause for so long, in ns, it may be told anew although there was no answer: perhaps there was nothing to ask.</summary>
    private const long PauseForgottenAfterNs = 10 * PauseNsMax;

    private bool _isPaused;
    private long _pausedUntilNs;
    private long _pauseEndedNs;
    private long _pauseNsLeft = PauseNsMax;

    /// <summary>What it is in the middle of.</summary>
    public QueuePairActivity Activity =>
        (_rdAtomicOutstanding > 0 ? QueuePairActivity.AwaitsResponses : QueuePairActivity.None)
        | (_rnrWaiting ? QueuePairActivity.AwaitsReceiver : QueuePairActivity.None)
        | (_isPaused ? QueuePairActivity.IsPaused : QueuePairActivity.None)
        | (_drainPending ? QueuePairActivity.Drains : QueuePairActivity.None);

    /// <summary>Saves, or loads into a requester that was just made; the QP has its attributes and its path already.</summary>
    public void Transfer(StateCursor state)
    {
        state.Number(ref _oldestUnacked);
        state.Number(ref _sendPsn);
        state.Number(ref _sentEnd);
        state.Number(ref _nextPsn);
        state.Number(ref _ackedEnd);
        state.Flag(ref _gotBadResponse);
        state.Value(ref _peer);
        state.Value(ref _lossesSinceTried);
        state.Flag(ref _rnrWaiting);
        state.Time(ref _rnrDeadlineNs);
        state.Flag(ref _drainPending);
        state.Value(ref _retriesLeft);
        state.Value(ref _rnrRetriesLeft);
        state.Value(ref _readChunkPackets);
        state.Value(ref _rdAtomicOutstanding);
        long windowBytes = state.Value(_windowBytes);
        state.Value(ref _unrequestedBytes);
        state.Flag(ref _isPaused);
        state.Time(ref _pausedUntilNs);
        TransferRequests(state);
        TransferPlaced(state);
        if (state.IsLoading)
        {
            CheckLoaded(state);
            state.Check(windowBytes is >= 0 and <= uint.MaxValue && (windowBytes == 0 || _qp.Path is not null), "a requester holds the impossible of its path");
            ForgetRepair();
            _ackTimeoutNs = AckTimeout.Nanoseconds(_qp.Attributes.Timeout);
            _pausedUntilNs = Math.Min(_pausedUntilNs, state.NowNs + PauseNsMax);

            // What is held is given back when the queue pair goes, so it must not be counted before it is.
            _windowBytes = windowBytes;
            _qp.Path?.Window.AcquireAnyway(windowBytes);
        }
    }

    /// <summary>
    /// The QP runs again, here or elsewhere: asks at once how far the peer is, until it answers. The time that passed uses up no retry, and
    /// this also serves QPs that send nothing twice by themselves: what was lost now was lost by the host.
    /// </summary>
    public void Resume(long nowNs)
    {
        _lastNowNs = nowNs;
        EndPause(nowNs);
        if (_rnrWaiting)
        {
            Arm(_rnrDeadlineNs);
        }
        else if (HasOutstanding)
        {
            StartAckTimer(nowNs);
            Probe();
            _backoff = 1;
            _probeDeadlineNs = nowNs + _roundTrip.ProbeAfterNs(_backoff);
            Arm(_probeDeadlineNs);
        }
    }

    /// <summary>The peer's device stands still: nothing is sent to it, and no time runs, until it says that it goes on, or for a while.</summary>
    public void Pause(long nowNs)
    {
        if (nowNs - _pauseEndedNs >= PauseForgottenAfterNs)
        {
            _pauseNsLeft = PauseNsMax;
        }

        if (!_isPaused && _pauseNsLeft > 0)
        {
            _isPaused = true;
            _pausedUntilNs = nowNs + _pauseNsLeft;
            Arm(_pausedUntilNs);
        }
    }

    /// <summary>
    /// The peer's device runs again. Where it had not said that it would stand still, what got lost is asked for; no timer starts anew for that, or a peer
    /// could keep this side waiting by saying it again and again.
    /// </summary>
    public void PeerResumed(long nowNs)
    {
        _lastNowNs = nowNs;
        if (_isPaused)
        {
            Resume(nowNs);
        }
        else if (HasOutstanding && !_rnrWaiting)
        {
            Probe();
        }
    }

    private void EndPause(long nowNs)
    {
        if (_isPaused)
        {
            _isPaused = false;
            _pauseEndedNs = nowNs;
            _pauseNsLeft = Math.Max(0, _pausedUntilNs - nowNs);
        }
    }

    private void HandlePauseTimeout(long nowNs)
    {
        if (nowNs < _pausedUntilNs)
        {
            Arm(_pausedUntilNs);
            return;
        }

        Resume(nowNs);
        _qp.Schedule();
    }

    private void TransferRequests(StateCursor state)
    {
        int count = 0;
        int cursorAt = -1;
        for (SendSlot* slot = _head; slot != null; slot = slot->Next)
        {
            cursorAt = slot == _cursor ? count : cursorAt;
            count++;
        }

        count = state.Count(count, Math.Max(1, _qp.Config.SendQueueDepth));
        cursorAt = state.Value(cursorAt);
        SendSlot* each = _head;
        for (int i = 0; i < count; i++)
        {
            if (state.IsLoading)
            {
                each = Slots.Take(state.NowNs);
                Append(each);
            }

            Transfer(state, each);
            _cursor = state.IsLoading && i == cursorAt ? each : _cursor;
            each = each->Next;
        }

        state.Check(cursorAt >= -1 && cursorAt < count, "a queue pair's next request is none of its own");
    }

    private static void Transfer(StateCursor state, SendSlot* slot)
    {
        state.Number(ref slot->FirstPsn);
        state.Value(ref slot->PacketCount);
        state.Value(ref slot->Failure);
        state.Flag(ref slot->IsExecuted);
        SharedState.Transfer(state, ref slot->Request);
    }

    private void TransferPlaced(StateCursor state)
    {
        if (state.Flag(_placed is { Count: > 0 }))
        {
            _placed ??= new PsnRanges();
            _placed.Transfer(state);
        }
    }

    /// <summary>What the methods of this class take for granted.</summary>
    private void CheckLoaded(StateCursor state)
    {
        bool isOrdered = _sendPsn.DistanceFrom(_oldestUnacked) >= 0 && _sentEnd.DistanceFrom(_sendPsn) >= 0
            && _nextPsn.DistanceFrom(_sentEnd) >= 0 && _nextPsn.DistanceFrom(_oldestUnacked) >= 0
            && _ackedEnd.DistanceFrom(_oldestUnacked) >= 0 && _sentEnd.DistanceFrom(_ackedEnd) >= 0;
        state.Check(isOrdered, "a requester's PSNs are out of order");
        state.Check(
            _readChunkPackets is >= 1 and <= ReadChunkBytesMax && _rdAtomicOutstanding is >= 0 and <= byte.MaxValue
                && _retriesLeft is >= 0 and <= 7 && _rnrRetriesLeft is >= 0 and <= 7
                && _unrequestedBytes is >= 0 and <= uint.MaxValue,
            "a requester counts the impossible");
        CheckRequests(state);
    }

    private void CheckRequests(StateCursor state)
    {
        Psn next = _head == null ? _nextPsn : _head->FirstPsn;
        bool isHeld = false;
        for (SendSlot* slot = _head; slot != null; slot = slot->Next)
        {
            bool fits = slot->PacketCount == PacketsOf(slot->Request) && slot->PacketCount <= PsnsInFlightMax * 2 && slot->FirstPsn == next
                && slot->Failure <= CompletionStatus.GeneralError && (slot->Failure != CompletionStatus.Success || FindFailure(ref slot->Request) == CompletionStatus.Success);
            state.Check(fits, "a request under way is not one that can be");
            isHeld |= slot->IndexOf(_oldestUnacked) < slot->PacketCount || _oldestUnacked == slot->FirstPsn;

            // A request that was found impossible before its first packet took no PSNs.
            next += slot->Next != null || slot->Failure == CompletionStatus.Success || next != _nextPsn ? slot->PacketCount : 0;
        }

        bool isCursorRight = _cursor == null
            ? _sendPsn == _nextPsn
            : _cursor->IndexOf(_sendPsn) < _cursor->PacketCount || _cursor->FirstPsn == _sendPsn;
        state.Check(next == _nextPsn && isCursorRight && (isHeld || _oldestUnacked == _nextPsn), "a requester's requests do not match its PSNs");
    }
}
