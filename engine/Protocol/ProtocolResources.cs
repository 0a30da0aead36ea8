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

    /// <summary>Work requests in flight, in both directions: 0 when every queue is idle.</summary>
    public int SlotsInUse => SendSlots.InUse + ReceiveSlots.InUse;

    /// <summary>Bytes of memory held for work requests in flight; shrinks when they finish.</summary>
    public long SlotMemoryBytes => SendSlots.MemoryBytes + ReceiveSlots.MemoryBytes;
}
