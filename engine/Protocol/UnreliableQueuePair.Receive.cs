using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// The receive queue. A receive request whose message never came whole is not used up: it stays here for the next message, so that no
/// buffer is lost with a packet, of a shared queue neither.
/// </summary>
internal abstract unsafe partial class UnreliableQueuePair
{
    private ReceiveSlot* _receive;

    /// <summary>The receive request in hand, after <see cref="TryTakeReceive"/>.</summary>
    protected ref ReceiveWorkRequest Receive => ref _receive->Request;

    private SlotPool<ReceiveSlot> ReceiveSlots => _resources.ReceiveSlots;

    /// <summary>Takes a receive request unless one is in hand. False when there is none; or when an impossible one ended the QP.</summary>
    protected bool TryTakeReceive(long nowNs)
    {
        if (_receive != null)
        {
            return true;
        }

        ReceiveSlot* slot = ReceiveSlots.Take(nowNs);
        switch (Host.FetchReceive(this, ref slot->Request))
        {
            case FetchVerdict.Fetched:
                _receive = slot;
                return true;
            case FetchVerdict.Invalid:
                _receive = slot;
                FinishReceive(CompletionStatus.LocalQpOperationError, "the receive work request is not one that the device can carry out");
                EnterError(nowNs);
                return false;
            default:
                ReceiveSlots.Return(slot);
                return false;
        }
    }

    /// <summary>A message is received whole.</summary>
    protected void CompleteReceive(in Packet packet, CompletionOpcode opcode, CompletionFlags flags, uint bytes)
    {
        Completion completion = default;
        completion.WorkRequestId = _receive->Request.WorkRequestId;
        completion.Opcode = opcode;
        completion.Flags = flags;
        completion.Solicited = (packet.Flags & PacketFlags.SolicitedEvent) != 0;
        completion.Bytes = bytes;
        completion.SourceQpn = packet.SourceQpn;
        completion.ImmediateOrKey = (flags & CompletionFlags.WithImmediate) != 0 ? packet.ImmediateOrKey : 0;
        ReturnReceive(completion);
    }

    /// <summary>The receive buffer is not writable: a fault of this side, which ends the QP. IBTA vol. 1, 9.9.3.</summary>
    protected void FailReceive(long nowNs)
    {
        FinishReceive(CompletionStatus.LocalProtectionError, "a receive buffer is not writable under its lkey");
        EnterError(nowNs);
    }

    private void FinishReceive(CompletionStatus status, string? hint)
    {
        ReturnReceive(_receive->Failed(status, hint));
    }

    private void ReturnReceive(in Completion completion)
    {
        DropReceive();
        Host.CompleteReceive(this, completion);
    }

    private void DropReceive()
    {
        if (_receive != null)
        {
            ReceiveSlots.Return(_receive);
            _receive = null;
        }
    }

    private void FlushReceives(long nowNs)
    {
        if (_receive != null)
        {
            FinishReceive(CompletionStatus.FlushError, null);
        }

        if (Config.UsesSharedReceiveQueue)
        {
            Host.RaiseEvent(this, QueuePairEvent.LastWorkRequestReached);
        }

        FlushReceiveQueue(nowNs);
    }

    /// <summary>The error state: what the guest posts is flushed. One call does at most what the queue can hold.</summary>
    private void FlushReceiveQueue(long nowNs)
    {
        for (int i = 0; i < Config.ReceiveQueueDepth && !Config.UsesSharedReceiveQueue; i++)
        {
            ReceiveSlot* slot = ReceiveSlots.Take(nowNs);
            if (Host.FetchReceive(this, ref slot->Request) == FetchVerdict.Empty)
            {
                ReceiveSlots.Return(slot);
                return;
            }

            _receive = slot;
            FinishReceive(CompletionStatus.FlushError, null);
        }
    }
}
