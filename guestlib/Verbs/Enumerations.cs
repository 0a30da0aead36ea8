namespace RoceEngine.Verbs;

/// <summary>QP states, with the values of <c>enum ibv_qp_state</c>. IBTA vol. 1, 10.3.1.</summary>
public enum QueuePairState : byte
{
    /// <summary>Freshly created or reset: posts are refused.</summary>
    Reset = 0,

    /// <summary>Receives may be posted; nothing is sent or received.</summary>
    Init = 1,

    /// <summary>Ready to receive (RTR): packets of the peer are answered; sends are refused.</summary>
    ReadyToReceive = 2,

    /// <summary>Ready to send (RTS): everything works.</summary>
    ReadyToSend = 3,

    /// <summary>Send queue drained (SQD): sends already begun finish, later ones wait.</summary>
    SendQueueDrained = 4,

    /// <summary>Send queue error (SQE; unconnected services).</summary>
    SendQueueError = 5,

    /// <summary>Every work request completes with <see cref="CompletionStatus.FlushError"/>.</summary>
    Error = 6,
}

/// <summary>Transport services, with the values of <c>enum ibv_qp_type</c>.</summary>
public enum QueuePairType : byte
{
    /// <summary>
    /// Datagrams of general services, the connection manager's among them: each device has one such QP at most, whose number is 1. As
    /// <see cref="Ud"/> otherwise. IBTA vol. 1, 13.5.1.
    /// </summary>
    Gsi = 1,

    /// <summary>Reliable connection.</summary>
    Rc = 2,

    /// <summary>Unreliable connection.</summary>
    Uc = 3,

    /// <summary>Unreliable datagram.</summary>
    Ud = 4,
}

/// <summary>Access rights of memory and QPs, with the values of <c>enum ibv_access_flags</c>. Local read is always granted.</summary>
[Flags]
public enum AccessFlags
{
    /// <summary>Local reads only: a source of sends and writes.</summary>
    None = 0,

    /// <summary>The device may write here for its own guest: receives, READ responses, atomic results.</summary>
    LocalWrite = 1,

    /// <summary>Peers may RDMA WRITE (for memory, needs <see cref="LocalWrite"/>).</summary>
    RemoteWrite = 2,

    /// <summary>Peers may RDMA READ.</summary>
    RemoteRead = 4,

    /// <summary>Peers may use atomics (for memory, needs <see cref="LocalWrite"/>).</summary>
    RemoteAtomic = 8,

    /// <summary>Memory windows may be bound.</summary>
    WindowBind = 16,

    /// <summary>Type-2 memory windows: peers count addresses from 0 at the window's first byte.</summary>
    ZeroBased = 32,

    /// <summary>Peers may flush to global visibility.</summary>
    FlushGlobal = 1 << 8,

    /// <summary>Peers may flush to persistence.</summary>
    FlushPersistent = 1 << 9,
}

