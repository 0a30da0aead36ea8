namespace RoceEngine.Protocol;

/// <summary>Finished requests: off the list, told to the host, slot given back.</summary>
internal sealed unsafe partial class RcRequester
{
    /// <summary>Completes the oldest request and frees its slot.</summary>
    private void CompleteHead(CompletionStatus status, string? hint)
    {
        FinishOldest(status, hint);
        CompleteExecuted();
    }

    private void FinishOldest(CompletionStatus status, string? hint)
    {
        SendSlot* slot = Unlink();
        Report(slot, status, hint);
        Slots.Return(slot);
    }

    private SendSlot* Unlink()
    {
        SendSlot* slot = _head;
        _head = slot->Next;
        if (_head == null)
        {
            _tail = null;
        }

        if (_cursor == slot)
        {
            _cursor = _head;
        }

        return slot;
    }

    private void Report(SendSlot* slot, CompletionStatus status, string? hint)
    {
        ref SendWorkRequest request = ref slot->Request;
        Completion completion = default;
        completion.WorkRequestId = request.WorkRequestId;
        completion.Status = status;
        completion.Opcode = request.Opcode <= WorkOpcode.WriteWithImmediate ? CompletionOpcode.Write : request.Opcode.Completed();
        completion.Solicited = status != CompletionStatus.Success;
        completion.Hint = hint;
        completion.Bytes = request.Opcode == WorkOpcode.Read ? request.TotalBytes : request.Opcode.IsAtomic() ? sizeof(ulong) : 0u;
        bool writeEntry = status != CompletionStatus.Success || _qp.Config.SignalAllSends || (request.Flags & SendFlags.Signaled) != 0;
        _qp.Host.CompleteSend(_qp, completion, writeEntry);
    }
}
