namespace RoceEngine.Verbs;

/// <summary>
/// A queue pair. <c>ibv_create_qp</c>, <c>ibv_destroy_qp</c>. Posting is safe from several threads, allocates nothing, and makes no system
/// call while the device's worker is awake.
/// </summary>
public sealed partial class QueuePair : IDisposable
{
    /// <summary>The protection domain.</summary>
    public ProtectionDomain ProtectionDomain => throw new NotSupportedException();

    /// <summary>QP number, 24 bits: what the peer sends to.</summary>
    public uint Number => throw new NotSupportedException();

    /// <summary>The transport service.</summary>
    public QueuePairType Type => throw new NotSupportedException();

    /// <summary>Sends outstanding at most.</summary>
    public int SendDepth => throw new NotSupportedException();

    /// <summary>Receives outstanding at most.</summary>
    public int ReceiveDepth => throw new NotSupportedException();

    /// <summary>Scatter/gather entries of a send at most.</summary>
    public int SendSges => throw new NotSupportedException();

    /// <summary>Scatter/gather entries of a receive at most.</summary>
    public int ReceiveSges => throw new NotSupportedException();

    /// <summary>Bytes of an inline send at most.</summary>
    public int InlineBytes => throw new NotSupportedException();

    /// <summary>The state as the last modify, query or completion error left it; <see cref="Query"/> asks the device.</summary>
    public QueuePairState State => throw new NotSupportedException();

    /// <summary>Where sends complete.</summary>
    public CompletionQueue SendCompletionQueue => throw new NotSupportedException();

    /// <summary>Where receives complete.</summary>
    public CompletionQueue ReceiveCompletionQueue => throw new NotSupportedException();

    /// <summary>Changes state and attributes. <c>ibv_modify_qp</c>.</summary>
    /// <param name="attributes">Values; only those named by <paramref name="mask"/> are looked at.</param>
    /// <param name="mask">Which ones.</param>
    /// <exception cref="VerbsException">EINVAL: the state table does not allow it, or a value is out of range. Nothing changed.</exception>
    public void Modify(in QueuePairAttributes attributes, QueuePairAttributeMask mask) => throw new NotSupportedException();

    /// <summary>All attributes as the device has them. <c>ibv_query_qp</c>.</summary>
    public QueuePairAttributes Query() => throw new NotSupportedException();

    /// <summary>RESET to INIT on port 1.</summary>
    /// <param name="access">What the peer may do through this QP: RemoteWrite, RemoteRead, RemoteAtomic.</param>
    /// <exception cref="VerbsException">EINVAL: wrong state.</exception>
    public void ToInit(AccessFlags access = AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic) => throw new NotSupportedException();

    /// <summary>INIT to RTR: names the peer.</summary>
    /// <param name="remote">The peer's address, QP number and first PSN.</param>
    /// <param name="pathMtuBytes">Path MTU, equal at both ends; 0 for the port's active MTU.</param>
    /// <param name="maxDestinationRdAtomic">The peer's READs and atomics at a time; lowered to what the device can.</param>
    /// <param name="minRnrTimer">Encoded RNR NAK timer (12 is 0.64 ms).</param>
    /// <param name="trafficClass">IP traffic class of packets sent.</param>
    /// <param name="hopLimit">IP time to live of packets sent.</param>
    /// <exception cref="VerbsException">EINVAL: wrong state, MTU or address.</exception>
    public void ToReadyToReceive(
        in QueuePairAddress remote,
        int pathMtuBytes = 0,
        byte maxDestinationRdAtomic = 16,
        byte minRnrTimer = 12,
        byte trafficClass = 0,
        byte hopLimit = 64) => throw new NotSupportedException();

    /// <summary>RTR to RTS.</summary>
    /// <param name="psn">The first PSN to send: what the peer was told.</param>
    /// <param name="timeout">Encoded local ACK timeout: 4.096 µs * 2^n (14 is 67 ms); 0 waits forever.</param>
    /// <param name="retryCount">Retries after a timeout, 0…7.</param>
    /// <param name="rnrRetry">Retries after RNR NAKs; 7 is forever.</param>
    /// <param name="maxRdAtomic">Own READs and atomics outstanding; lowered to what the device can.</param>
    /// <exception cref="VerbsException">EINVAL: wrong state or value.</exception>
    public void ToReadyToSend(uint psn, byte timeout = 14, byte retryCount = 7, byte rnrRetry = 7, byte maxRdAtomic = 16) => throw new NotSupportedException();

