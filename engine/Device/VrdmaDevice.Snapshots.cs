using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>A QP as tools show it.</summary>
public readonly record struct QueuePairSnapshot(
    uint Handle,
    uint Qpn,
    TransportService Service,
    QueuePairAttributes Attributes,
    uint SendCompletionQueue,
    uint ReceiveCompletionQueue,
    uint ProtectionDomain,
    uint SendDepth,
    uint ReceiveDepth,
    uint SendsOutstanding,
    uint ReceivesOutstanding,
    uint Events);

/// <summary>A CQ as tools show it.</summary>
public readonly record struct CompletionQueueSnapshot(uint Handle, uint Entries, uint Unread, int References, bool IsFailed);

/// <summary>An MR as tools show it; its key is not shown.</summary>
public readonly record struct MemoryRegionSnapshot(uint Handle, uint ProtectionDomain, ulong Start, ulong Bytes, AccessFlags Access);

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
                qp.Domain.Handle,
                qp.Sends.Slots,
                qp.Receives.Slots,
                qp.Sends.Outstanding,
                qp.Receives.Outstanding,
                qp.EventCount);
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
}
