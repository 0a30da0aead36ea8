using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>Send work request opcodes, with the values of <c>enum ibv_wr_opcode</c>.</summary>
public enum WorkOpcode : byte
{
    Write = 0,
    WriteWithImmediate = 1,
    Send = 2,
    SendWithImmediate = 3,
    Read = 4,
    CompareSwap = 5,
    FetchAdd = 6,
    LocalInvalidate = 7,
    BindWindow = 8,
    SendWithInvalidate = 9,
}

/// <summary>Send flags, with the values of <c>enum ibv_send_flags</c>.</summary>
[Flags]
public enum SendFlags : byte
{
    None = 0,
    Fence = 1,
    Signaled = 2,
    Solicited = 4,
    Inline = 8,
}

/// <summary>A scatter/gather entry: guest virtual address, local key, length in bytes. <c>struct ibv_sge</c>.</summary>
public struct ScatterGatherEntry
{
    public ulong Address;
    public uint Length;
    public uint LocalKey;
}

/// <summary>The scatter/gather entries of one work request; also the room for its inline data.</summary>
[InlineArray(Capacity)]
public struct ScatterGatherList
{
    /// <summary>Entries of a work request at most (<c>max_sge</c>).</summary>
    public const int Capacity = 16;

    /// <summary>Bytes of inline data at most (<c>max_inline_data</c>).</summary>
    public const int InlineCapacityBytes = Capacity * 16;

    private ScatterGatherEntry _first;
}

/// <summary>
/// A send work request as the device fetched it: copied once out of the guest's ring and validated, so that nothing in it can change.
/// </summary>
public struct SendWorkRequest
{
    public ulong WorkRequestId;
    public WorkOpcode Opcode;
    public SendFlags Flags;
    public byte SgeCount;

    /// <summary>Immediate data as the number that goes into ImmDt, or the key to invalidate at the responder.</summary>
    public uint ImmediateOrKey;

    /// <summary>Sum of the entries' lengths, or bytes of inline data; at most 2^31.</summary>
    public uint TotalBytes;

    public uint RemoteKey;
    public ulong RemoteAddress;

    /// <summary>Atomics: the value to compare with, or the addend of a fetch-and-add.</summary>
    public ulong CompareOrAdd;

    /// <summary>Compare-and-swap: the new value.</summary>
    public ulong Swap;

    /// <summary>The first <see cref="SgeCount"/> entries; with <see cref="SendFlags.Inline"/> the data itself.</summary>
    public ScatterGatherList Sges;
}

/// <summary>A receive work request, copied and validated like <see cref="SendWorkRequest"/>.</summary>
public struct ReceiveWorkRequest
{
    public ulong WorkRequestId;
    public byte SgeCount;

    /// <summary>Sum of the entries' lengths.</summary>
    public uint TotalBytes;

    public ScatterGatherList Sges;
}

/// <summary>What a fetch from a work queue found.</summary>
public enum FetchVerdict : byte
{
    /// <summary>The queue is empty.</summary>
    Empty,

    /// <summary>A valid work request was taken.</summary>
    Fetched,

    /// <summary>
    /// A work request was taken that the device found impossible (entry count, inline size, opcode): WorkRequestId is set,
    /// the rest means nothing. It completes with <see cref="CompletionStatus.LocalQpOperationError"/> (send) or moves the QP to error (receive).
    /// </summary>
    Invalid,
}

/// <summary>Completion status, with the values of <c>enum ibv_wc_status</c>.</summary>
public enum CompletionStatus : byte
{
    Success = 0,
    LocalLengthError = 1,
    LocalQpOperationError = 2,
    LocalEecOperationError = 3,
    LocalProtectionError = 4,
    FlushError = 5,
    MemoryWindowBindError = 6,
    BadResponseError = 7,
    LocalAccessError = 8,
    RemoteInvalidRequestError = 9,
    RemoteAccessError = 10,
    RemoteOperationError = 11,
    RetryExceededError = 12,
    RnrRetryExceededError = 13,
    LocalRddViolationError = 14,
    RemoteInvalidRdRequestError = 15,
    RemoteAbortedError = 16,
    InvalidEecNumberError = 17,
    InvalidEecStateError = 18,
    FatalError = 19,
    ResponseTimeoutError = 20,
    GeneralError = 21,
}

/// <summary>What completed, with the values of <c>enum ibv_wc_opcode</c>.</summary>
public enum CompletionOpcode : byte
{
    Send = 0,
    Write = 1,
    Read = 2,
    CompareSwap = 3,
    FetchAdd = 4,
    BindWindow = 5,
    LocalInvalidate = 6,
    Receive = 128,
    ReceiveWriteWithImmediate = 129,
}

/// <summary>Completion flags, with the values of <c>enum ibv_wc_flags</c>.</summary>
[Flags]
public enum CompletionFlags : byte
{
    None = 0,
    GlobalRouteHeader = 1,
    WithImmediate = 2,
    WithInvalidate = 8,
}

/// <summary>A completion on its way to a CQ. <c>struct ibv_wc</c>.</summary>
public struct Completion
{
    public ulong WorkRequestId;
    public CompletionStatus Status;
    public CompletionOpcode Opcode;
    public CompletionFlags Flags;

    /// <summary>True when the message asked for a solicited event, or the status is an error.</summary>
    public bool Solicited;

    /// <summary>Bytes received, or bytes of a READ or atomic.</summary>
    public uint Bytes;

    public uint ImmediateOrKey;

    /// <summary>UD receive: the sender's QPN.</summary>
    public uint SourceQpn;

    /// <summary>Why, when it failed: one fixed sentence for a person, or null. Counted and shown by the tools.</summary>
    public string? Hint;
}

/// <summary>Asynchronous events of a QP, with the values of <c>enum ibv_event_type</c>.</summary>
public enum QueuePairEvent : byte
{
    Fatal = 1,
    RequestError = 2,
    AccessError = 3,
    CommunicationEstablished = 4,
    SendQueueDrained = 5,
    PathMigrated = 6,
    PathMigrationError = 7,
    LastWorkRequestReached = 16,
}