    /// <summary>To ERR: everything posted completes with <see cref="CompletionStatus.FlushError"/>.</summary>
    public void ToError() => throw new NotSupportedException();

    /// <summary>To RESET: everything posted, and every completion of this QP not yet polled, is forgotten.</summary>
    public void ToReset() => throw new NotSupportedException();

    /// <summary>What the peer must be told.</summary>
    /// <param name="psn">The first PSN that this end will send, as given to <see cref="ToReadyToSend"/>.</param>
    public QueuePairAddress AddressWith(uint psn) => throw new NotSupportedException();

    /// <summary>Posts a send. <c>ibv_post_send</c>.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="entries">The local memory, in order; may be empty. Copied: the span may be reused at once.</param>
    /// <exception cref="VerbsException">ENOMEM: the queue is full. EINVAL: state below RTS, too many entries, unknown opcode, inline too long.</exception>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public void PostSend(in SendRequest request, ReadOnlySpan<ScatterGatherEntry> entries) => throw new NotSupportedException();

    /// <summary>As <see cref="PostSend(in SendRequest, ReadOnlySpan{ScatterGatherEntry})"/> with one entry.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="entry">The local memory.</param>
    public void PostSend(in SendRequest request, in ScatterGatherEntry entry) => throw new NotSupportedException();

    /// <summary>As <see cref="PostSend(in SendRequest, ReadOnlySpan{ScatterGatherEntry})"/>, but a full queue is an answer.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="entries">The local memory.</param>
    /// <returns>False when the queue is full.</returns>
    public bool TryPostSend(in SendRequest request, ReadOnlySpan<ScatterGatherEntry> entries) => throw new NotSupportedException();

    /// <summary>Posts a send whose bytes are copied into the ring now (SEND and WRITE of any kind). <c>ibv_post_send</c> with IBV_SEND_INLINE.</summary>
    /// <param name="request">What to do; the inline flag is implied.</param>
    /// <param name="data">The bytes, at most <see cref="InlineBytes"/>.</param>
    /// <exception cref="VerbsException">ENOMEM: the queue is full. EINVAL: as PostSend.</exception>
    public void PostSendInline(in SendRequest request, ReadOnlySpan<byte> data) => throw new NotSupportedException();

    /// <summary>As <see cref="PostSendInline"/>, but a full queue is an answer.</summary>
    /// <param name="request">What to do; the inline flag is implied.</param>
    /// <param name="data">The bytes, at most <see cref="InlineBytes"/>.</param>
    /// <returns>False when the queue is full.</returns>
    public bool TryPostSendInline(in SendRequest request, ReadOnlySpan<byte> data) => throw new NotSupportedException();

    /// <summary>Posts a receive. <c>ibv_post_recv</c>.</summary>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="entries">Where the message goes, in order; may be empty.</param>
    /// <exception cref="VerbsException">ENOMEM: the queue is full. EINVAL: in reset, or too many entries.</exception>
    public void PostReceive(ulong workRequestId, ReadOnlySpan<ScatterGatherEntry> entries) => throw new NotSupportedException();

    /// <summary>As <see cref="PostReceive(ulong, ReadOnlySpan{ScatterGatherEntry})"/> with one entry.</summary>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="entry">Where the message goes.</param>
    public void PostReceive(ulong workRequestId, in ScatterGatherEntry entry) => throw new NotSupportedException();

    /// <summary>As <see cref="PostReceive(ulong, ReadOnlySpan{ScatterGatherEntry})"/>, but a full queue is an answer.</summary>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="entries">Where the message goes.</param>
    /// <returns>False when the queue is full.</returns>
    public bool TryPostReceive(ulong workRequestId, ReadOnlySpan<ScatterGatherEntry> entries) => throw new NotSupportedException();

    /// <summary>
    /// Starts a batch: posts until <see cref="EndPost"/> share one doorbell. Pairs may nest. <c>ibv_wr_start</c>.
    /// The device may begin on a request before the batch ends; a batch that fills the queue rings by itself.
    /// </summary>
    public void BeginPost() => throw new NotSupportedException();

    /// <summary>Ends a batch and rings the doorbell for it. <c>ibv_wr_complete</c>.</summary>
    /// <exception cref="InvalidOperationException">No batch was begun.</exception>
    public void EndPost() => throw new NotSupportedException();

    /// <summary>
    /// Destroys the QP: outstanding requests vanish, and no completion of it shows up afterwards, not even one already in a CQ. <c>ibv_destroy_qp</c>.
    /// </summary>
    public void Dispose() => throw new NotSupportedException();
}
