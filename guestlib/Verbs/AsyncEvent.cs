namespace RoceEngine.Verbs;

/// <summary>Asynchronous events, with the values of <c>enum ibv_event_type</c>.</summary>
public enum AsyncEventType
{
    /// <summary>A CQ overran or its ring is inconsistent.</summary>
    CompletionQueueError = 0,

    /// <summary>A QP failed in the device; it is in the error state.</summary>
    QueuePairFatal = 1,

    /// <summary>The peer's request was invalid; the QP is in the error state.</summary>
    QueuePairRequestError = 2,

    /// <summary>The peer's request violated access rights; the QP is in the error state.</summary>
    QueuePairAccessError = 3,

    /// <summary>The first packet came while the QP was ready to receive.</summary>
    CommunicationEstablished = 4,

    /// <summary>The send queue is drained.</summary>
    SendQueueDrained = 5,

    /// <summary>The path migrated; not used.</summary>
    PathMigrated = 6,

    /// <summary>The path failed to migrate; not used.</summary>
    PathMigrationError = 7,

    /// <summary>The device is gone or failed: every call on it throws <see cref="DeviceLostException"/>.</summary>
    DeviceFatal = 8,

    /// <summary>The port became active.</summary>
    PortActive = 9,

    /// <summary>The port went down.</summary>
    PortError = 10,

    /// <summary>The LID changed; not used.</summary>
    LidChange = 11,

    /// <summary>The partition key table changed.</summary>
    PartitionKeyChange = 12,

    /// <summary>The subnet manager changed; not used.</summary>
    SubnetManagerChange = 13,

    /// <summary>A shared receive queue failed.</summary>
    SharedReceiveQueueError = 14,

    /// <summary>A shared receive queue fell below its limit.</summary>
    SharedReceiveQueueLimitReached = 15,

    /// <summary>The last work request of a QP on a shared receive queue was taken.</summary>
    LastWorkRequestReached = 16,

    /// <summary>The subnet manager asks for registration; not used.</summary>
    ClientReregister = 17,

    /// <summary>The GID table changed.</summary>
    GidChange = 18,
}

/// <summary>An asynchronous event. <c>struct ibv_async_event</c>.</summary>
/// <param name="Type">What happened.</param>
/// <param name="QueuePair">The QP that it happened to, for events about a QP that still exists.</param>
/// <param name="CompletionQueue">The CQ that it happened to, for events about a CQ that still exists.</param>
/// <param name="Info">The device's handle or port number.</param>
public readonly record struct AsyncEvent(AsyncEventType Type, QueuePair? QueuePair, CompletionQueue? CompletionQueue, uint Info)
{
    /// <summary>The shared receive queue that it happened to, for events about one that still exists.</summary>
    public SharedReceiveQueue? SharedReceiveQueue { get; init; }
}
