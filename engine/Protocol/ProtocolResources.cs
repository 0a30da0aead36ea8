namespace RoceEngine.Protocol;

/// <summary>
/// What the QPs of one device share: counters, and the memory for work requests in flight. Owned by one worker thread.
/// </summary>
public sealed class ProtocolResources
{
    public ProtocolCounters Counters { get; } = new();

    /// <summary>Private copies of send work requests in flight.</summary>
    internal SlotPool<SendSlot> SendSlots { get; } = new(slotsPerChunk: 64);

    /// <summary>Private copies of receive work requests taken by a message that is not complete.</summary>
    internal SlotPool<ReceiveSlot> ReceiveSlots { get; } = new(slotsPerChunk: 32);

    /// <summary>Memory for packets that came too early.</summary>
    internal ReorderBudget Reorder { get; } = new();

    /// <summary>
    /// Bytes that the QPs together may hold of packets that came out of order; with 0 they drop them, as the specification lets a responder do.
    /// </summary>
    public long ReorderLimitBytes
    {
        get => Reorder.LimitBytes;
        set => Reorder.LimitBytes = value;
    }

    /// <summary>Bytes held of packets that came out of order: 0 when no QP misses anything.</summary>
    public long ReorderHeldBytes => Reorder.HeldBytes;

    /// <summary>Work requests in flight, in both directions: 0 when every queue is idle.</summary>
    public int SlotsInUse => SendSlots.InUse + ReceiveSlots.InUse;

    /// <summary>Bytes of memory held for work requests in flight; shrinks when they finish.</summary>
    public long SlotMemoryBytes => SendSlots.MemoryBytes + ReceiveSlots.MemoryBytes;
}
