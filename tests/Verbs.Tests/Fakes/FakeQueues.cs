using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

/// <summary>A CQ that the test fills.</summary>
internal sealed unsafe class FakeCompletionQueue(byte* pages, uint slots)
{
    public CompletionQueuePage* Page { get; } = (CompletionQueuePage*)pages;

    public uint Slots => slots;

    public uint ConsumerHead => PvrdmaRing.ReadConsumer(&Page->State.Receive);

    /// <summary>The entries that the guest has not taken, oldest first.</summary>
    public List<PvrdmaCqe> TakeUnread()
    {
        PvrdmaRing* ring = &Page->State.Receive;
        var unread = new List<PvrdmaCqe>();
        for (uint head = ring->ConsumerHead; head != ring->ProducerTail; head = RingIndex.Next(head, slots))
            unread.Add(((PvrdmaCqe*)((byte*)Page + 4096))[RingIndex.Slot(head, slots)]);
        return unread;
    }

    public void Complete(PvrdmaCqe entry)
    {
        PvrdmaRing* ring = &Page->State.Receive;
        uint tail = ring->ProducerTail;
        ((PvrdmaCqe*)((byte*)Page + 4096))[RingIndex.Slot(tail, slots)] = entry;
        PvrdmaRing.PublishProducer(ring, RingIndex.Next(tail, slots));
    }
}

/// <summary>A QP whose rings the test reads.</summary>
internal sealed unsafe class FakeQueuePair(byte* pages, PvrdmaCreateQp created)
{
    private readonly PvrdmaRingState* _state = (PvrdmaRingState*)pages;

    public PvrdmaCreateQp Created => created;

    public List<PvrdmaModifyQp> Modified { get; } = [];

    public int PendingSends => (int)RingIndex.Used(_state->Send.ProducerTail, _state->Send.ConsumerHead, created.MaxSendWr);

    public int PendingReceives => (int)RingIndex.Used(_state->Receive.ProducerTail, _state->Receive.ConsumerHead, created.MaxReceiveWr);

    /// <summary>Takes the oldest send: its header, and its slot's bytes behind the header.</summary>
    public PvrdmaSendWqe TakeSend(out ReadOnlySpan<byte> rest)
    {
        uint slotBytes = PvrdmaWqeLayout.SendSlotBytes(created.MaxSendSge, created.MaxInlineBytes);
        byte* slot = pages + 4096 + (RingIndex.Slot(_state->Send.ConsumerHead, created.MaxSendWr) * slotBytes);
        rest = new ReadOnlySpan<byte>(slot + PvrdmaWqeLayout.SendHeaderBytes, (int)slotBytes - PvrdmaWqeLayout.SendHeaderBytes);

        // The slot is the guest's again once the index says so: copy before.
        PvrdmaSendWqe copy = *(PvrdmaSendWqe*)slot;
        PvrdmaRing.PublishConsumer(&_state->Send, RingIndex.Next(_state->Send.ConsumerHead, created.MaxSendWr));
        return copy;
    }

    public PvrdmaReceiveWqe TakeReceive(out ReadOnlySpan<byte> rest)
    {
        uint slotBytes = PvrdmaWqeLayout.ReceiveSlotBytes(created.MaxReceiveSge);
        byte* slot = pages + ((1 + created.SendPageCount) * 4096) + (RingIndex.Slot(_state->Receive.ConsumerHead, created.MaxReceiveWr) * slotBytes);
        rest = new ReadOnlySpan<byte>(slot + PvrdmaWqeLayout.ReceiveHeaderBytes, (int)slotBytes - PvrdmaWqeLayout.ReceiveHeaderBytes);

        // The slot is the guest's again once the index says so: copy before.
        PvrdmaReceiveWqe copy = *(PvrdmaReceiveWqe*)slot;
        PvrdmaRing.PublishConsumer(&_state->Receive, RingIndex.Next(_state->Receive.ConsumerHead, created.MaxReceiveWr));
        return copy;
    }
}

/// <summary>A shared receive queue from which the test takes receives.</summary>
internal sealed unsafe class FakeSharedReceiveQueue(byte* pages, PvrdmaCreateSrq created)
{
    private readonly PvrdmaRing* _ring = &((PvrdmaRingState*)pages)->Receive;

    public PvrdmaCreateSrq Created => created;

    public uint Limit { get; set; }

    public int Pending => (int)RingIndex.Used(_ring->ProducerTail, _ring->ConsumerHead, created.Attributes.MaxWr);

    public PvrdmaReceiveWqe Take(out PvrdmaSge[] entries)
    {
        uint slotBytes = PvrdmaWqeLayout.ReceiveSlotBytes(created.Attributes.MaxSge);
        byte* slot = pages + 4096 + (RingIndex.Slot(_ring->ConsumerHead, created.Attributes.MaxWr) * slotBytes);
        PvrdmaReceiveWqe head = *(PvrdmaReceiveWqe*)slot;
        entries = new ReadOnlySpan<PvrdmaSge>(slot + PvrdmaWqeLayout.ReceiveHeaderBytes, (int)head.SgeCount).ToArray();
        PvrdmaRing.PublishConsumer(_ring, RingIndex.Next(_ring->ConsumerHead, created.Attributes.MaxWr));
        return head;
    }
}
