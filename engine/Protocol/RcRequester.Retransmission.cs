using System.Diagnostics;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>Timers, NAKs, going back, and failing.</summary>
/// <remarks>
/// The deadline told to the worker may be earlier than the true one: progress only moves the true one, and the early call finds out.
/// So an acknowledgement costs no work in the worker's timers.
/// </remarks>
internal sealed unsafe partial class RcRequester
{
    private const byte RetryForever = 7;

    private long _ackTimeoutNs = long.MaxValue;
    private long _ackDeadlineNs = long.MaxValue;
    private long _probeDeadlineNs = long.MaxValue;
    private long _rnrDeadlineNs;
    private bool _rnrWaiting;
    private bool _wentBack;
    private bool _drainPending;
    private byte _backoff;
    private int _retriesLeft;
    private int _rnrRetriesLeft;

    /// <summary>The worker's call at or before the true deadline.</summary>
    public void HandleTimeout(long nowNs)
    {
        _lastNowNs = nowNs;
        if (_isPaused)
        {
            HandlePauseTimeout(nowNs);
        }
        else if (_rnrWaiting)
        {
            if (nowNs < _rnrDeadlineNs)
            {
                Arm(_rnrDeadlineNs);
                return;
            }

            _rnrWaiting = false;
            _qp.Schedule();
        }
        else if (HasOutstanding)
        {
            if (nowNs >= _ackDeadlineNs)
            {
                Counters.Timeouts++;
                _wentBack = false;
                _isSilent = true;
                GoBackOrFail("no acknowledgement came within the local ACK timeout, as often as retry_cnt allows", nowNs);
                return;
            }

            if (nowNs >= _probeDeadlineNs)
            {
                Probe();
                _backoff++;
                _probeDeadlineNs = nowNs + _roundTrip.ProbeAfterNs(_backoff);
            }

            Arm(Math.Min(_ackDeadlineNs, _probeDeadlineNs));
        }
    }

    /// <summary>Something is under way from here on, or progress was made. A QP that has no timeout or no retries sends nothing twice by itself.</summary>
    private void StartAckTimer(long nowNs)
    {
        _backoff = 0;
        if (_ackTimeoutNs == long.MaxValue)
        {
            _ackDeadlineNs = long.MaxValue;
            _probeDeadlineNs = long.MaxValue;
            return;
        }

        _ackDeadlineNs = nowNs + _ackTimeoutNs;
        _probeDeadlineNs = _qp.Attributes.RetryCount == 0 ? long.MaxValue : nowNs + _roundTrip.ProbeAfterNs(0);
        Arm(Math.Min(_ackDeadlineNs, _probeDeadlineNs));
    }

    private void Arm(long deadlineNs)
    {
        if (deadlineNs < _qp.DeadlineNs)
        {
            _qp.SetDeadline(deadlineNs);
        }
    }

    private void ResetRetries(long nowNs)
    {
        _pauseNsLeft = PauseNsMax;
        _retriesLeft = _qp.Attributes.RetryCount;
        _rnrRetriesLeft = _qp.Attributes.RnrRetry;
        _wentBack = false;
        _isSilent = false;
        _gotBadResponse = false;
        if (_rnrWaiting)
        {
            _rnrWaiting = false;
            _qp.Schedule();
        }

        if (HasOutstanding)
        {
            StartAckTimer(nowNs);
        }
    }

    /// <summary>The responder has no receive request: waits as long as it asks. IBTA vol. 1, 9.7.5.2.8.</summary>
    private void HandleRnrNak(byte timerIndex, long nowNs)
    {
        if (_rnrWaiting)
        {
            Counters.StaleResponses++;
            return;
        }

        Counters.RnrNaksReceived++;
        if (_rnrRetriesLeft == 0)
        {
            Fail(CompletionStatus.RnrRetryExceededError, "the responder had no receive request posted, as often as rnr_retry allows", nowNs);
            return;
        }

        if (_rnrRetriesLeft != RetryForever)
        {
            _rnrRetriesLeft--;
        }

        // The request arrived: whatever was lost on its way has been made good.
        _retriesLeft = _qp.Attributes.RetryCount;
        GoBack();
        _wentBack = false;
        _rnrWaiting = true;
        _rnrDeadlineNs = nowNs + RnrTimer.Nanoseconds(timerIndex);
        Arm(_rnrDeadlineNs);
    }

    /// <summary>A NAK. IBTA vol. 1, 9.9.2.4.2.</summary>
    private void HandleNak(NakCode code, Psn at, bool progressed, long nowNs)
    {
        switch (code)
        {
            case NakCode.PsnSequenceError:
                HandleSequenceNak(at, progressed, nowNs);
                break;
            case NakCode.InvalidRequest:
                Fail(
                    CompletionStatus.RemoteInvalidRequestError,
                    "the responder found the request invalid: not enabled on its QP, longer than its buffer, or malformed",
                    nowNs);
                break;
            case NakCode.RemoteAccessError:
                Fail(CompletionStatus.RemoteAccessError, "the rkey, its access rights or the remote range did not permit the request", nowNs);
                break;
            case NakCode.RemoteOperationalError:
                Fail(CompletionStatus.RemoteOperationError, "the responder could not carry out the request, by a fault of its own", nowNs);
                break;
            default:
                DropBadResponse();
                break;
        }
    }

    /// <summary>A retry is used up, unless the peer's answer was news. False, and the QP in error, when none is left.</summary>
    private bool TryRetry(bool progressed, string hint, long nowNs)
    {
        if (_retriesLeft == 0)
        {
            if (_gotBadResponse)
            {
                Fail(CompletionStatus.BadResponseError, "the responses that came do not fit the request: their opcode or length is another", nowNs);
            }
            else
            {
                Fail(CompletionStatus.RetryExceededError, hint, nowNs);
            }

            return false;
        }

        _retriesLeft -= progressed ? 0 : 1;
        return true;
    }

    private void GoBackOrFail(string hint, long nowNs)
    {
        if (TryRetry(progressed: false, hint, nowNs))
        {
            _qp.Path!.Window.OnLoss();
            GoBack();
            _qp.Schedule();
        }
    }

    /// <summary>Go-back-N: the oldest unanswered packet is the next to be sent. What was under way counts as lost.</summary>
    private void GoBack()
    {
        _sendPsn = _oldestUnacked;
        _cursor = _head;
        _rdAtomicOutstanding = 0;
        _unrequestedBytes = 0;
        ForgetRepair();
        ReleaseWindow(_windowBytes, delivered: false);
    }
}