/// <summary>Which attributes a modify names, with the values of <c>enum ibv_qp_attr_mask</c>.</summary>
[Flags]
public enum QueuePairAttributeMask
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary><see cref="QueuePairAttributes.State"/>.</summary>
    State = 1 << 0,

    /// <summary><see cref="QueuePairAttributes.CurrentState"/>.</summary>
    CurrentState = 1 << 1,

    /// <summary><see cref="QueuePairAttributes.EnableDrainedNotify"/>.</summary>
    EnableDrainedNotify = 1 << 2,

    /// <summary><see cref="QueuePairAttributes.Access"/>.</summary>
    AccessFlags = 1 << 3,

    /// <summary><see cref="QueuePairAttributes.PartitionKeyIndex"/>.</summary>
    PartitionKeyIndex = 1 << 4,

    /// <summary><see cref="QueuePairAttributes.Port"/>.</summary>
    Port = 1 << 5,

    /// <summary><see cref="QueuePairAttributes.QueueKey"/>.</summary>
    QueueKey = 1 << 6,

    /// <summary>
    /// The address vector: <see cref="QueuePairAttributes.DestinationAddress"/>, <see cref="QueuePairAttributes.SourceGidIndex"/>,
    /// <see cref="QueuePairAttributes.TrafficClass"/> and <see cref="QueuePairAttributes.HopLimit"/>.
    /// </summary>
    AddressVector = 1 << 7,

    /// <summary><see cref="QueuePairAttributes.PathMtuBytes"/>.</summary>
    PathMtu = 1 << 8,

    /// <summary><see cref="QueuePairAttributes.Timeout"/>.</summary>
    Timeout = 1 << 9,

    /// <summary><see cref="QueuePairAttributes.RetryCount"/>.</summary>
    RetryCount = 1 << 10,

    /// <summary><see cref="QueuePairAttributes.RnrRetry"/>.</summary>
    RnrRetry = 1 << 11,

    /// <summary><see cref="QueuePairAttributes.ReceivePsn"/>.</summary>
    ReceivePsn = 1 << 12,

    /// <summary><see cref="QueuePairAttributes.MaxRdAtomic"/>.</summary>
    MaxRdAtomic = 1 << 13,

    /// <summary>
    /// The alternate path (<see cref="QueuePairAttributes.AlternateAddress"/> and its neighbours); accepted where the state table allows it, without effect.
    /// </summary>
    AlternatePath = 1 << 14,

    /// <summary><see cref="QueuePairAttributes.MinRnrTimer"/>.</summary>
    MinRnrTimer = 1 << 15,

    /// <summary><see cref="QueuePairAttributes.SendPsn"/>.</summary>
    SendPsn = 1 << 16,

    /// <summary><see cref="QueuePairAttributes.MaxDestinationRdAtomic"/>.</summary>
    MaxDestinationRdAtomic = 1 << 17,

    /// <summary><see cref="QueuePairAttributes.PathMigrationState"/>; accepted where the state table allows it, without effect.</summary>
    PathMigrationState = 1 << 18,

    /// <summary>Queue sizes; a QP keeps the ones that it was made with, and the device answers EINVAL.</summary>
    Capabilities = 1 << 19,

    /// <summary><see cref="QueuePairAttributes.DestinationNumber"/>.</summary>
    DestinationNumber = 1 << 20,
}

/// <summary>Send work request opcodes, with the values of <c>enum ibv_wr_opcode</c>.</summary>
public enum SendOpcode : byte
{
    /// <summary>RDMA WRITE.</summary>
    Write = 0,

    /// <summary>RDMA WRITE that also consumes a receive of the peer and hands it <see cref="SendRequest.Immediate"/>.</summary>
    WriteWithImmediate = 1,

    /// <summary>SEND into a receive of the peer.</summary>
    Send = 2,

    /// <summary>SEND with immediate data.</summary>
    SendWithImmediate = 3,

    /// <summary>RDMA READ.</summary>
    Read = 4,

    /// <summary>64-bit compare and swap; the old value lands in the first entry.</summary>
    CompareSwap = 5,

    /// <summary>64-bit fetch and add; the old value lands in the first entry.</summary>
    FetchAdd = 6,

    /// <summary>Invalidates a local key (<see cref="SendRequest.Immediate"/> is the key).</summary>
    LocalInvalidate = 7,

    /// <summary>Binds a memory window: <see cref="QueuePair.PostBindWindow"/>.</summary>
    BindWindow = 8,

    /// <summary>SEND that also invalidates a remote key of the peer (<see cref="SendRequest.Immediate"/> is the key).</summary>
    SendWithInvalidate = 9,

    /// <summary>
    /// 64-bit compare and swap under masks: where <see cref="SendRequest.CompareMask"/> has ones the values are compared, where
    /// <see cref="SendRequest.SwapMask"/> has ones they are replaced. <c>IB_WR_MASKED_ATOMIC_CMP_AND_SWP</c>.
    /// </summary>
    MaskedCompareSwap = 12,

    /// <summary>
    /// 64-bit fetch and add of several fields: a one in <see cref="SendRequest.FieldBoundary"/> is the highest bit of a field, out of
    /// which nothing is carried. <c>IB_WR_MASKED_ATOMIC_FETCH_AND_ADD</c>.
    /// </summary>
    MaskedFetchAdd = 13,

