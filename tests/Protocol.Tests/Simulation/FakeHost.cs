using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests.Simulation;

/// <summary>The rings and the completions of one QP, as a device would keep them.</summary>
internal sealed class Rings
{
    public Queue<SendWorkRequest> Sends { get; } = new(64);

    public Queue<ReceiveWorkRequest> Receives { get; } = new(64);

    /// <summary>Ids that the device finds impossible when it fetches them.</summary>
    public HashSet<ulong> ImpossibleIds { get; } = [];

    /// <summary>Every finished send request, with whether an entry was written.</summary>
    public List<(Completion Completion, bool Written)> SendsDone { get; } = new(1024);

    public List<Completion> ReceivesDone { get; } = new(1024);

    public List<QueuePairEvent> Events { get; } = [];

    public IEnumerable<Completion> SendEntries => SendsDone.Where(done => done.Written).Select(done => done.Completion);
}

/// <summary>A device in small: flat memory, rings in managed queues, a transmit list and timers.</summary>
internal sealed class FakeHost : IQueuePairHost
{
    public FakeHost(Gid address, FlatMemory memory)
    {
        Address = address;
        Memory = memory;
    }

    public Gid Address { get; }

    public FlatMemory Memory { get; }

    public ProtocolResources Resources { get; } = new();

    public ProtocolCounters Counters => Resources.Counters;

    public TimerHeap Timers { get; } = new();

    public Queue<QueuePair> Scheduled { get; } = new(64);

    public Dictionary<uint, QueuePair> QueuePairs { get; } = [];

    public Dictionary<Gid, Path> Paths { get; } = [];

    public HashSet<uint> InvalidatedKeys { get; } = [];

    public long WindowLimitBytes { get; set; } = 1 << 20;

    /// <summary>Times that a QP named another deadline.</summary>
    public int DeadlineChanges { get; private set; }

    public static Rings RingsOf(QueuePair qp) => (Rings)qp.DeviceState!;

    public QueuePair Create(
        uint qpn, bool signalAll = false, bool shared = false, int depth = 256, TransportService service = TransportService.ReliableConnection)
    {
        var config = new QueuePairConfig(service, qpn, depth, depth, 16, 16, signalAll, shared);
        QueuePair qp = QueuePairFactory.Create(this, config, Resources);
        qp.DeviceState = new Rings();
        QueuePairs.Add(qpn, qp);
        return qp;
    }

    public FetchVerdict FetchSend(QueuePair qp, ref SendWorkRequest request)
    {
        if (!RingsOf(qp).Sends.TryDequeue(out SendWorkRequest next))
        {
            return FetchVerdict.Empty;
        }

        request = next;
        return RingsOf(qp).ImpossibleIds.Contains(request.WorkRequestId) ? FetchVerdict.Invalid : FetchVerdict.Fetched;
    }

    public FetchVerdict FetchReceive(QueuePair qp, ref ReceiveWorkRequest request)
    {
        if (!RingsOf(qp).Receives.TryDequeue(out ReceiveWorkRequest next))
        {
            return FetchVerdict.Empty;
        }

        request = next;
        return RingsOf(qp).ImpossibleIds.Contains(request.WorkRequestId) ? FetchVerdict.Invalid : FetchVerdict.Fetched;
    }

    public void CompleteSend(QueuePair qp, in Completion completion, bool writeEntry) =>
        RingsOf(qp).SendsDone.Add((completion, writeEntry));

    public void CompleteReceive(QueuePair qp, in Completion completion) => RingsOf(qp).ReceivesDone.Add(completion);

    public AccessVerdict TranslateLocal(QueuePair qp, uint localKey, ulong address, uint bytes, AccessFlags need, ref SegmentList into) =>
        bytes == 0 ? AccessVerdict.Granted : Memory.Translate(localKey, address, bytes, need, ref into);

    public AccessVerdict TranslateRemote(QueuePair qp, uint remoteKey, ulong address, uint bytes, AccessFlags need, ref SegmentList into) =>
        InvalidatedKeys.Contains(remoteKey) ? AccessVerdict.Denied : Memory.Translate(remoteKey, address, bytes, need, ref into);

    public AccessVerdict CheckRemoteKey(QueuePair qp, uint remoteKey, AccessFlags need) =>
        !InvalidatedKeys.Contains(remoteKey) && Memory.HasRights(remoteKey, need) ? AccessVerdict.Granted : AccessVerdict.Denied;

    public AccessVerdict InvalidateRemoteKey(QueuePair qp, uint remoteKey) =>
        InvalidatedKeys.Add(remoteKey) ? AccessVerdict.Granted : AccessVerdict.Denied;

    /// <summary>Local operations carried out, as opcode and key.</summary>
    public List<(WorkOpcode Opcode, uint Key)> LocalOperations { get; } = [];

    /// <summary>What the next local operations come to.</summary>
    public CompletionStatus LocalOutcome { get; set; }

    public CompletionStatus ExecuteLocal(QueuePair qp, ref SendWorkRequest request)
    {
        LocalOperations.Add((request.Opcode, request.LocalOperation.Key));
        return LocalOutcome;
    }

    public void MemoryWritten(QueuePair qp, in SegmentList segments)
    {
        foreach (MemorySegment segment in segments.Segments)
        {
            Memory.BytesWritten += segment.Bytes;
        }
    }

    public void RaiseEvent(QueuePair qp, QueuePairEvent kind) => RingsOf(qp).Events.Add(kind);

    public void ScheduleTransmit(QueuePair qp) => Scheduled.Enqueue(qp);

    public void DeadlineChanged(QueuePair qp)
    {
        DeadlineChanges++;
        Timers.Update(qp);
    }

    public Path ResolvePath(QueuePair qp, in Gid destination, byte trafficClass, byte hopLimit)
    {
        if (!Paths.TryGetValue(destination, out Path? path))
        {
            path = new Path(new Route(Address, destination, trafficClass, hopLimit), new PathWindow(WindowLimitBytes));
            Paths.Add(destination, path);
        }

        return path;
    }
}
