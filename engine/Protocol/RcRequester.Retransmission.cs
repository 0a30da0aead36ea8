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
    private long _rnrDeadlineNs;
    private bool _rnrWaiting;
    private bool _wentBack;
    private bool _drainPending;
    private int _retriesLeft;
    private int _rnrRetriesLeft;

    /// <summary>The worker's call at or before the true deadline.</summary>
    public void HandleTimeout(long nowNs)
    {
        _lastNowNs = nowNs;
        if (_rnrWaiting)
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
            if (nowNs < _ackDeadlineNs)
            {
                Arm(_ackDeadlineNs);
                return;
            }

            Counters.Timeouts++;
            _wentBack = false;
            GoBackOrFail("no acknowledgement came within the local ACK timeout, as often as retry_cnt allows", nowNs);
        }
    }

    private void StartAckTimer(long nowNs)
    {
        _ackDeadlineNs = _ackTimeoutNs == long.MaxValue ? long.MaxValue : nowNs + _ackTimeoutNs;
        Arm(_ackDeadlineNs);
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
        _retriesLeft = _qp.Attributes.RetryCount;
        _rnrRetriesLeft = _qp.Attributes.RnrRetry;
        _wentBack = false;
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

        GoBack();
        _wentBack = false;
        _rnrWaiting = true;
        _rnrDeadlineNs = nowNs + RnrTimer.Nanoseconds(timerIndex);
        Arm(_rnrDeadlineNs);
    }

    /// <summary>A NAK of the oldest request. IBTA vol. 1, 9.9.2.4.2.</summary>
    private void HandleNak(NakCode code, long nowNs)
    {
        switch (code)
        {
            case NakCode.PsnSequenceError:
                HandleSequenceNak(nowNs);
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
                Counters.DroppedBadResponse++;
                break;
        }
    }

    private void HandleSequenceNak(long nowNs)
    {
        if (_wentBack || _rnrWaiting)
        {
            Counters.StaleResponses++;
            return;
        }

        Counters.SequenceNaksReceived++;
        GoBackOrFail("requests were lost on the way, as often as retry_cnt allows", nowNs);
        _wentBack = true;
    }

    /// <summary>A later answer shows that a READ or atomic response was lost: asks again once, then leaves it to the timer.</summary>
    private void HandleImpliedNak(long nowNs)
    {
        if (_wentBack || _rnrWaiting)
        {
            Counters.StaleResponses++;
            return;
        }

        Counters.ImpliedNaks++;
        GoBackOrFail("READ or atomic responses were lost on the way, as often as retry_cnt allows", nowNs);
        _wentBack = true;
    }

    private void GoBackOrFail(string hint, long nowNs)
    {
        if (_retriesLeft == 0)
        {
            Fail(CompletionStatus.RetryExceededError, hint, nowNs);
            return;
        }

        _retriesLeft--;
        _qp.Path!.Window.OnLoss();
        GoBack();
        _qp.Schedule();
    }

    /// <summary>Go-back-N: the oldest unanswered packet is the next to be sent. What was under way counts as lost.</summary>
    private void GoBack()
    {
        _sendPsn = _oldestUnacked;
        _cursor = _head;
        _rdAtomicOutstanding = 0;
        _unrequestedBytes = 0;
        ReleaseWindow(_windowBytes, delivered: false);
    }
}
