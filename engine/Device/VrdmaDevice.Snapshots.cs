using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>A QP as tools show it. Handle 0 of an SRQ means that there is none.</summary>
public readonly record struct QueuePairSnapshot(
    uint Handle,
    uint Qpn,
    TransportService Service,
    QueuePairAttributes Attributes,
    uint SendCompletionQueue,
    uint ReceiveCompletionQueue,
    uint SharedReceiveQueue,
    uint ProtectionDomain,
    uint SendDepth,
    uint ReceiveDepth,
    uint SendsOutstanding,
    uint ReceivesOutstanding,
    uint Events)
{
    /// <summary>What it is in the middle of.</summary>
    public QueuePairActivity Activity { get; init; }
}

/// <summary>A CQ as tools show it.</summary>
public readonly record struct CompletionQueueSnapshot(uint Handle, uint Entries, uint Unread, int References, bool IsFailed);

/// <summary>An MR as tools show it; its key is not shown.</summary>
public readonly record struct MemoryRegionSnapshot(uint Handle, uint ProtectionDomain, ulong Start, ulong Bytes, AccessFlags Access);

/// <summary>An SRQ as tools show it.</summary>
public readonly record struct SharedReceiveQueueSnapshot(
    uint Handle, uint ProtectionDomain, uint Depth, uint Waiting, uint Limit, int References, bool IsFailed);

/// <summary>An MW as tools show it; its key is not shown. A window that is closed has no bytes and names no region.</summary>
public readonly record struct MemoryWindowSnapshot(
    uint Handle, uint ProtectionDomain, int Type, uint MemoryRegion, ulong Start, ulong Bytes, AccessFlags Access);

/// <content>Lists of objects for the tools. They allocate; call them on the device's thread, between turns.</content>
public sealed unsafe partial class VrdmaDevice
{
    /// <summary>What the device is and can hold, as its guest's driver reads it.</summary>
    public PvrdmaDeviceCaps Capabilities => DeviceCapabilities.Of(_core.Options, _core.Extension);

    /// <summary>The device's one port, as its guest's driver reads it.</summary>
    public PvrdmaPortAttributes PortAttributes => _commands.DescribePort();

    /// <summary>The QPs, by handle.</summary>
    public QueuePairSnapshot[] ListQueuePairs() =>
    [
        .. _core.Objects.QueuePairs.All().Select(qp =>
        {
            qp.Protocol.Query(out QueuePairAttributes attributes);
            return new QueuePairSnapshot(
                qp.Handle,
                qp.Qpn,
                qp.Protocol.Config.Service,
                attributes,
                qp.SendCompletionQueue.Handle,
                qp.ReceiveCompletionQueue.Handle,
                qp.SharedReceives?.Handle ?? 0,
                qp.Domain.Handle,
                qp.Sends.Slots,
                qp.Receives.Slots,
                qp.Sends.Outstanding,
                qp.Receives.Outstanding,
                qp.EventCount)
            {
                Activity = qp.Protocol.Activity,
            };
        }),
    ];

    /// <summary>The CQs, by handle.</summary>
    public CompletionQueueSnapshot[] ListCompletionQueues() =>
    [
        .. _core.Objects.CompletionQueues.All().Select(queue =>
            new CompletionQueueSnapshot(queue.Handle, queue.EntryCount, queue.Unread, queue.References, queue.IsFailed)),
    ];

    /// <summary>The MRs, by handle.</summary>
    public MemoryRegionSnapshot[] ListMemoryRegions() =>
    [
        .. _core.Objects.Regions.All().Select(region =>
            new MemoryRegionSnapshot(region.Handle, region.Domain.Handle, region.Start, region.Bytes, region.Access)),
    ];

    /// <summary>The SRQs, by handle.</summary>
    public SharedReceiveQueueSnapshot[] ListSharedReceiveQueues() =>
    [
        .. _core.Objects.SharedReceiveQueues.All().Select(queue =>
        {
            queue.Queue.TryCountWaiting(out uint waiting);
            return new SharedReceiveQueueSnapshot(
                queue.Handle, queue.Domain.Handle, queue.Queue.Slots, waiting, queue.Limit, queue.References, queue.IsFailed);
        }),
    ];

    /// <summary>The MWs, by handle.</summary>
    public MemoryWindowSnapshot[] ListMemoryWindows() =>
    [
        .. _core.Objects.Windows.All().Select(window => new MemoryWindowSnapshot(
            window.Handle, window.Domain.Handle, (int)window.Kind, window.Region?.Handle ?? 0, window.Start, window.Bytes, window.Access)),
    ];
}
