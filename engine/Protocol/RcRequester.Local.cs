namespace RoceEngine.Protocol;

/// <summary>
/// Bind, local invalidate and fast registration: carried out in their turn in the send queue, completed in order with what is around them.
/// </summary>
internal sealed unsafe partial class RcRequester
{
    /// <summary>
    /// The cursor is at a local operation: carries it out, unless that was done before the queue went back, and goes on. False when it has
    /// to wait.
    /// </summary>
    private bool PassLocal()
    {
        SendSlot* slot = _cursor;
        if (!slot->IsExecuted)
        {
            if (!MayExecute(slot))
            {
                Block();
                return false;
            }

            slot->Failure = _qp.Host.ExecuteLocal(_qp, ref slot->Request);
            if (slot->Failure != CompletionStatus.Success)
            {
                return true;
            }

            slot->IsExecuted = true;
        }

        _cursor = slot->Next;
        CompleteExecuted();
        return true;
    }

    /// <summary>
    /// A fenced one waits for READs and atomics before it (IBTA vol. 1, 10.8.3.3); an invalidation for everything before it, which may
    /// have to be sent again from the memory that it closes (10.6.5.1).
    /// </summary>
    private bool MayExecute(SendSlot* slot) =>
        _qp.MayBeginRequests
        && (slot->Request.Opcode == WorkOpcode.LocalInvalidate
            ? slot == _head
            : (slot->Request.Flags & SendFlags.Fence) == 0 || _rdAtomicOutstanding == 0);

    /// <summary>Local operations that are carried out complete as soon as all before them are complete.</summary>
    private void CompleteExecuted()
    {
        while (_head != null && _head->IsExecuted)
        {
            FinishOldest(CompletionStatus.Success, null);
        }
    }
}
