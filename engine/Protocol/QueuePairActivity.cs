namespace RoceEngine.Protocol;

/// <summary>What a QP is in the middle of, for tools and tests.</summary>
[Flags]
public enum QueuePairActivity
{
    None = 0,

    /// <summary>A message has begun to arrive and has not ended.</summary>
    ReceivesMessage = 1,

    /// <summary>READs or atomics of the peer wait for (the rest of) their answers.</summary>
    OwesResponses = 2,

    /// <summary>READs or atomics of this side wait for their answers.</summary>
    AwaitsResponses = 4,

    /// <summary>The peer had no receive request, and asked to wait.</summary>
    AwaitsReceiver = 8,

    /// <summary>The peer's device stands still, and said so.</summary>
    IsPaused = 16,

    /// <summary>The send queue is being drained.</summary>
    Drains = 32,
}