    /// <summary>Waits until earlier writes to a remote range are visible or persistent. <c>ibv_wr_flush</c>; IBTA vol. 1 (1.5), annex A19.</summary>
    Flush = 14,

    /// <summary>Writes 8 bytes, aligned, at once and in order with the requests before it. <c>ibv_wr_atomic_write</c>; IBTA vol. 1 (1.5), annex A19.</summary>
    AtomicWrite = 15,

    /// <summary>Fast registration: <see cref="QueuePair.PostFastRegister"/>. <c>IB_WR_REG_MR</c>.</summary>
    FastRegister = 32,
}

/// <summary>What a <see cref="SendOpcode.Flush"/> asks for. IBTA vol. 1 (1.5), annex A19.</summary>
[Flags]
public enum FlushOptions
{
    /// <summary>Nothing: refused.</summary>
    None = 0,

    /// <summary>Global visibility. <c>IBV_FLUSH_GLOBAL</c>.</summary>
    Global = 1,

    /// <summary>Persistence. <c>IBV_FLUSH_PERSISTENT</c>.</summary>
    Persistent = 2,

    /// <summary>The whole remote region instead of a range. <c>IBV_FLUSH_MR</c>.</summary>
    WholeRegion = 16,
}

/// <summary>Send flags, with the values of <c>enum ibv_send_flags</c>.</summary>
[Flags]
public enum SendFlags : byte
{
    /// <summary>No flag: completes without a CQE when it succeeds, unless the QP was made with <see cref="QueuePairOptions.SignalAll"/>.</summary>
    None = 0,

    /// <summary>Starts only when every READ and atomic before it has finished.</summary>
    Fence = 1,

    /// <summary>Writes a CQE when it succeeds.</summary>
    Signaled = 2,

    /// <summary>Fires a notification of the peer's CQ that was armed for solicited completions only.</summary>
    Solicited = 4,

    /// <summary>The bytes are copied into the ring at the post: the buffers may be reused at once, need no registration, and their keys are ignored.</summary>
    Inline = 8,
}

/// <summary>What completed, with the values of <c>enum ibv_wc_opcode</c>. Meaningful only when the status is success.</summary>
public enum WorkCompletionOpcode
{
    /// <summary>A SEND of any kind.</summary>
    Send = 0,

    /// <summary>An RDMA WRITE, with or without immediate data.</summary>
    Write = 1,

    /// <summary>An RDMA READ.</summary>
    Read = 2,

    /// <summary>A compare and swap.</summary>
    CompareSwap = 3,

    /// <summary>A fetch and add.</summary>
    FetchAdd = 4,

    /// <summary>A memory window bind.</summary>
    BindWindow = 5,

    /// <summary>A local invalidate.</summary>
    LocalInvalidate = 6,

    /// <summary>A FLUSH.</summary>
    Flush = 8,

    /// <summary>An ATOMIC WRITE.</summary>
    AtomicWrite = 9,

    /// <summary>A fast registration.</summary>
    FastRegister = 10,

    /// <summary>A masked compare and swap.</summary>
    MaskedCompareSwap = 11,

    /// <summary>A masked fetch and add.</summary>
    MaskedFetchAdd = 12,

    /// <summary>A receive filled by a SEND.</summary>
    Receive = 128,

    /// <summary>A receive consumed by an RDMA WRITE with immediate data.</summary>
    ReceiveWriteWithImmediate = 129,
}

/// <summary>Completion flags, with the values of <c>enum ibv_wc_flags</c>.</summary>
[Flags]
public enum CompletionFlags
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The first 40 bytes of the receive are a GRH (UD).</summary>
    GlobalRouteHeader = 1,

    /// <summary><see cref="WorkCompletion.ImmediateData"/> is valid.</summary>
    WithImmediate = 2,

    /// <summary><see cref="WorkCompletion.ImmediateData"/> is the local key that the peer invalidated.</summary>
    WithInvalidate = 8,
}
