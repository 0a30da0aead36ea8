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

    /// <summary>Compare and swap under masks, with the value of <c>IB_WR_MASKED_ATOMIC_CMP_AND_SWP</c>.</summary>
    MaskedCompareSwap = 12,

    /// <summary>Fetch and add with field boundaries, with the value of <c>IB_WR_MASKED_ATOMIC_FETCH_AND_ADD</c>.</summary>
    MaskedFetchAdd = 13,

    /// <summary>FLUSH. IBTA vol. 1 (1.5), annex A19.</summary>
    Flush = 14,

    /// <summary>ATOMIC WRITE of 8 bytes. IBTA vol. 1 (1.5), annex A19.</summary>
    AtomicWrite = 15,

    /// <summary>Fast registration, with the value of <c>IB_WR_REG_MR</c>.</summary>
    FastRegister = 32,
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

    /// <summary>Masked compare-and-swap: which bits are compared. Masked fetch-and-add: a 1 ends a field, carries do not cross it.</summary>
    public ulong CompareMaskOrBoundary;

    /// <summary>Masked compare-and-swap: which bits are replaced.</summary>
    public ulong SwapMask;

    /// <summary>FLUSH: bytes of the remote range; <see cref="FlushOptions.WholeRegion"/> ignores it.</summary>
    public uint FlushBytes;

    /// <summary>FLUSH: how far, and of what.</summary>
    public FlushOptions FlushOptions;

    /// <summary>UD: where the datagram goes.</summary>
    public DatagramAddress Datagram;

    /// <summary>The first <see cref="SgeCount"/> entries; with <see cref="SendFlags.Inline"/> the data itself; a <see cref="Protocol.LocalOperation"/>.</summary>
    public ScatterGatherList Sges;

    /// <summary>Bind, local invalidate, fast registration: the operands, in the place of the entries, of which these have none.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public ref LocalOperation LocalOperation => ref Unsafe.As<ScatterGatherList, LocalOperation>(ref Sges);

    /// <summary>Of a request that the device found impossible, only its id means something.</summary>
    internal void ForgetDataUnless(bool isFetched)
    {
        if (!isFetched)
        {
            Flags = SendFlags.None;
            SgeCount = 0;
            TotalBytes = 0;
        }
    }
}

/// <summary>Placement type and selectivity level of a FLUSH, with the bits of the FETH. IBTA vol. 1 (1.5), annex A19.</summary>
[Flags]
public enum FlushOptions : byte
{
    None = 0,

    /// <summary>Global visibility.</summary>
    Global = 1,

    /// <summary>Persistence.</summary>
    Persistent = 2,

    /// <summary>Selectivity: the whole memory region instead of a range.</summary>
    WholeRegion = 16,
}

/// <summary>Destination of a datagram: what an address handle and <c>wr.ud</c> say.</summary>
public struct DatagramAddress
{
    public Gid Gid;
    public uint Qpn;

    /// <summary>The queue key for the DETH; with the high bit set the sending QP's own is used instead. IBTA vol. 1, 10.2.5.</summary>
    public uint QueueKey;

    public byte TrafficClass;
    public byte HopLimit;
    public byte SourceGidIndex;
}

/// <summary>Operands of a work request that touches only this side's keys.</summary>
public struct LocalOperation
{
    /// <summary>Local invalidate: the key. Bind, fast registration: the window's or region's new key.</summary>
    public uint Key;

    /// <summary>Bind: the local key of the region that the window opens.</summary>
    public uint RegionKey;

    /// <summary>Bind, fast registration: first address and length of the range; a bind of 0 bytes closes a type-1 window.</summary>
    public ulong Address;

    public ulong Bytes;
    public AccessFlags Access;

    /// <summary>Fast registration: guest physical address of the page directory, and pages in it.</summary>
    public ulong DirectoryAddress;

    public uint PageCount;
    public uint PageShift;
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
    Flush = 8,
    AtomicWrite = 9,
    FastRegister = 10,
    MaskedCompareSwap = 11,
    MaskedFetchAdd = 12,
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
