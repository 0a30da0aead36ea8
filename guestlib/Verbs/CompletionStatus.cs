namespace RoceEngine.Verbs;

/// <summary>Completion status, with the values of <c>enum ibv_wc_status</c>. IBTA vol. 1, 11.6.2.</summary>
public enum CompletionStatus
{
    /// <summary>Done.</summary>
    Success = 0,

    /// <summary>A receive was too small for its message, or a message longer than the port allows was posted.</summary>
    LocalLengthError = 1,

    /// <summary>The QP could not carry the request out (an inconsistent work request).</summary>
    LocalQpOperationError = 2,

    /// <summary>End-to-end context error; not used.</summary>
    LocalEecOperationError = 3,

    /// <summary>A scatter/gather entry lies outside its region, or lacks the right.</summary>
    LocalProtectionError = 4,

    /// <summary>Not carried out: the QP was in, or went into, the error state.</summary>
    FlushError = 5,

    /// <summary>A memory window could not be bound.</summary>
    MemoryWindowBindError = 6,

    /// <summary>The responder sent something impossible.</summary>
    BadResponseError = 7,

    /// <summary>The local protection of the target of a WRITE with immediate failed.</summary>
    LocalAccessError = 8,

    /// <summary>The responder refused the request as invalid (its receive was too small, say).</summary>
    RemoteInvalidRequestError = 9,

    /// <summary>The remote key, range or right was refused by the responder.</summary>
    RemoteAccessError = 10,

    /// <summary>The responder could not finish the operation.</summary>
    RemoteOperationError = 11,

    /// <summary>No answer within timeout and retries.</summary>
    RetryExceededError = 12,

    /// <summary>The peer had no receive posted, and <see cref="QueuePairAttributes.RnrRetry"/> retries passed.</summary>
    RnrRetryExceededError = 13,

    /// <summary>Reliable datagram violation; not used.</summary>
    LocalRddViolationError = 14,

    /// <summary>Reliable datagram request error; not used.</summary>
    RemoteInvalidRdRequestError = 15,

    /// <summary>The responder aborted the operation.</summary>
    RemoteAbortedError = 16,

    /// <summary>End-to-end context error; not used.</summary>
    InvalidEecNumberError = 17,

    /// <summary>End-to-end context error; not used.</summary>
    InvalidEecStateError = 18,

    /// <summary>The transport failed.</summary>
    FatalError = 19,

    /// <summary>The response timed out; not used by RC.</summary>
    ResponseTimeoutError = 20,

    /// <summary>Anything else.</summary>
    GeneralError = 21,
}
