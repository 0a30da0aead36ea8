using System.Runtime.InteropServices;
using RoceEngine.Protocol;
using RoceEngine.Wire;
using Path = RoceEngine.Protocol.Path;

namespace RoceEngine.Benchmarks;

/// <summary>
/// A device reduced to what a queue pair needs: one QP, flat memory whose guest addresses are offsets and whose keys all fit, one work
/// request at a time.
/// </summary>
internal sealed unsafe class LoopHost : IQueuePairHost, IDisposable
{
    /// <summary>Bytes of the memory.</summary>
    public const int MemoryBytes = 1 << 20;

    private readonly Gid _address;
    private readonly bool _isLocal;
    private byte* _memory;
    private SendWorkRequest _send;
    private bool _hasSend;

    public LoopHost(Gid address, bool isLocal)
    {
        _address = address;
        _isLocal = isLocal;
        _memory = (byte*)NativeMemory.AlignedAlloc(MemoryBytes, 4096);
        Memory.Clear();
        QueuePair = QueuePairFactory.Create(
            this, new QueuePairConfig(TransportService.ReliableConnection, 17, 128, 128, 16, 16, false, false));
    }

    public QueuePair QueuePair { get; }

    public Span<byte> Memory => new(_memory, MemoryBytes);

    /// <summary>Send completions so far, all of them successful.</summary>
    public long SendsCompleted { get; private set; }

    /// <summary>Receive completions so far.</summary>
    public long ReceivesCompleted { get; private set; }

    /// <summary>Offers one request to the QP.</summary>
    public void Post(in SendWorkRequest request, long nowNs)
    {
        _send = request;
        _hasSend = true;
        QueuePair.HandleSendDoorbell(nowNs);
    }

    /// <summary>Takes the QP from Reset to ReadyToSend.</summary>
    public void Connect(Gid peer, int pathMtuBytes)
    {
        var attributes = new QueuePairAttributes
        {
            State = QueuePairState.Init,
            Access = AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic,
            Port = 1,
        };
        Modify(attributes, QueuePairAttributeMask.PartitionKeyIndex | QueuePairAttributeMask.Port | QueuePairAttributeMask.AccessFlags);

        attributes.State = QueuePairState.ReadyToReceive;
        attributes.PathMtuBytes = pathMtuBytes;
        attributes.DestinationQpn = 17;
        attributes.DestinationGid = peer;
        attributes.MaxDestinationRdAtomic = 16;
        Modify(attributes, QueuePairAttributeMask.AddressVector | QueuePairAttributeMask.PathMtu | QueuePairAttributeMask.DestinationQpn
            | QueuePairAttributeMask.ReceivePsn | QueuePairAttributeMask.MaxDestinationRdAtomic | QueuePairAttributeMask.MinRnrTimer);

        attributes.State = QueuePairState.ReadyToSend;
        attributes.Timeout = 14;
        attributes.RetryCount = 7;
        attributes.RnrRetry = 7;
        attributes.MaxRdAtomic = 16;
        Modify(attributes, QueuePairAttributeMask.SendPsn | QueuePairAttributeMask.Timeout | QueuePairAttributeMask.RetryCount
            | QueuePairAttributeMask.RnrRetry | QueuePairAttributeMask.MaxRdAtomic);
    }

    private void Modify(in QueuePairAttributes attributes, QueuePairAttributeMask mask)
    {
        if (QueuePair.Modify(attributes, mask | QueuePairAttributeMask.State, 0) != 0)
        {
            throw new InvalidOperationException($"the queue pair does not go to {attributes.State}");
        }
    }

    public FetchVerdict FetchSend(QueuePair qp, ref SendWorkRequest request)
    {
        if (!_hasSend)
        {
            return FetchVerdict.Empty;
        }

        request = _send;
        _hasSend = false;
        return FetchVerdict.Fetched;
    }

    /// <summary>A receive of the upper half of the memory is always there.</summary>
    public FetchVerdict FetchReceive(QueuePair qp, ref ReceiveWorkRequest request)
    {
        request.WorkRequestId = 1;
        request.SgeCount = 1;
        request.TotalBytes = MemoryBytes / 2;
        request.Sges[0] = new ScatterGatherEntry { Address = MemoryBytes / 2, Length = MemoryBytes / 2, LocalKey = 1 };
        return FetchVerdict.Fetched;
    }

    public void CompleteSend(QueuePair qp, in Completion completion, bool writeEntry)
    {
        if (completion.Status != CompletionStatus.Success)
        {
            throw new InvalidOperationException($"a request failed: {completion.Status} {completion.Hint}");
        }

        SendsCompleted++;
    }

    public void CompleteReceive(QueuePair qp, in Completion completion) => ReceivesCompleted++;

    public AccessVerdict TranslateLocal(
        QueuePair qp, uint localKey, ulong address, uint bytes, AccessFlags need, ref SegmentList into) => Translate(address, bytes, ref into);

    public AccessVerdict TranslateRemote(
        QueuePair qp, uint remoteKey, ulong address, uint bytes, AccessFlags need, ref SegmentList into) => Translate(address, bytes, ref into);

    public AccessVerdict CheckRemoteKey(QueuePair qp, uint remoteKey, AccessFlags need) => AccessVerdict.Granted;

    public AccessVerdict InvalidateRemoteKey(QueuePair qp, uint remoteKey) => AccessVerdict.Denied;

    public CompletionStatus ExecuteLocal(QueuePair qp, ref SendWorkRequest request) => CompletionStatus.LocalQpOperationError;

    public void MemoryWritten(QueuePair qp, in SegmentList segments)
    {
    }

    public void RaiseEvent(QueuePair qp, QueuePairEvent kind)
    {
    }

    public void ScheduleTransmit(QueuePair qp)
    {
    }

    public void DeadlineChanged(QueuePair qp)
    {
    }

    public Path ResolvePath(QueuePair qp, in Gid destination, byte trafficClass, byte hopLimit) =>
        new(new Route(_address, destination, trafficClass, hopLimit) { IsLocal = _isLocal }, new PathWindow(1 << 20));

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }

    /// <summary>In bounds: the range is checked against the memory, without overflow.</summary>
    private AccessVerdict Translate(ulong address, uint bytes, ref SegmentList into)
    {
        if (address > MemoryBytes || bytes > MemoryBytes - address)
        {
            return AccessVerdict.Denied;
        }

        return bytes == 0 || into.TryAdd(_memory + address, (int)bytes) ? AccessVerdict.Granted : AccessVerdict.TooManyPieces;
    }
}
