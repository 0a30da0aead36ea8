namespace RoceEngine.Channel;

/// <summary>The daemon's answer: either <see cref="Refusal"/> is set, or what was asked for.</summary>
public sealed record DaemonReply
{
    /// <summary>Why the request was refused, as one sentence for a person; null when it was granted.</summary>
    public string? Refusal { get; init; }

    public AttachReply? Attached { get; init; }

    public ClaimReply? Claimed { get; init; }

    /// <summary>How far a migration is; more of them may come, then <see cref="Migrated"/> or a refusal.</summary>
    public MigrationProgress? Migrating { get; init; }

    public MigrationReport? Migrated { get; init; }

    public SnapshotReply? Saved { get; init; }

    public RestoreReply? Restored { get; init; }

    /// <summary>True when a device has ended that was saved and stopped.</summary>
    public bool HasEnded { get; init; }

    /// <summary>True when a device that no guest held was let go.</summary>
    public bool WasReleased { get; init; }

    public DaemonInfo? Info { get; init; }

    public IReadOnlyList<DeviceSummary>? Devices { get; init; }

    public IReadOnlyList<DeviceReport>? Reports { get; init; }

    /// <summary>True when the capture has begun: pieces of a pcapng file follow, each with its length; a length of 0 ends them, and one more reply comes.</summary>
    public bool CaptureStarted { get; init; }

    /// <summary>At the end of a capture.</summary>
    public CaptureSummary? Captured { get; init; }
}

/// <summary>The device that a guest got.</summary>
public sealed record AttachReply
{
    public required string Name { get; init; }

    public required string Address { get; init; }

    public required long GuestRamBytes { get; init; }

    public required long ControlBytes { get; init; }
}

/// <summary>The daemon as a whole.</summary>
public sealed record DaemonInfo
{
    public required string Version { get; init; }

    public required int AbiVersion { get; init; }

    public required int ProcessId { get; init; }

    public required int Workers { get; init; }

    /// <summary>All addresses that the daemon may give to guests.</summary>
    public required IReadOnlyList<string> Addresses { get; init; }

    public required long UptimeMs { get; init; }

    /// <summary>Packets for devices that had just left for another daemon; they were dropped, and their senders send them again.</summary>
    public long LatePackets { get; init; }
}

/// <summary>One attached device.</summary>
public sealed record DeviceSummary
{
    public required string Name { get; init; }

    public required string Address { get; init; }

    /// <summary>"running", "fatal" or "closed".</summary>
    public required string State { get; init; }

    public required long GuestRamBytes { get; init; }

    /// <summary>The guest's process, or 0 when it is unknown.</summary>
    public required int ProcessId { get; init; }

    public required long UserId { get; init; }

    /// <summary>Index of the worker that owns the device.</summary>
    public required int Worker { get; init; }

    public required int QueuePairs { get; init; }

    public required int CompletionQueues { get; init; }

    public required int MemoryRegions { get; init; }

    public int MemoryWindows { get; init; }

    public int SharedReceiveQueues { get; init; }

    /// <summary>Multicast groups that its QPs belong to.</summary>
    public int MulticastGroups { get; init; }

    /// <summary>Milliseconds since the guest attached.</summary>
    public required long UptimeMs { get; init; }
}

/// <summary>A named counter.</summary>
public sealed record CounterValue(string Name, long Value);

/// <summary>A QP as the daemon sees it.</summary>
public sealed record QueuePairReport
{
    public required uint Number { get; init; }

    public required string Type { get; init; }

    public required string State { get; init; }

    public required int PathMtuBytes { get; init; }

    public required uint DestinationNumber { get; init; }

    public required string Destination { get; init; }
}

/// <summary>A device with its counters and queue pairs.</summary>
public sealed record DeviceReport
{
    public required DeviceSummary Device { get; init; }

    /// <summary>Counters in a fixed order, names in snake case.</summary>
    public required IReadOnlyList<CounterValue> Counters { get; init; }

    public required IReadOnlyList<QueuePairReport> QueuePairs { get; init; }

    /// <summary>What the device is and can hold: the members of <c>struct ibv_device_attr</c> by their names there.</summary>
    public IReadOnlyList<CounterValue> DeviceAttributes { get; init; } = [];

    /// <summary>Its port: the members of <c>struct ibv_port_attr</c> by the names that ibv_devinfo(1) prints; MTUs in the codes of <c>enum ibv_mtu</c>.</summary>
    public IReadOnlyList<CounterValue> PortAttributes { get; init; } = [];
}

/// <summary>What a capture amounted to.</summary>
public sealed record CaptureSummary
{
    /// <summary>Packets written.</summary>
    public required long Packets { get; init; }

    /// <summary>Packets that were lost to the capture (never to the guests) because it could not keep up.</summary>
    public required long Dropped { get; init; }
}
