using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>What the parts of one device share. One thread uses all of it.</summary>
internal sealed class DeviceCore
{
    public DeviceCore(DeviceOptions options, in GuestRam ram, IDeviceEnvironment environment)
    {
        Options = options;
        Ram = ram;
        Environment = environment;
        Objects = new DeviceObjects(options);
        Interrupts = new InterruptController(environment);
        Events = new EventRings(this);
        Failures = new FailureList(this);
        Completions = new CompletionWriter(this);
        MemoryOperations = new MemoryOperations(this);
        Host = new QueuePairHost(this);
        Multicast = new MulticastTable(this);
        Gids = new GidTable(options.Limits.Gids, options.Gid);
    }

    public DeviceOptions Options { get; }

    public DeviceLimits Limits => Options.Limits;

    public GuestRam Ram { get; }

    public IDeviceEnvironment Environment { get; }

    public DeviceObjects Objects { get; }

    public InterruptController Interrupts { get; }

    public EventRings Events { get; }

    public FailureList Failures { get; }

    public CompletionWriter Completions { get; }

    public MemoryOperations MemoryOperations { get; }

    public QueuePairHost Host { get; }

    public GidTable Gids { get; }

    public MulticastTable Multicast { get; }

    public TimerHeap Deadlines { get; } = new();

    /// <summary>What the device's QPs share.</summary>
    public ProtocolResources Protocol { get; } = new();

    /// <summary>A field, since it is a struct that changes.</summary>
    public TransmitList Transmits;

    /// <summary>A field, since it is a struct that changes.</summary>
    public DeviceStatistics Statistics;

    /// <summary>The extension bits in force.</summary>
    public ExtensionBits Extension { get; set; }

    /// <summary>True while no new send work request is begun.</summary>
    public bool IsQuiescing { get; set; }

    /// <summary>Told the handle of a QP that is gone.</summary>
    public Action<uint>? QueuePairRemoved { get; set; }

    /// <summary>Pages of guest memory that the device wrote; null while nobody wants to know.</summary>
    public DirtyLog? DirtyLog { get; set; }

    /// <summary>The time of the current call, ns.</summary>
    public long NowNs { get; set; }

    /// <summary>Counts a fault of the guest and reports it.</summary>
    public void Fault(GuestFault fault, uint handle, string text)
    {
        Statistics.ByFault[(int)fault]++;
        Environment.Report(new DeviceReport(Options.Name, fault, handle, text));
    }

    /// <summary>Takes a QP out of all lists and tables and ends its protocol.</summary>
    public void Remove(DeviceQueuePair qp)
    {
        qp.IsDestroyed = true;
        qp.Protocol.Destroy();
        DirtyLog?.Mark(qp.Pages, 1);
        Deadlines.Remove(qp.Protocol);
        if (qp.Protocol.TransmitScheduled)
        {
            Transmits.Remove(qp);
        }

        Objects.QueuePairNumbers.Remove(qp.Qpn);
        Objects.QueuePairs.Remove(qp.Handle);
        QueuePairRemoved?.Invoke(qp.Handle);
        Objects.PinnedPages -= qp.Pages.Count;
        qp.Domain.References--;
        qp.SendCompletionQueue.References--;
        qp.ReceiveCompletionQueue.References--;
        if (qp.SharedReceives is not null)
        {
            qp.SharedReceives.References--;
        }

        MemoryWindow.CloseAllOf(qp);
    }

    /// <summary>Pages in which the device keeps indices and rings were written, whether they were or not.</summary>
    public void MarkIndices()
    {
        if (DirtyLog is not { } log)
        {
            return;
        }

        foreach (DeviceQueuePair qp in Objects.QueuePairs.All())
        {
            log.Mark(qp.Pages, 1);
        }

        foreach (SharedReceiveQueue queue in Objects.SharedReceiveQueues.All())
        {
            log.Mark(queue.Pages, 1);
        }

        foreach (CompletionQueue queue in Objects.CompletionQueues.All())
        {
            log.Mark(queue);
        }

        foreach (GuestPages ring in Events.Pages)
        {
            log.Mark(ring, ring.Count);
        }
    }

    /// <summary>Forgets all objects of the guest, and what it enabled.</summary>
    public void Reset()
    {
        MarkIndices();
        Transmits.Clear();
        Multicast.Clear();
        foreach (DeviceQueuePair qp in Objects.QueuePairs.All().ToArray())
        {
            Remove(qp);
        }

        Objects.Clear();
        Failures.Clear();
        Completions.Clear();
        Events.Clear();
        Interrupts.Clear();
        Gids.Clear(Options.Gid);
        Extension = ExtensionBits.None;
    }
}
