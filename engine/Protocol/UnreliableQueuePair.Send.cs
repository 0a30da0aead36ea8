using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>The send queue: requests in flight, oldest first; those before the cursor are sent and complete with the next turn.</summary>
internal abstract unsafe partial class UnreliableQueuePair
{
    /// <summary>What came of an attempt to send a packet.</summary>
    protected enum SendVerdict
    {
        /// <summary>A packet went out, and more of the message follow.</summary>
        Sent,

        /// <summary>The last packet of the message went out.</summary>
        Ended,

        /// <summary>Not now: in the line of <see cref="MayPass"/>.</summary>
        Paced,

        /// <summary>A scatter/gather entry is not good.</summary>
        NotReadable,
    }

    private SendSlot* _head;
    private SendSlot* _tail;
    private SendSlot* _cursor;
    private Psn _nextPsn;
    private long _sentAtNs;
    private long _retryAtNs;
    private PathPacer? _pacer;

    /// <summary>Bytes of the cursor's message that are sent.</summary>
    protected uint SentBytes { get; private set; }

    /// <summary>The PSN of the next packet.</summary>
    protected Psn NextPsn => _nextPsn;

    private SlotPool<SendSlot> SendSlots => _resources.SendSlots;

    private bool IsMidMessage => _cursor != null && SentBytes != 0;

    /// <summary>For <see cref="PathPacer"/>: when to ask again, <see cref="long.MaxValue"/> while others are first in line.</summary>
    internal void RetryAt(long nowOrLaterNs)
    {
        _retryAtNs = nowOrLaterNs;
        NameDeadline();
    }

    /// <summary>Lets a packet pass on a path, or waits in its line. Local packets are not paced: the switch has room or not.</summary>
    protected bool MayPass(Path path, uint bytes, long nowNs)
    {
        if (path.Route.IsLocal)
        {
            // The peer moved here while this one stood in the line: those behind it must not wait for one who asks no more.
            LeavePacer(nowNs);
            return true;
        }

        PathWindow window = path.Window;
        if (_pacer != window.Pacer)
        {
            LeavePacer(nowNs);
            _pacer = window.Pacer;
        }

        bytes += PathWindow.PacketOverheadBytes;
        if (!_pacer.TryPass(this, bytes, window.LimitBytes, nowNs))
        {
            return false;
        }

        window.CountPaced(bytes);
        return true;
    }

    private void LeavePacer(long nowNs)
    {
        _pacer?.Leave(this, nowNs);
        _pacer = null;
    }

    /// <summary>A packet, or a local run, went out.</summary>
    protected void CountSent(in Packet packet)
    {
        _nextPsn += packet.PsnCount;
        SentBytes += (uint)packet.PayloadBytes;
        Counters.RequestPacketsSent++;
    }

    private bool Transmit(IPacketSink sink, int budget, long nowNs)
    {
        MemorySegment* room = stackalloc MemorySegment[Placement.SegmentsMax];
        Packet packet = default;
        packet.PartitionKey = PartitionKeys.Default;
        packet.Segments = room;
        while (_cursor != null || (_state == QueuePairState.ReadyToSend && FetchNext(nowNs)))
        {
            _retryAtNs = nowNs + 1;
            if (_cursor->Failure != CompletionStatus.Success)
            {
                if (_cursor == _head)
                {
                    FailHead(nowNs);
                }

                return false;
            }

            if (_state != QueuePairState.ReadyToSend && !IsMidMessage)
            {
                _retryAtNs = long.MaxValue;
                return false;
            }

            if (_cursor->Request.Opcode.IsLocal())
            {
                if (!TryExecuteLocal(nowNs))
                {
                    return false;
                }

                continue;
            }

            if (budget <= 0 || !sink.HasRoom)
            {
                return true;
            }

            if (!TrySend(sink, ref packet, nowNs))
            {
                return false;
            }

            budget -= 1 + (packet.PsnCount >> 4);
        }

        return false;
    }

    private bool TrySend(IPacketSink sink, ref Packet packet, long nowNs)
    {
        switch (SendNext(sink, _cursor, ref packet, nowNs))
        {
            case SendVerdict.Paced:
                return false;
            case SendVerdict.NotReadable:
                _cursor->Failure = CompletionStatus.LocalProtectionError;
                SentBytes = 0;
                return true;
            case SendVerdict.Ended:
                Pass(nowNs);
                return true;
            default:
                return true;
        }
    }

