namespace RoceEngine.Protocol;

/// <summary>What the unreliable services have in common, as part of a device's state.</summary>
internal abstract unsafe partial class UnreliableQueuePair
{
    public override void Transfer(StateCursor state)
    {
        state.Mark(StateMark);
        state.Value(ref _state);
        state.Flag(ref _drainPending);
        SharedState.Transfer(state, ref _attributes);
        state.Number(ref _nextPsn);
        state.Check(_state <= QueuePairState.Error, "a queue pair's state is none");
        TransferService(state);
        TransferSends(state);
        if (state.Flag(_receive != null))
        {
            _receive = _receive == null ? ReceiveSlots.Take(state.NowNs) : _receive;
            SharedState.Transfer(state, ref _receive->Request);
        }
    }

    public override QueuePairActivity Activity =>
        (_receive != null ? QueuePairActivity.ReceivesMessage : QueuePairActivity.None) | (_drainPending ? QueuePairActivity.Drains : QueuePairActivity.None);

    /// <summary>What was sent is on its way, so that it completes with the first turn. What waits for its path asks again.</summary>
    public override void Resume(long nowNs)
    {
        _sentAtNs = nowNs - 1;
        _retryAtNs = nowNs + 1;
        if (_state == QueuePairState.ReadyToSend || _cursor != null)
        {
            Schedule();
        }

        NameDeadline();
    }

    /// <summary>What the service has beside.</summary>
    protected abstract void TransferService(StateCursor state);

    private void TransferSends(StateCursor state)
    {
        int count = 0;
        int cursorAt = -1;
        for (SendSlot* slot = _head; slot != null; slot = slot->Next)
        {
            cursorAt = slot == _cursor ? count : cursorAt;
            count++;
        }

        count = state.Count(count, Math.Max(1, Config.SendQueueDepth));
        cursorAt = state.Value(cursorAt);
        SentBytes = state.Value(SentBytes);
        SendSlot* each = _head;
        for (int i = 0; i < count; i++)
        {
            if (state.IsLoading)
            {
                each = SendSlots.Take(state.NowNs);
                Append(each);
            }

            state.Value(ref each->Failure);
            SharedState.Transfer(state, ref each->Request);
            _cursor = state.IsLoading && i == cursorAt ? each : _cursor;
            state.Check(
                each->Failure <= CompletionStatus.GeneralError && (each->Failure != CompletionStatus.Success || FindFailure(ref each->Request) == CompletionStatus.Success),
                "a request under way is not one that can be");
            each = each->Next;
        }

        state.Check(
            cursorAt >= -1 && cursorAt < count && (_cursor == null ? SentBytes == 0 : SentBytes == 0 || SentBytes < _cursor->Request.TotalBytes),
            "a queue pair's next request is none of its own");
    }
}
