using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

/// <summary>A context on a fake device, with a PD, a CQ and a QP that was taken to RTS.</summary>
internal sealed class FakeBench : IDisposable
{
    public FakeBench(int depth = 8, int sges = 2, int inlineBytes = 64, CompletionChannel? channel = null, int entries = 16)
    {
        Device = new FakeDevice();
        Context = RdmaContext.Open(Device.Channel);
        Channel = channel ?? Context.CreateCompletionChannel();
        Domain = Context.AllocateProtectionDomain();
        Queue = Context.CreateCompletionQueue(entries, Channel);
        QueuePair = CreateQueuePair(depth, sges, inlineBytes);
    }

    public FakeDevice Device { get; }

    public RdmaContext Context { get; }

    public CompletionChannel Channel { get; }

    public ProtectionDomain Domain { get; }

    public CompletionQueue Queue { get; }

    public QueuePair QueuePair { get; }

    public FakeQueuePair FakeQueuePair => Device.QueuePairs[QueuePair.Handle];

    public FakeCompletionQueue FakeQueue => Device.CompletionQueues[Queue.Handle];

    public QueuePair CreateQueuePair(int depth = 8, int sges = 2, int inlineBytes = 64)
    {
        QueuePair queuePair = Domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = Queue, ReceiveCompletionQueue = Queue, SendDepth = depth, ReceiveDepth = depth,
            SendSges = sges, ReceiveSges = sges, InlineBytes = inlineBytes,
        });
        queuePair.ToInit();
        queuePair.ToReadyToReceive(new QueuePairAddress(Context.Address, 17, 5));
        queuePair.ToReadyToSend(9);
        return queuePair;
    }

    /// <summary>A UD QP in RTS.</summary>
    public QueuePair CreateDatagramQueuePair(SharedReceiveQueue? shared = null, QueuePairType type = QueuePairType.Ud)
    {
        QueuePair queuePair = Domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = Queue, ReceiveCompletionQueue = Queue, Type = type, SharedReceiveQueue = shared, InlineBytes = 64,
        });
        if (type == QueuePairType.Ud)
        {
            queuePair.ActivateDatagrams(0x1234);
        }
        else
        {
            queuePair.ToInit();
            queuePair.ToReadyToReceive(new QueuePairAddress(Context.Address, 17, 5));
            queuePair.ToReadyToSend(9);
        }

        return queuePair;
    }

    public void Complete(ulong id, QueuePair? queuePair = null, PvrdmaWcStatus status = PvrdmaWcStatus.Success) =>
        FakeQueue.Complete(new PvrdmaCqe { WorkRequestId = id, QpHandle = (queuePair ?? QueuePair).Handle, Status = (uint)status });

    public List<WorkCompletion> PollAll()
    {
        var all = new List<WorkCompletion>();
        var batch = new WorkCompletion[3];
        for (int count = Queue.Poll(batch); count > 0; count = Queue.Poll(batch))
            all.AddRange(batch[..count]);
        return all;
    }

    public void Dispose()
    {
        Context.Dispose();
        Device.Dispose();
    }
}
