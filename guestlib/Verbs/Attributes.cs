namespace RoceEngine.Verbs;

/// <summary>What a device is and can hold. <c>ibv_query_device</c>, <c>struct ibv_device_attr</c>.</summary>
public sealed record DeviceAttributes
{
    /// <summary>Firmware version: the device's own version number.</summary>
    public ulong FirmwareVersion { get; init; }

    /// <summary>Node GUID.</summary>
    public ulong NodeGuid { get; init; }

    /// <summary>System image GUID.</summary>
    public ulong SystemImageGuid { get; init; }

    /// <summary>Bytes of one memory region at most.</summary>
    public ulong MaxMemoryRegionBytes { get; init; }

    /// <summary>Page sizes supported, a bit per power of two.</summary>
    public ulong PageSizeMask { get; init; }

    /// <summary>PCI vendor id.</summary>
    public uint VendorId { get; init; }

    /// <summary>PCI device id.</summary>
    public uint VendorPartId { get; init; }

    /// <summary>Hardware version.</summary>
    public uint HardwareVersion { get; init; }

    /// <summary>QPs at most.</summary>
    public int MaxQueuePairs { get; init; }

    /// <summary>Work requests of one queue at most.</summary>
    public int MaxWorkRequests { get; init; }

    /// <summary>Capability flags, <c>enum ibv_device_cap_flags</c>.</summary>
    public uint CapabilityFlags { get; init; }

    /// <summary>Scatter/gather entries of a work request at most.</summary>
    public int MaxSges { get; init; }

    /// <summary>Scatter/gather entries of a READ at most.</summary>
    public int MaxReadSges { get; init; }

    /// <summary>CQs at most.</summary>
    public int MaxCompletionQueues { get; init; }

    /// <summary>Entries of one CQ at most.</summary>
    public int MaxCompletionEntries { get; init; }

    /// <summary>Memory regions at most.</summary>
    public int MaxMemoryRegions { get; init; }

    /// <summary>Protection domains at most.</summary>
    public int MaxProtectionDomains { get; init; }

    /// <summary>READs and atomics that a QP can answer at a time.</summary>
    public int MaxDestinationRdAtomic { get; init; }

    /// <summary>READs and atomics that a QP can have outstanding.</summary>
    public int MaxRdAtomic { get; init; }

    /// <summary>Responder resources of the whole device.</summary>
    public int MaxResponderResources { get; init; }

    /// <summary>Memory windows at most.</summary>
    public int MaxMemoryWindows { get; init; }

    /// <summary>Address handles at most.</summary>
    public int MaxAddressHandles { get; init; }

    /// <summary>Shared receive queues at most.</summary>
    public int MaxSharedReceiveQueues { get; init; }

    /// <summary>Work requests of a shared receive queue at most.</summary>
    public int MaxSharedReceiveRequests { get; init; }

    /// <summary>Scatter/gather entries of a shared receive queue's work request at most.</summary>
    public int MaxSharedReceiveSges { get; init; }

    /// <summary>Partition keys.</summary>
    public int MaxPartitionKeys { get; init; }

    /// <summary>Entries of the GID table.</summary>
    public int GidTableLength { get; init; }

    /// <summary>Ports.</summary>
    public int PortCount { get; init; }

    /// <summary>The local CA's acknowledge delay, encoded as 4.096 µs * 2^n.</summary>
    public int LocalAckDelay { get; init; }

    /// <summary>True when compare and swap and fetch and add work, atomic with respect to other QPs of the device.</summary>
    public bool HasAtomics { get; init; }

    /// <summary>Pages of a <see cref="FastMemoryRegion"/> at most; 0 when there is no fast registration.</summary>
    public int MaxFastRegisterPages { get; init; }

    /// <summary>True when keys of type-2 windows and fast registrations can be invalidated by work requests of this end.</summary>
    public bool HasLocalInvalidate { get; init; }

    /// <summary>True when peers can invalidate such keys by a SEND with invalidate.</summary>
    public bool HasRemoteInvalidate { get; init; }

    /// <summary>Multicast groups at most.</summary>
    public int MaxMulticastGroups { get; init; }

    /// <summary>QPs in one multicast group at most.</summary>
    public int MaxMulticastQueuePairs { get; init; }

    /// <summary>Memberships of QPs in multicast groups at most, all together.</summary>
    public int MaxMulticastAttachments { get; init; }

    /// <summary>True when the device makes UC QPs.</summary>
    public bool HasUnreliableConnections { get; init; }

    /// <summary>True when re-registration, CQ resize, multicast, ATOMIC WRITE and FLUSH work.</summary>
    public bool HasExtendedVerbs { get; init; }

    /// <summary>Bytes of an inline send at most; 0 when there are none.</summary>
    public int MaxInlineBytes { get; init; }
}

/// <summary>Port states, with the values of <c>enum ibv_port_state</c>.</summary>
public enum PortState
{
    /// <summary>No state.</summary>
    None = 0,

    /// <summary>Down.</summary>
    Down = 1,

    /// <summary>Initialising.</summary>
    Init = 2,

    /// <summary>Armed.</summary>
    Armed = 3,

    /// <summary>Active: traffic flows.</summary>
    Active = 4,

    /// <summary>Active, deferred.</summary>
    ActiveDefer = 5,
}

/// <summary>A port. <c>ibv_query_port</c>, <c>struct ibv_port_attr</c>.</summary>
public sealed record PortAttributes
{
    /// <summary>State of the port.</summary>
    public PortState State { get; init; }

    /// <summary>The largest MTU of the port, in bytes.</summary>
    public int MaxMtuBytes { get; init; }

    /// <summary>The MTU in use, in bytes: the path MTU of <see cref="QueuePair.ToReadyToReceive(in QueuePairAddress, int, byte, byte, byte, byte)"/> when none is given.</summary>
    public int ActiveMtuBytes { get; init; }

    /// <summary>Entries of the GID table.</summary>
    public int GidTableLength { get; init; }

    /// <summary>Capability flags, <c>enum ibv_port_cap_flags</c>.</summary>
    public uint CapabilityFlags { get; init; }

    /// <summary>Bytes of one message at most.</summary>
    public uint MaxMessageBytes { get; init; }

    /// <summary>Entries of the partition key table.</summary>
    public int PartitionKeyTableLength { get; init; }

    /// <summary>Local identifier; 0 on RoCE.</summary>
    public int Lid { get; init; }

    /// <summary>Width code: 1 is 1x, 2 is 4x, 4 is 8x, 8 is 12x.</summary>
    public int ActiveWidth { get; init; }

    /// <summary>Speed code of a lane: 1 SDR, 2 DDR, 4 QDR, 8 FDR10, 16 FDR, 32 EDR.</summary>
    public int ActiveSpeed { get; init; }

    /// <summary>Physical state code: 5 is link up.</summary>
    public int PhysicalState { get; init; }
}
