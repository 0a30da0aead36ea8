using System.Diagnostics;

namespace RoceEngine.Protocol;

/// <summary>Failing, flushing, draining, and giving back what is held.</summary>
internal sealed unsafe partial class RcRequester
{
    /// <summary>Completes everything in flight and everything queued with <see cref="CompletionStatus.FlushError"/>, in order.</summary>
    public void FlushAll(long nowNs)
    {
        _lastNowNs = nowNs;
        while (_head != null)
        {
            FinishHead(CompletionStatus.FlushError, null, nowNs);
        }

        ForgetOutstanding();
        FlushQueue(nowNs);
    }

    /// <summary>The error state: what the guest posts is flushed. One call does at most what the queue can hold.</summary>
    public void FlushQueue(long nowNs)
    {
        SendSlot* slot = Slots.Take(nowNs);
        for (int i = 0; i < _qp.Config.SendQueueDepth; i++)
        {
            if (_qp.Host.FetchSend(_qp, ref slot->Request) == FetchVerdict.Empty)
            {
                break;
            }

            Report(slot, CompletionStatus.FlushError, null);
        }

        Slots.Return(slot);
    }

    /// <summary>The send queue stops at the next request boundary. IBTA vol. 1, 10.3.1.5.</summary>
    public void DrainStarted()
    {
        _drainPending = _qp.Attributes.EnableDrainedNotify;
        RaiseDrained();
    }

    /// <summary>The QP's path changes, or it leaves: nothing of it is under way there any more.</summary>
    public void LeaveWindow(PathWindow window)
    {
        Debug.Assert(_windowBytes >= 0);
        window.Release(_windowBytes, delivered: false);
        _windowBytes = 0;
        window.Leave(_qp);
    }

    private void RaiseDrained()
    {
        if (_drainPending && _qp.State == QueuePairState.SendQueueDrained && (_head == null || !IsBegun(_head)))
        {
            _drainPending = false;
            _qp.Host.RaiseEvent(_qp, QueuePairEvent.SendQueueDrained);
        }
    }

    /// <summary>A request that cannot be sent fails only after all before it are complete, so that completions stay in order.</summary>
    private void FailWhenOldest(long nowNs)
    {
        if (_cursor != _head && _head->Failure == CompletionStatus.Success)
        {
            return;
        }

        CompletionStatus failure = _head->Failure;
        Fail(failure, SendFailureHints.For(failure, TransportService.ReliableConnection), nowNs);
    }

    /// <summary>The oldest request fails, and the QP with it.</summary>
    private void Fail(CompletionStatus status, string hint, long nowNs)
    {
        FinishHead(status, hint, nowNs);
        _qp.EnterError(nowNs);
    }

    private void FinishHead(CompletionStatus status, string? hint, long nowNs)
    {
        SendSlot* slot = Unlink();
        Report(slot, status, hint);
        Slots.ReturnLater(slot, nowNs);
    }

    private void ReleaseWindow(long bytes, bool delivered)
    {
        if (bytes > 0)
        {
            _windowBytes -= bytes;
            _qp.Path!.Window.Release(bytes, delivered);
        }
    }

    private void ForgetOutstanding()
    {
        ReleaseWindow(_windowBytes, delivered: false);
        _oldestUnacked = _nextPsn;
        _sendPsn = _nextPsn;
        _sentEnd = _nextPsn;
        _ackedEnd = _nextPsn;
        _placed?.Clear();
        ForgetRepair();
        _rdAtomicOutstanding = 0;
        _unrequestedBytes = 0;
        _ackedBytes = 0;
        _progressed = false;
        _blockedOnProgress = false;
        _rnrWaiting = false;
        _isSilent = false;
        _wentBack = false;
        _gotBadResponse = false;
        _drainPending = false;
        _isPaused = false;
        _pauseNsLeft = PauseNsMax;
    }
}