    /// <summary>
    /// Bind, local invalidate, fast registration: in their turn; an invalidation only when all before it is finished. IBTA vol. 1, 10.6.5.1,
    /// 10.8.3. False when it has to wait.
    /// </summary>
    private bool TryExecuteLocal(long nowNs)
    {
        if (_cursor->Request.Opcode == WorkOpcode.LocalInvalidate && _cursor != _head)
        {
            return false;
        }

        _cursor->Failure = Host.ExecuteLocal(this, ref _cursor->Request);
        if (_cursor->Failure == CompletionStatus.Success)
        {
            Pass(nowNs);
        }

        return true;
    }

    /// <summary>The cursor's request is sent.</summary>
    private void Pass(long nowNs)
    {
        _cursor = _cursor->Next;
        SentBytes = 0;
        _sentAtNs = nowNs;
    }

    private bool FetchNext(long nowNs)
    {
        SendSlot* slot = SendSlots.Take(nowNs);
        FetchVerdict verdict = Host.FetchSend(this, ref slot->Request);
        if (verdict == FetchVerdict.Empty)
        {
            SendSlots.Return(slot);
            return false;
        }

        slot->Failure = verdict == FetchVerdict.Fetched ? FindFailure(ref slot->Request) : CompletionStatus.LocalQpOperationError;
        slot->Request.ForgetDataUnless(verdict == FetchVerdict.Fetched);
        Append(slot);
        _cursor = slot;
        SentBytes = 0;
        return true;
    }

    private void Append(SendSlot* slot)
    {
        slot->Next = null;
        if (_tail == null)
        {
            _head = slot;
        }
        else
        {
            _tail->Next = slot;
        }

        _tail = slot;
    }

    /// <summary>Completes what was sent in an earlier turn, and fails what waits behind it to fail.</summary>
    private void CompleteSent(long nowNs)
    {
        if (_head == _cursor || nowNs <= _sentAtNs)
        {
            return;
        }

        CompleteBeforeCursor(nowNs);
        if (_cursor != null && _cursor->Failure != CompletionStatus.Success)
        {
            FailHead(nowNs);
        }

        RaiseDrained();
    }

    private void CompleteBeforeCursor(long nowNs)
    {
        while (_head != _cursor)
        {
            FinishHead(CompletionStatus.Success, null, nowNs);
        }
    }

    private void FailHead(long nowNs)
    {
        CompletionStatus failure = _head->Failure;
        FinishHead(failure, SendFailureHints.For(failure, Config.Service), nowNs);
        EnterSendQueueError(nowNs);
    }

    private void FinishHead(CompletionStatus status, string? hint, long nowNs)
    {
        SendSlot* slot = _head;
        _head = slot->Next;
        _tail = _head == null ? null : _tail;
        _cursor = _cursor == slot ? _head : _cursor;
        Report(slot->Request, status, hint);
        SendSlots.ReturnLater(slot, nowNs);
    }

    private void Report(in SendWorkRequest request, CompletionStatus status, string? hint)
    {
        Completion completion = default;
        completion.WorkRequestId = request.WorkRequestId;
        completion.Status = status;
        completion.Opcode = request.Opcode.Completed();
        completion.Solicited = status != CompletionStatus.Success;
        completion.Hint = hint;
        bool writeEntry = status != CompletionStatus.Success || Config.SignalAllSends || (request.Flags & SendFlags.Signaled) != 0;
        Host.CompleteSend(this, completion, writeEntry);
    }

    private void FlushSends(long nowNs)
    {
        CompleteBeforeCursor(nowNs);
        while (_head != null)
        {
            FinishHead(CompletionStatus.FlushError, null, nowNs);
        }

        SentBytes = 0;
        _drainPending = false;
        LeavePacer(nowNs);
        FlushSendQueue(nowNs);
        NameDeadline();
    }

    /// <summary>What the guest posted or posts is flushed. One call does at most what the queue can hold.</summary>
    private void FlushSendQueue(long nowNs)
    {
        SendSlot* slot = SendSlots.Take(nowNs);
        for (int i = 0; i < Config.SendQueueDepth; i++)
        {
            if (Host.FetchSend(this, ref slot->Request) == FetchVerdict.Empty)
            {
                break;
            }

            Report(slot->Request, CompletionStatus.FlushError, null);
        }

        SendSlots.Return(slot);
    }

    /// <summary>Forgets all requests without completions.</summary>
    private void DropSends()
    {
        while (_head != null)
        {
            SendSlot* slot = _head;
            _head = slot->Next;
            SendSlots.ReturnLater(slot, _sentAtNs);
        }

        _tail = null;
        _cursor = null;
        _nextPsn = default;
        SentBytes = 0;
        _drainPending = false;
        LeavePacer(_sentAtNs);
        NameDeadline();
    }
}
